"""Reads assignments with the deliveries that hang on them.

The statements are made once: to make one costs more than to run it. Each reads all that it can by
one look at the database, for as many things as are asked for.
"""

from collections import defaultdict, namedtuple
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    literal,
    select,
    union_all,
)

from libs.db.gathered import padded
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.store import rows
from services.connector.store.tables import assignments, deliveries, holds, operations

OPEN = (DeliveryState.PENDING.value, DeliveryState.REMOVING.value)


def _row_of(table: Table) -> Any:
    """A row by itself of those that a statement joins."""
    return namedtuple("_Row", table.c.keys())


_IDS: BindParameter[str] = bindparam("ids", expanding=True)
# Their columns have names in common: they are told apart by where they stand.
_AssignmentRow = _row_of(assignments)
_OperationRow = _row_of(operations)
_DeliveryRow = _row_of(deliveries)

# A row for each live hold, or one: with what is under way, and the lease's hold if there is one.
_FOUND: Select[Any] = select(
    *assignments.c, *operations.c, holds.c.lease_id, deliveries.c.emergency
).select_from(
    assignments.outerjoin(operations, operations.c.open_key == assignments.c.assignment_id)
    .outerjoin(
        holds,
        and_(holds.c.assignment_id == assignments.c.assignment_id, holds.c.live.is_(True)),
    )
    .outerjoin(deliveries, deliveries.c.lease_id == holds.c.lease_id)
)
_ASSIGNMENTS: Select[Any] = _FOUND.where(assignments.c.assignment_id.in_(_IDS))
_OF_OPERATIONS: Select[Any] = _FOUND.where(operations.c.operation_id.in_(_IDS))
_OPEN_ON = (
    select(holds.c.lease_id)
    .join(deliveries, deliveries.c.lease_id == holds.c.lease_id)
    .where(holds.c.assignment_id.in_(_IDS), deliveries.c.state.in_(OPEN))
)
_ALL_ON = select(holds.c.lease_id).where(holds.c.assignment_id.in_(_IDS), holds.c.live.is_(True))
# A row for each hold, live or not, or one.
_DELIVERIES: Select[Any] = (
    select(*deliveries.c, holds.c.assignment_id)
    .select_from(deliveries.outerjoin(holds, holds.c.lease_id == deliveries.c.lease_id))
    .where(deliveries.c.lease_id.in_(_IDS))
    .order_by(deliveries.c.lease_id, holds.c.assignment_id)
)
_SHOWN: Select[Any] = (
    select(*deliveries.c, *assignments.c)
    .select_from(
        deliveries.outerjoin(holds, holds.c.lease_id == deliveries.c.lease_id).outerjoin(
            assignments, assignments.c.assignment_id == holds.c.assignment_id
        )
    )
    .where(deliveries.c.lease_id.in_(_IDS))
    .order_by(deliveries.c.lease_id, holds.c.assignment_id)
)
# What there is of leases, and of people and targets: mostly nothing, when a lease is new.
_SEEDS = union_all(
    select(deliveries.c.lease_id, literal("").label("assignment_id")).where(
        deliveries.c.lease_id.in_(_IDS)
    ),
    select(literal(""), holds.c.assignment_id).where(holds.c.lease_id.in_(_IDS)),
    select(literal(""), assignments.c.assignment_id).where(
        assignments.c.connection_id.in_(bindparam("connection_ids", expanding=True)),
        assignments.c.entra_principal_id.in_(bindparam("people", expanding=True)),
        assignments.c.directory_entitlement_id.in_(bindparam("targets", expanding=True)),
    ),
)


def seeds_of(
    connection: Connection, lease_ids: Collection[str], wanted: Collection[tuple[str, str, str]]
) -> tuple[set[str], set[str]]:
    """Those of the leases that are known, and the assignments that they hold or held.

    With them those of people to targets, by connection, person and directory entitlement; where
    several are asked for, also of one's person to another's target.
    """
    values = {
        "ids": padded(sorted(lease_ids)),
        "connection_ids": padded(sorted({found for found, _, _ in wanted})),
        "people": padded(sorted({found for _, found, _ in wanted})),
        "targets": padded(sorted({found for _, _, found in wanted})),
    }
    found = connection.execute(_SEEDS, values).all()
    return {row[0] for row in found} - {""}, {row[1] for row in found} - {""}


