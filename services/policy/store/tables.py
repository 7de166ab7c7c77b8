"""The tables."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from libs.db.ledger import Ledger
from libs.db.types import UtcTime

metadata = MetaData()
ledger = Ledger(metadata)

policies = Table(
    "policies",
    metadata,
    Column("policy_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    # The name as it is compared; see `services.policy.domain.policy.folded`. A deleted policy has
    # none, so that its name is free again.
    Column("folded_name", Text, unique=True),
    Column("description", Text, nullable=False),
    Column("built_in", Boolean, nullable=False),
    # The current one.
    Column("version", Integer, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("delete_time", UtcTime),
)
# In the order of the list, without what was deleted.
_KEPT = policies.c.delete_time.is_(None)
Index(
    "policies_listed",
    policies.c.create_time,
    policies.c.policy_id,
    postgresql_where=_KEPT,
    sqlite_where=_KEPT,
)

# Rows are added and never changed: plans name them.
policy_versions = Table(
    "policy_versions",
    metadata,
    Column("policy_id", Text, ForeignKey("policies.policy_id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    # Canonical JSON, to the letter: the digest is its SHA-256.
    Column("content", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("create_time", UtcTime, nullable=False),
    # As they were in this version. A name is empty where a replica of the version before wrote the
    # row while the service was being upgraded: that one knew no updates, so the policy's holds.
    Column("display_name", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
)

# Which policies the current versions escalate to; none of a deleted one.
policy_escalations = Table(
    "policy_escalations",
    metadata,
    Column("policy_id", Text, ForeignKey("policies.policy_id"), primary_key=True),
    Column("escalate_to_policy_id", Text, ForeignKey("policies.policy_id"), primary_key=True),
)
Index("policy_escalations_by_target", policy_escalations.c.escalate_to_policy_id)
