"""The connector's tables."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from libs.db.ledger import Ledger
from libs.db.types import Seconds, UtcTime

metadata = MetaData()
ledger = Ledger(metadata)

connections = Table(
    "connections",
    metadata,
    Column("connection_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("entra_tenant_id", Text, nullable=False, unique=True),
    Column("entra_client_id", Text, nullable=False),
    Column("credential_kind", Text, nullable=False),
    # The file in the secrets folder; empty for a managed identity, which needs none.
    Column("credential_name", Text, nullable=False, index=True),
    Column("cloud", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("incremental_interval", Seconds, nullable=False),
    Column("full_interval", Seconds, nullable=False),
    Column("sync_paused", Boolean, nullable=False),
    Column("removed_access_action", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# Microsoft's own, as found by syncs: never written to, whatever anybody asks.
protected_service_principals = Table(
    "protected_service_principals",
    metadata,
    Column("connection_id", Text, ForeignKey("connections.connection_id"), primary_key=True),
    Column("entra_object_id", Text, primary_key=True),
)

syncs = Table(
    "syncs",
    metadata,
    Column("sync_id", Text, primary_key=True),
    Column(
        "connection_id",
        Text,
        ForeignKey("connections.connection_id"),
        nullable=False,
        index=True,
    ),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    # The connection until the sync is over, so that there is one for each.
    Column("running_key", Text, unique=True),
    # Counts the processes that took the sync up, one after the other.
    Column("run", BigInteger, nullable=False),
    Column("phase", Text, nullable=False),
    Column("page_count", BigInteger, nullable=False),
    Column("object_count", BigInteger, nullable=False),
    Column("request_count", BigInteger, nullable=False),
    Column("objects_per_second", Float(53), nullable=False),
    # How many objects the sync before had, or 0: what the rest is guessed from.
    Column("expected_count", BigInteger, nullable=False),
    Column("removed_count", BigInteger, nullable=False),
    Column("held_removals", JSON, nullable=False),
    Column("removals_confirmed", Boolean, nullable=False),
    Column("problem", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("finish_time", UtcTime),
    Column("version", BigInteger, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("lease_id", Text, primary_key=True),
    Column("round", BigInteger, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("user_id", Text, nullable=False),
    Column("entra_tenant_id", Text, nullable=False),
    Column("entra_principal_id", Text, nullable=False),
    Column("entitlement_id", Text, nullable=False),
    Column("targets", JSON, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("takes_over", Boolean, nullable=False),
    Column("removed_outside_time", UtcTime),
    Column("failure_reason", Text, nullable=False),
    Column("failure_message", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
)

assignments = Table(
    "assignments",
    metadata,
    Column("assignment_id", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("user_id", Text, nullable=False, index=True),
    Column("entra_tenant_id", Text, nullable=False),
    Column("entra_principal_id", Text, nullable=False),
    Column("directory_entitlement_id", Text, nullable=False),
    Column("target", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("preexisting", Boolean, nullable=False),
    Column("in_mirror", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("entra_assignment_id", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("answer_time", UtcTime),
    Column("failure_reason", Text, nullable=False),
    Column("failure_message", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("add_time", UtcTime),
    Column("remove_time", UtcTime),
    Column("taken_over", Boolean, nullable=False),
    Column("removed_outside_time", UtcTime),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
    UniqueConstraint(
        "connection_id",
        "entra_principal_id",
        "directory_entitlement_id",
        name="assignments_one_each",
    ),
)

# For what should be in Entra, of one tenant.
Index(
    "assignments_by_state",
    assignments.c.connection_id,
    assignments.c.state,
    assignments.c.assignment_id,
)

# Which lease needs which assignment; `live` until the lease ends.
holds = Table(
    "holds",
    metadata,
    Column("assignment_id", Text, ForeignKey("assignments.assignment_id"), primary_key=True),
    Column("lease_id", Text, ForeignKey("deliveries.lease_id"), primary_key=True, index=True),
    Column("live", Boolean, nullable=False),
)

operations = Table(
    "operations",
    metadata,
    Column("operation_id", Text, primary_key=True),
    Column(
        "assignment_id",
        Text,
        ForeignKey("assignments.assignment_id"),
        nullable=False,
        index=True,
    ),
    # The assignment while the operation is under way, so that one is for each.
    Column("open_key", Text, unique=True),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempt_count", Integer, nullable=False),
    Column("awaits", Boolean, nullable=False),
    Column("answer", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("next_attempt_time", UtcTime, nullable=False),
    Column("finish_time", UtcTime),
    Column("version", BigInteger, nullable=False),
)
Index("operations_due", operations.c.state, operations.c.next_attempt_time)

# Every time that Entra was called for an operation. The row is written before the call and
# completed after it: one without an answer is one that nobody knows the outcome of.
attempts = Table(
    "attempts",
    metadata,
    Column("operation_id", Text, ForeignKey("operations.operation_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("start_time", UtcTime, nullable=False),
    Column("finish_time", UtcTime),
    Column("call", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("graph_request_id", Text, nullable=False),
    Column("client_request_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
)

# Until when a tenant asked not to be called: kept, so that a process that takes over obeys too.
throttles = Table(
    "throttles",
    metadata,
    Column("connection_id", Text, ForeignKey("connections.connection_id"), primary_key=True),
    Column("until_time", UtcTime, nullable=False),
)

# The looks that found something missing.
reconciliations = Table(
    "reconciliations",
    metadata,
    Column("reconciliation_id", Text, primary_key=True),
    Column("connection_id", Text, ForeignKey("connections.connection_id"), nullable=False),
    Column("sync_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    # The connection until it is over, so that there is one for each.
    Column("open_key", Text, unique=True),
    Column("expected_count", BigInteger, nullable=False),
    Column("missing_count", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    # The first of what is missing; all of it is below.
    Column("shown_ids", JSON, nullable=False),
    # Who agreed; empty when nobody did, or had to.
    Column("confirmed_by", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("finish_time", UtcTime),
    Column("version", BigInteger, nullable=False),
)
for _by in ("connection_id", "state"):
    Index(f"reconciliations_by_{_by}", reconciliations.c[_by], reconciliations.c.reconciliation_id)

missing_assignments = Table(
    "missing_assignments",
    metadata,
    Column(
        "reconciliation_id",
        Text,
        ForeignKey("reconciliations.reconciliation_id"),
        primary_key=True,
    ),
    Column("assignment_id", Text, primary_key=True),
)
