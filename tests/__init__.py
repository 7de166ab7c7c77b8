"""Latchkey's tests: a package all the way down, or tests/unit/requests would be `requests`."""
