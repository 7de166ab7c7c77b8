"""What is done without being asked: following the requests service."""
