"""NATS in and out: the outbox's way to JetStream, and JetStream's way to a use case."""
