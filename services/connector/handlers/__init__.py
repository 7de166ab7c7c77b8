"""What the connector does, one module a use case."""
