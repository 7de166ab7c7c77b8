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
    # The name as it is compared; see `services.policy.domain.policy.folded`.
    Column("folded_name", Text, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("built_in", Boolean, nullable=False),
    # The current one.
    Column("version", Integer, nullable=False),
    Column("create_time", UtcTime, nullable=False),
)
Index("policies_by_time", policies.c.create_time, policies.c.policy_id)

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
)
