"""Clients that others wrote, on a simulated tenant: `make test-peers`, never `make test`.

They run in a virtual environment of their own, and know of this project only what it serves.
"""
