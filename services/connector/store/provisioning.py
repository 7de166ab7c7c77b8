"""Deliveries, assignments and operations in the database."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, case, insert, select, update

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.domain.operation import Operation, OperationKind, OperationState
from services.connector.domain.target import Principal, Target
from services.connector.ports import Due
from services.connector.store import rows
from services.connector.store.tables import assignments, deliveries, holds, operations

_OPEN = (DeliveryState.PENDING.value, DeliveryState.REMOVING.value)


class ProvisioningStore:
    """Deliveries, assignments and operations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delivery(self, lease_id: str) -> Delivery | None:
        """What is known of a lease."""

        def work(connection: Connection) -> Delivery | None:
            return _deliveries(connection, [lease_id]).get(lease_id)

        return await self._database.read(work)

    async def around_lease(
        self, lease_id: str, principal: Principal | None = None, targets: Sequence[Target] = ()
    ) -> Picture:
        """The delivery of a lease with its assignments, and those of a person to targets."""

        def work(connection: Connection) -> Picture:
            seeds = set(_held_by(connection, [lease_id]))
            if principal is not None:
                query = select(assignments.c.assignment_id).where(
                    assignments.c.connection_id.in_({target.connection_id for target in targets}),
                    assignments.c.entra_principal_id == principal.entra_object_id,
                    assignments.c.directory_entitlement_id.in_(
                        [target.directory_entitlement_id for target in targets]
                    ),
                )
                seeds.update(connection.execute(query).scalars())
            return _picture(connection, seeds, {lease_id})

        return await self._database.read(work)

    async def open_deliveries(self, limit: int) -> Sequence[str]:
        """Leases that are on their way in or out, those that changed longest ago first."""
        query = (
            select(deliveries.c.lease_id)
            .where(deliveries.c.state.in_(_OPEN))
            .order_by(deliveries.c.update_time, deliveries.c.lease_id)
            .limit(limit)
        )
        return await self._database.read(lambda c: c.execute(query).scalars().all())

    async def around_operations(self, operation_ids: Sequence[str]) -> Picture:
        """The assignments of operations, and the open deliveries that hang on them with theirs."""

        def work(connection: Connection) -> Picture:
            query = select(operations.c.assignment_id).where(
                operations.c.operation_id.in_(operation_ids)
            )
            return _picture(connection, set(connection.execute(query).scalars()), set())

        return await self._database.read(work)

    async def due(self, now: datetime, limit: int, busy: frozenset[str]) -> Sequence[Due]:
        """Operations under way whose next attempt is due, removals first, then the oldest."""
        query = (
            select(operations.c.operation_id, assignments.c.entra_principal_id)
            .join(assignments, assignments.c.assignment_id == operations.c.assignment_id)
            .where(
                operations.c.state == OperationState.INTENDED.value,
                operations.c.next_attempt_time <= now,
                assignments.c.entra_principal_id.not_in(busy),
            )
            .order_by(
                case((operations.c.kind == OperationKind.REMOVE.value, 0), else_=1),
                operations.c.next_attempt_time,
                operations.c.operation_id,
            )
            .limit(limit)
        )
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return [Due(row.operation_id, row.entra_principal_id) for row in found]

    async def assignments(self, request: PageRequest, *, user_id: str) -> Page[Assignment]:
        """A page of assignments, oldest first; of one person unless `user_id` is empty."""
        query = select(assignments.c.assignment_id).order_by(assignments.c.assignment_id)
        if user_id:
            query = query.where(assignments.c.user_id == user_id)
        if (after := request.after()) is not None:
            query = query.where(assignments.c.assignment_id > after[0])

        def work(connection: Connection) -> list[Assignment]:
            ids = connection.execute(query.limit(request.size + 1)).scalars().all()
            found = _assignments(connection, ids)
            return [found[assignment_id] for assignment_id in ids if assignment_id in found]

        found = await self._database.read(work)
        return request.page(found, key=lambda assignment: (assignment.assignment_id,))

    async def operations(self, request: PageRequest, *, assignment_id: str) -> Page[Operation]:
        """A page of operations, oldest first; of one assignment unless the id is empty."""
        query = select(operations).order_by(operations.c.operation_id).limit(request.size + 1)
        if assignment_id:
            query = query.where(operations.c.assignment_id == assignment_id)
        if (after := request.after()) is not None:
            query = query.where(operations.c.operation_id > after[0])
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return request.page(
            [rows.operation_of(row) for row in found],
            key=lambda operation: (operation.operation_id,),
        )

    def saved(self, before: Picture, after: Picture) -> tuple[Write, ...]:
        """What is written for `after`, which holds only what changed."""
        writes: list[Write] = []
        for assignment in after.assignments.values():
            writes += _assignment_writes(assignment)
        for delivery in after.deliveries.values():
            writes.append(
                _saved(
                    deliveries,
                    "lease_id",
                    delivery.lease_id,
                    delivery.version,
                    rows.delivery_values(delivery),
                )
            )
        for assignment in after.assignments.values():
            known = before.assignments.get(assignment.assignment_id)
            had = known.lease_ids if known is not None else frozenset()
            writes += [
                _hold(assignment.assignment_id, lease_id)
                for lease_id in sorted(assignment.lease_ids - had)
            ]
            writes += [
                _released(assignment.assignment_id, lease_id)
                for lease_id in sorted(had - assignment.lease_ids)
            ]
        return tuple(writes)


