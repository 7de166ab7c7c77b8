"""The catalog whole: gRPC in front, a real database and NATS behind."""
