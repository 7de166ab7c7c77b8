"""The requests service: its domain and its use cases, without I/O."""
