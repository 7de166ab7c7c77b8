"""The tables of takeovers."""

from sqlalchemy import JSON, BigInteger, Column, Index, Table, Text

from libs.db.types import UtcTime
from services.requests.store.tables import metadata

takeovers = Table(
    "takeovers",
    metadata,
    Column("takeover_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    # Its entitlement while it is not over.
    Column("open_key", Text, unique=True),
    Column("app_id", Text, nullable=False),
    Column("entitlement_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("found_count", BigInteger, nullable=False),
    Column("holder_count", BigInteger, nullable=False),
    Column("taken_count", BigInteger, nullable=False),
    Column("skipped_count", BigInteger, nullable=False),
    Column("look_time", UtcTime),
    Column("finish_time", UtcTime),
    Column("confirmed_by", Text),
)
Index("takeovers_state", takeovers.c.state, takeovers.c.takeover_id)

# Whom a takeover found, and what became of each.
takeover_holders = Table(
    "takeover_holders",
    metadata,
    Column("takeover_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("entitlement_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", JSON, nullable=False),
    Column("fate", Text, nullable=False),
    Column("access_request_id", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", UtcTime, nullable=False),
)
Index(
    "takeover_holders_fate",
    takeover_holders.c.takeover_id,
    takeover_holders.c.fate,
    takeover_holders.c.user_id,
)
Index(
    "takeover_holders_past",
    takeover_holders.c.entitlement_id,
    takeover_holders.c.user_id,
)