def _assignment_writes(assignment: Assignment) -> list[Write]:
    writes: list[Write] = [
        _saved(
            assignments,
            "assignment_id",
            assignment.assignment_id,
            assignment.version,
            rows.assignment_values(assignment),
        )
    ]
    under_way = () if assignment.operation is None else (assignment.operation,)
    # Those that ended first: the one under way takes over their unique key.
    for operation in (*assignment.finished, *under_way):
        writes.append(
            _saved(
                operations,
                "operation_id",
                operation.operation_id,
                operation.version,
                rows.operation_values(operation),
            )
        )
    return writes


def _saved(table: Table, key: str, id: str, version: int, values: dict[str, Any]) -> Guarded:
    if version == 0:
        return Guarded(insert(table).values(values))
    statement = update(table).where(table.c[key] == id, table.c.version == version)
    return Guarded(statement.values(values), expects=1)


def _hold(assignment_id: str, lease_id: str) -> Guarded:
    return Guarded(insert(holds).values(assignment_id=assignment_id, lease_id=lease_id, live=True))


def _released(assignment_id: str, lease_id: str) -> Guarded:
    return Guarded(
        update(holds)
        .where(holds.c.assignment_id == assignment_id, holds.c.lease_id == lease_id)
        .values(live=False),
        expects=1,
    )


def _held_by(connection: Connection, lease_ids: Iterable[str]) -> list[str]:
    query = select(holds.c.assignment_id).where(holds.c.lease_id.in_(list(lease_ids)))
    return list(connection.execute(query).scalars())


def _picture(connection: Connection, seeds: set[str], lease_ids: set[str]) -> Picture:
    # What will be written is read before what depends on it: if something changes in between, the
    # version that was read is an old one, and the write finds out.
    written = _assignments(connection, seeds)
    query = (
        select(holds.c.lease_id)
        .join(deliveries, deliveries.c.lease_id == holds.c.lease_id)
        .where(holds.c.assignment_id.in_(seeds), deliveries.c.state.in_(_OPEN))
    )
    found = _deliveries(connection, lease_ids | set(connection.execute(query).scalars()))
    others = set[str]().union(*(delivery.assignment_ids for delivery in found.values())) - seeds
    return Picture({**_assignments(connection, others), **written}, found)


def _deliveries(connection: Connection, lease_ids: Iterable[str]) -> dict[str, Delivery]:
    wanted = list(lease_ids)
    found = connection.execute(select(deliveries).where(deliveries.c.lease_id.in_(wanted))).all()
    held: dict[str, list[str]] = defaultdict(list)
    query = (
        select(holds.c.lease_id, holds.c.assignment_id)
        .where(holds.c.lease_id.in_(wanted))
        .order_by(holds.c.assignment_id)
    )
    for row in connection.execute(query):
        held[row.lease_id].append(row.assignment_id)
    return {row.lease_id: rows.delivery_of(row, held[row.lease_id]) for row in found}


def _assignments(connection: Connection, ids: Iterable[str]) -> dict[str, Assignment]:
    wanted = list(ids)
    found = connection.execute(
        select(assignments).where(assignments.c.assignment_id.in_(wanted))
    ).all()
    live: dict[str, list[str]] = defaultdict(list)
    query = select(holds.c.assignment_id, holds.c.lease_id).where(
        holds.c.assignment_id.in_(wanted), holds.c.live.is_(True)
    )
    for row in connection.execute(query):
        live[row.assignment_id].append(row.lease_id)
    under_way = {
        row.assignment_id: rows.operation_of(row)
        for row in connection.execute(select(operations).where(operations.c.open_key.in_(wanted)))
    }
    return {
        row.assignment_id: rows.assignment_of(
            row, live[row.assignment_id], under_way.get(row.assignment_id)
        )
        for row in found
    }
