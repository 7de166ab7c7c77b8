"""The requests service as a whole: real gRPC, real database, real NATS."""
