"""Reading a tenant: what it holds at first, and what has changed since.

Users, groups with their members, and service principals are read through Graph's delta functions,
who is assigned to the apps in scope through batches of lists, for there is no delta of these.
Related objects are never asked for with `$expand`: it returns about twenty and says nothing of the
others. Source: Microsoft Learn, "Use query parameters", limitations of `$expand` on directory
objects.
"""

from services.connector.entra.sync.reader import TenantReader

__all__ = ["TenantReader"]