def leases_on(connection: Connection, assignment_ids: Collection[str]) -> set[str]:
    """The leases that hold assignments, however far they are."""
    return set(connection.execute(_ALL_ON, _ids(assignment_ids)).scalars())


def picture(connection: Connection, seeds: Collection[str], lease_ids: set[str]) -> Picture:
    """Assignments, the open deliveries that hang on them and those of the leases, with theirs."""
    # What will be written is read before what depends on it: if something changes in between, the
    # version that was read is an old one, and the write finds out.
    return _around(connection, read_assignments(connection, seeds), lease_ids)


def picture_of_operations(connection: Connection, operation_ids: Collection[str]) -> Picture:
    """The assignments that operations are under way for, and the open deliveries on them."""
    found = connection.execute(_OF_OPERATIONS, _ids(operation_ids)).all()
    return _around(connection, _assignments(found), set())


def _around(connection: Connection, written: dict[str, Assignment], lease_ids: set[str]) -> Picture:
    hanging = set[str]()
    if written:
        hanging.update(connection.execute(_OPEN_ON, _ids(written)).scalars())
    found = read_deliveries(connection, lease_ids | hanging)
    others = {id for delivery in found.values() for id in delivery.assignment_ids} - written.keys()
    return Picture({**read_assignments(connection, others), **written}, found)


def read_deliveries(connection: Connection, lease_ids: Collection[str]) -> dict[str, Delivery]:
    """Deliveries by lease."""
    if not lease_ids:
        return {}
    found: dict[str, Any] = {}
    held: dict[str, list[str]] = defaultdict(list)
    for values in connection.execute(_DELIVERIES, _ids(lease_ids)):
        row = _DeliveryRow._make(values[:-1])
        found[row.lease_id] = row
        if values[-1] is not None:
            held[row.lease_id].append(values[-1])
    return {id: rows.delivery_of(row, held[id]) for id, row in found.items()}


def read_assignments(connection: Connection, ids: Collection[str]) -> dict[str, Assignment]:
    """Assignments by their id, with their live holds and what is under way."""
    if not ids:
        return {}
    return _assignments(connection.execute(_ASSIGNMENTS, _ids(ids)).all())


def read_shown(connection: Connection, lease_ids: Sequence[str]) -> dict[str, Picture]:
    """Deliveries by lease, each with the assignments of its own, without what is under way."""
    own: dict[str, tuple[Any, dict[str, Assignment]]] = {}
    after = len(deliveries.c)
    for values in connection.execute(_SHOWN, {"ids": lease_ids}):
        row = _DeliveryRow._make(values[:after])
        _, found = own.setdefault(row.lease_id, (row, {}))
        if values[after] is not None:
            held = rows.assignment_of(_AssignmentRow._make(values[after:]), (), (), None)
            found[held.assignment_id] = held
    return {
        id: Picture(found, {id: rows.delivery_of(row, found)}) for id, (row, found) in own.items()
    }


def _assignments(found: Sequence[Sequence[Any]]) -> dict[str, Assignment]:
    own: dict[str, Any] = {}
    under_way: dict[str, Any] = {}
    live: dict[str, list[str]] = defaultdict(list)
    emergency: dict[str, list[str]] = defaultdict(list)
    after = len(assignments.c)
    for values in found:
        row = _AssignmentRow._make(values[:after])
        id = row.assignment_id
        own[id] = row
        if values[after] is not None:
            under_way[id] = rows.operation_of(_OperationRow._make(values[after:-2]))
        if values[-2] is not None:
            live[id].append(values[-2])
            if values[-1]:
                emergency[id].append(values[-2])
    return {
        id: rows.assignment_of(row, live[id], emergency[id], under_way.get(id))
        for id, row in own.items()
    }


def _ids(ids: Iterable[str]) -> dict[str, Any]:
    return {"ids": padded(sorted(ids))}
