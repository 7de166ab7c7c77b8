"""Requests and the connector together, in one process and in the hand of a test's clock."""
