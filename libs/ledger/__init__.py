"""The audit records and events of a service, served by the service itself.

One implementation, mounted on each server, as health and reflection are.
"""
