"""What the services stand on. No library knows a service."""
