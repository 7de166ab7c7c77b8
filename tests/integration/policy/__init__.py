"""The policy service whole: a real channel, a real database, a real NATS."""
