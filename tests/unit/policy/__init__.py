"""The policy service's domain and handlers."""
