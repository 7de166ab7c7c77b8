"""The connector's domain, handlers and tables of answers, without any I/O."""
