"""Access requests and leases: what they are, and which way they may go."""
