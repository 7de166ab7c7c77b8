"""The tables of what is made use of: access by requests and leases, and access beside them."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from libs.db.types import UtcTime
from services.catalog.store.tables import metadata

# What the requests service says of access requests and their leases, until both are over. It is
# read from its events in their order; `feed_positions` is how far.
uses = Table(
    "uses",
    metadata,
    Column("access_request_id", Text, primary_key=True),
    Column("entitlement_id", Text, nullable=False, index=True),
    Column("app_id", Text, nullable=False, index=True),
    Column("user_id", Text, nullable=False, index=True),
    # OPEN before there is a lease; then GRANTED, ACTIVE, FAILED or ENDING, as the lease.
    Column("state", Text, nullable=False),
    Column("lease_id", Text, nullable=False, index=True),
    Column("end_time", UtcTime),
)

# Leases that are over, until a sync that has begun after `settle_time` is complete: what they
# brought may be in the mirror until then.
former_leases = Table(
    "former_leases",
    metadata,
    Column("lease_id", Text, primary_key=True),
    Column("entitlement_id", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("settle_time", UtcTime, nullable=False),
)
Index("former_leases_by_user", former_leases.c.user_id, former_leases.c.entitlement_id)

feed_positions = Table(
    "feed_positions",
    metadata,
    Column("service", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    # The event there: another one at its place is another feed, put back from a backup.
    Column("event_id", Text, nullable=False),
)

# Access from outside Latchkey that was told of: who holds a part of an entitlement without a lease.
unmanaged_access = Table(
    "unmanaged_access",
    metadata,
    Column("entitlement_id", Text, primary_key=True),
    Column("directory_entitlement_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True, index=True),
    Column("app_id", Text, nullable=False, index=True),
    Column("first_seen_time", UtcTime, nullable=False),
)
