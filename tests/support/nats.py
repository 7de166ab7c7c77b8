"""A NATS server for tests: the same child process that the development house runs."""

from tools.dev.nats import NatsError, NatsServer

__all__ = ["NatsError", "NatsServer"]
