"""Domain, handlers and tools: no server, milliseconds."""
