"""What is done without being asked: deciding late, looking after leases, ending them in time."""
