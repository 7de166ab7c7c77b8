"""What should be in Entra, and what is lost from there."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from services.connector.domain.assignment import AssignmentState
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.store.tables import assignments, deliveries

_LOST = (
    select(deliveries.c.lease_id)
    .where(
        deliveries.c.state == DeliveryState.LOST.value,
        deliveries.c.update_time < bindparam("before"),
    )
    .order_by(deliveries.c.update_time, deliveries.c.lease_id)
    .limit(bindparam("most"))
)
_IN_ENTRA = (
    select(
        assignments.c.assignment_id,
        assignments.c.entra_principal_id,
        assignments.c.user_id,
        assignments.c.directory_entitlement_id,
    )
    .where(
        assignments.c.state == AssignmentState.PRESENT.value,
        assignments.c.add_time < bindparam("before"),
    )
    .order_by(assignments.c.assignment_id)
)
_EXPECTED = _IN_ENTRA.where(
    assignments.c.connection_id == bindparam("connection_id"),
    assignments.c.assignment_id > bindparam("after"),
).limit(bindparam("most"))
_STILL_EXPECTED = _IN_ENTRA.where(assignments.c.assignment_id.in_(bindparam("ids", expanding=True)))


def read_page(
    connection: Connection, connection_id: str, changed_before: datetime, after: str, limit: int
) -> list[ExpectedAssignment]:
    """Assignments of a tenant that are in Entra since before then, behind an id."""
    values = {
        "connection_id": connection_id,
        "before": changed_before,
        "after": after,
        "most": limit,
    }
    return [ExpectedAssignment(*row) for row in connection.execute(_EXPECTED, values)]


def read_among(
    connection: Connection, assignment_ids: Sequence[str], changed_before: datetime
) -> list[ExpectedAssignment]:
    """Those of these that are in Entra since before then."""
    values = {"ids": list(assignment_ids), "before": changed_before}
    return [ExpectedAssignment(*row) for row in connection.execute(_STILL_EXPECTED, values)]


def read_lost(connection: Connection, changed_before: datetime, limit: int) -> Sequence[str]:
    """Leases that are lost since before then, those that changed longest ago first."""
    values = {"before": changed_before, "most": limit}
    return connection.execute(_LOST, values).scalars().all()
