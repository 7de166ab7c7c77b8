"""What the connector knows without a wire, a database or a vendor."""
