"""The tables that every service keeps beside its own.

What a change leaves behind besides the change: its audit record, its events on their way out, the
answer to its idempotency key, and the events that have come in and had their effect.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from libs.db.types import UtcTime


class Ledger:
    """The tables, defined in a service's own metadata."""

    def __init__(self, metadata: MetaData) -> None:
        # One row. Who writes locks it first, so positions and the chain have no gaps and follow
        # the order of commits, over replicas too.
        self.head = Table(
            "ledger_head",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column("audit_sequence", BigInteger, nullable=False),
            Column("audit_hash", String(64), nullable=False),
            Column("outbox_position", BigInteger, nullable=False),
        )
        self.audit = Table(
            "audit_records",
            metadata,
            Column("sequence", BigInteger, primary_key=True, autoincrement=False),
            Column("record_time", UtcTime, nullable=False),
            Column("actor", Text, nullable=False),
            Column("action", Text, nullable=False),
            Column("resource_id", Text, nullable=False, index=True),
            Column("reason", Text, nullable=False),
            Column("details", Text, nullable=False),
            Column("previous_hash", String(64), nullable=False),
            Column("hash", String(64), nullable=False),
        )
        # Where the chain was at one moment, signed: see libs/audit/heads.py.
        self.audit_heads = Table(
            "audit_heads",
            metadata,
            Column("service", Text, nullable=False),
            Column("sequence", BigInteger, primary_key=True, autoincrement=False),
            Column("hash", String(64), nullable=False),
            Column("previous_sequence", BigInteger, nullable=False),
            Column("head_time", Text, nullable=False),
            Column("key_id", Text, nullable=False),
            Column("signature", Text, nullable=False),
        )
        self.outbox = Table(
            "outbox",
            metadata,
            Column("position", BigInteger, primary_key=True, autoincrement=False),
            Column("event_id", Text, nullable=False, unique=True),
            Column("type", Text, nullable=False),
            Column("resource_id", Text, nullable=False),
            Column("resource_version", BigInteger, nullable=False),
            Column("event_time", UtcTime, nullable=False),
            Column("actor", Text, nullable=False),
            Column("payload", LargeBinary, nullable=False),
            Column("published", Boolean, nullable=False),
            # Which stream acknowledged it, as its creation time and the sequence there: an ack is
            # no promise, so a stream that is younger or shorter than that is sent it again.
            Column("stream_created", Text),
            Column("stream_sequence", BigInteger),
        )
        Index("outbox_unpublished", self.outbox.c.published, self.outbox.c.position)
        self.idempotency = Table(
            "idempotency_keys",
            metadata,
            Column("caller", Text, primary_key=True),
            Column("method", Text, primary_key=True),
            Column("key", Text, primary_key=True),
            Column("fingerprint", String(64), nullable=False),
            Column("answer", LargeBinary, nullable=False),
            Column("create_time", UtcTime, nullable=False, index=True),
        )
        self.inbox = Table(
            "inbox",
            metadata,
            Column("consumer", Text, primary_key=True),
            Column("event_id", Text, primary_key=True),
            Column("receive_time", UtcTime, nullable=False, index=True),
        )
        self.quarantine = Table(
            "quarantine",
            metadata,
            Column("consumer", Text, primary_key=True),
            Column("event_id", Text, primary_key=True),
            Column("type", Text, nullable=False),
            Column("payload", LargeBinary, nullable=False),
            Column("problem", Text, nullable=False),
            Column("quarantine_time", UtcTime, nullable=False),
        )
