"""What the connector does without being asked: it runs syncs and carries out operations."""
