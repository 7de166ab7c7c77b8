"""What the policy service does: one module per use case."""
