"""Reads assignments with the deliveries that hang on them.

The statements are made once: to make one costs more than to run it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select

from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.store import rows
from services.connector.store.tables import assignments, deliveries, holds, operations

OPEN = (DeliveryState.PENDING.value, DeliveryState.REMOVING.value)

_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_ASSIGNMENTS = select(assignments).where(assignments.c.assignment_id.in_(_IDS))
_UNDER_WAY = select(operations).where(operations.c.open_key.in_(_IDS))
_OF_OPERATIONS = select(operations.c.assignment_id).where(
    operations.c.operation_id.in_(_IDS), operations.c.open_key.is_not(None)
)
_LIVE = (
    select(holds.c.assignment_id, holds.c.lease_id, deliveries.c.emergency)
    .join(deliveries, deliveries.c.lease_id == holds.c.lease_id)
    .where(holds.c.assignment_id.in_(_IDS), holds.c.live.is_(True))
)
_OPEN_ON = (
    select(holds.c.lease_id)
    .join(deliveries, deliveries.c.lease_id == holds.c.lease_id)
    .where(holds.c.assignment_id.in_(_IDS), deliveries.c.state.in_(OPEN))
)
_ALL_ON = select(holds.c.lease_id).where(holds.c.assignment_id.in_(_IDS), holds.c.live.is_(True))
_DELIVERIES = select(deliveries).where(deliveries.c.lease_id.in_(_IDS))
_HELD = (
    select(holds.c.lease_id, holds.c.assignment_id)
    .where(holds.c.lease_id.in_(_IDS))
    .order_by(holds.c.assignment_id)
)
_OF_PERSON = select(assignments.c.assignment_id).where(
    assignments.c.entra_principal_id == bindparam("person"),
    assignments.c.connection_id.in_(bindparam("connection_ids", expanding=True)),
    assignments.c.directory_entitlement_id.in_(_IDS),
)


def of_operations(connection: Connection, operation_ids: Collection[str]) -> list[str]:
    """The assignments that these operations are under way for."""
    return list(connection.execute(_OF_OPERATIONS, _ids(operation_ids)).scalars())


def of_lease(connection: Connection, lease_id: str) -> list[str]:
    """The assignments that a lease holds or held."""
    return [row.assignment_id for row in connection.execute(_HELD, _ids([lease_id]))]


def of_person(
    connection: Connection, entra_object_id: str, wanted: Collection[tuple[str, str]]
) -> list[str]:
    """The assignments of a person to targets, by connection and directory entitlement."""
    values = {
        "person": entra_object_id,
        "connection_ids": sorted({found for found, _ in wanted}),
        "ids": [found for _, found in wanted],
    }
    return list(connection.execute(_OF_PERSON, values).scalars())


def leases_on(connection: Connection, assignment_ids: Collection[str]) -> set[str]:
    """The leases that hold assignments, however far they are."""
    return set(connection.execute(_ALL_ON, _ids(assignment_ids)).scalars())


def picture(connection: Connection, seeds: set[str], lease_ids: set[str]) -> Picture:
    """Assignments, the open deliveries that hang on them and those of the leases, with theirs."""
    # What will be written is read before what depends on it: if something changes in between, the
    # version that was read is an old one, and the write finds out.
    written = read_assignments(connection, seeds)
    hanging = set(connection.execute(_OPEN_ON, _ids(seeds)).scalars()) if seeds else set[str]()
    found = read_deliveries(connection, lease_ids | hanging)
    others = set[str]().union(*(delivery.assignment_ids for delivery in found.values())) - seeds
    return Picture({**read_assignments(connection, others), **written}, found)


def read_deliveries(connection: Connection, lease_ids: Collection[str]) -> dict[str, Delivery]:
    """Deliveries by lease."""
    if not lease_ids:
        return {}
    wanted = _ids(lease_ids)
    found = connection.execute(_DELIVERIES, wanted).all()
    held: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(_HELD, wanted):
        held[row.lease_id].append(row.assignment_id)
    return {row.lease_id: rows.delivery_of(row, held[row.lease_id]) for row in found}


def read_assignments(connection: Connection, ids: Collection[str]) -> dict[str, Assignment]:
    """Assignments by their id, with their live holds and what is under way."""
    if not ids:
        return {}
    wanted = _ids(ids)
    found = connection.execute(_ASSIGNMENTS, wanted).all()
    live: dict[str, list[str]] = defaultdict(list)
    emergency: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(_LIVE, wanted):
        live[row.assignment_id].append(row.lease_id)
        if row.emergency:
            emergency[row.assignment_id].append(row.lease_id)
    under_way = {
        row.assignment_id: rows.operation_of(row) for row in connection.execute(_UNDER_WAY, wanted)
    }
    return {
        row.assignment_id: rows.assignment_of(
            row,
            live[row.assignment_id],
            emergency[row.assignment_id],
            under_way.get(row.assignment_id),
        )
        for row in found
    }


def _ids(ids: Iterable[str]) -> dict[str, Any]:
    return {"ids": list(ids)}
