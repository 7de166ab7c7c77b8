"""The simulator's parts without its server."""
