"""The catalog's domain and handlers, without I/O."""
