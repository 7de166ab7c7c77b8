"""Deliveries, assignments and operations in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, insert, select, update

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment, AssignmentState
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.domain.operation import Lane, Operation, OperationKind, OperationState
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.target import Principal, Target
from services.connector.domain.wave import Due
from services.connector.ports import Recorded
from services.connector.store import pictures, rows
from services.connector.store.tables import assignments, attempts, deliveries, holds, operations

_OPEN_LEASES = (
    select(deliveries.c.lease_id)
    .where(deliveries.c.state.in_(pictures.OPEN))
    .order_by(deliveries.c.update_time, deliveries.c.lease_id)
    .limit(bindparam("most"))
)
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
_DUE = (
    select(
        operations.c.operation_id,
        operations.c.kind,
        operations.c.lane,
        assignments.c.entra_principal_id,
        assignments.c.target["entra_group_id"].as_string().label("entra_group_id"),
    )
    .join(assignments, assignments.c.assignment_id == operations.c.assignment_id)
    .where(
        operations.c.state == OperationState.INTENDED.value,
        operations.c.next_attempt_time <= bindparam("now"),
        assignments.c.connection_id == bindparam("connection_id"),
        assignments.c.entra_principal_id.not_in(bindparam("busy", expanding=True)),
    )
    .order_by(
        case({lane.value: rank for rank, lane in enumerate(Lane)}, value=operations.c.lane),
        operations.c.create_time,
        operations.c.operation_id,
    )
    .limit(bindparam("most"))
)
_OPERATION = select(operations).where(operations.c.operation_id == bindparam("id"))
_ATTEMPTS = (
    select(attempts).where(attempts.c.operation_id == bindparam("id")).order_by(attempts.c.number)
)


def _update(table: Table, key: str) -> Any:
    return update(table).where(table.c[key] == bindparam("of"))


def _update_seen(table: Table, key: str) -> Any:
    return _update(table, key).where(table.c.version == bindparam("seen"))


_ADD_DELIVERY, _CHANGE_DELIVERY = insert(deliveries), _update_seen(deliveries, "lease_id")
_ADD_ASSIGNMENT, _CHANGE_ASSIGNMENT = (
    insert(assignments),
    _update_seen(assignments, "assignment_id"),
)
# An operation belongs to its assignment, whose version guards it.
_ADD_OPERATION, _CHANGE_OPERATION = insert(operations), _update(operations, "operation_id")
_ADD_ATTEMPT = insert(attempts)
_END_ATTEMPT = _update(attempts, "operation_id").where(attempts.c.number == bindparam("nth"))
_HOLD = insert(holds)
_RELEASE = _update(holds, "assignment_id").where(holds.c.lease_id == bindparam("lease"))


class ProvisioningStore:
    """Deliveries, assignments and operations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delivery(self, lease_id: str) -> Delivery | None:
        """What is known of a lease."""
        found = await self._database.read(lambda c: pictures.read_deliveries(c, [lease_id]))
        return found.get(lease_id)

    async def around_lease(
        self,
        lease_id: str,
        principal: Principal | None = None,
        targets: Sequence[Target] = (),
        *,
        at_once: bool = False,
    ) -> Picture:
        """The delivery of a lease with its assignments, and those of a person to targets."""

        def work(connection: Connection) -> Picture:
            seeds = set(pictures.of_lease(connection, lease_id))
            if principal is not None:
                wanted = [(each.connection_id, each.directory_entitlement_id) for each in targets]
                seeds.update(pictures.of_person(connection, principal.entra_object_id, wanted))
            return pictures.picture(connection, seeds, {lease_id})

        return await self._database.read(work, at_once=at_once)

    async def open_deliveries(self, limit: int) -> Sequence[str]:
        """Leases that are on their way in or out, those that changed longest ago first."""
        most = {"most": limit}
        return await self._database.read(lambda c: c.execute(_OPEN_LEASES, most).scalars().all())

    async def around_operations(self, operation_ids: Sequence[str]) -> Picture:
        """The assignments of operations, and the open deliveries that hang on them with theirs."""

        def work(connection: Connection) -> Picture:
            seeds = set(pictures.of_operations(connection, operation_ids))
            return pictures.picture(connection, seeds, set())

        return await self._database.read(work)

    async def around_assignments(self, assignment_ids: Sequence[str]) -> Picture:
        """Assignments, and all deliveries that hang on them with theirs, also those not open."""

        def work(connection: Connection) -> Picture:
            seeds = set(assignment_ids)
            return pictures.picture(connection, seeds, pictures.leases_on(connection, seeds))

        return await self._database.read(work, at_once=True)

    async def expected(
        self, connection_id: str, changed_before: datetime, after: str, limit: int
    ) -> Sequence[ExpectedAssignment]:
        """Assignments of a connection that are in Entra since before then, behind an id."""
        values = {
            "connection_id": connection_id,
            "before": changed_before,
            "after": after,
            "most": limit,
        }
        found = await self._database.read(lambda c: c.execute(_EXPECTED, values).all())
        return [ExpectedAssignment(*row) for row in found]

    async def still_expected(
        self, assignment_ids: Sequence[str], changed_before: datetime
    ) -> Sequence[ExpectedAssignment]:
        """Those of these that are in Entra since before then."""
        values = {"ids": list(assignment_ids), "before": changed_before}
        found = await self._database.read(lambda c: c.execute(_STILL_EXPECTED, values).all())
        return [ExpectedAssignment(*row) for row in found]

    async def lost_deliveries(self, changed_before: datetime, limit: int) -> Sequence[str]:
        """Leases that are lost since before then, those that changed longest ago first."""
        values = {"before": changed_before, "most": limit}
        return await self._database.read(lambda c: c.execute(_LOST, values).scalars().all())

    async def due(
        self, connection_id: str, now: datetime, limit: int, busy: frozenset[str]
    ) -> Sequence[Due]:
        """A tenant's operations under way whose next attempt is due: by lanes, the oldest first."""
        values = {"connection_id": connection_id, "now": now, "most": limit, "busy": list(busy)}
        found = await self._database.read(lambda c: c.execute(_DUE, values).all())
        return [
            Due(
                row.operation_id,
                row.entra_principal_id,
                OperationKind(row.kind),
                Lane(row.lane),
                row.entra_group_id or "",
            )
            for row in found
        ]

    async def operation(self, operation_id: str) -> Recorded | None:
        """An operation with its attempts."""

        def work(connection: Connection) -> Recorded | None:
            row = connection.execute(_OPERATION, {"id": operation_id}).one_or_none()
            if row is None:
                return None
            found = connection.execute(_ATTEMPTS, {"id": operation_id})
            return Recorded(rows.operation_of(row), tuple(rows.attempt_of(each) for each in found))

        return await self._database.read(work, at_once=True)

    async def assignments(self, request: PageRequest, *, user_id: str) -> Page[Assignment]:
        """A page of assignments, oldest first; of one person unless `user_id` is empty."""
        query = select(assignments.c.assignment_id).order_by(assignments.c.assignment_id)
        if user_id:
            query = query.where(assignments.c.user_id == user_id)
        if (after := request.after()) is not None:
            query = query.where(assignments.c.assignment_id > after[0])

        def work(connection: Connection) -> list[Assignment]:
            ids = connection.execute(query.limit(request.size + 1)).scalars().all()
            found = pictures.read_assignments(connection, ids)
            return [found[assignment_id] for assignment_id in ids if assignment_id in found]

        found = await self._database.read(work)
        return request.page(found, key=lambda assignment: (assignment.assignment_id,))

    async def operations(
        self, request: PageRequest, *, assignment_id: str, state: OperationState | None
    ) -> Page[Operation]:
        """A page of operations, oldest first; of one assignment unless the id is empty."""
        query = select(operations).order_by(operations.c.operation_id).limit(request.size + 1)
        if assignment_id:
            query = query.where(operations.c.assignment_id == assignment_id)
        if state is not None:
            query = query.where(operations.c.state == state.value)
        if (after := request.after()) is not None:
            query = query.where(operations.c.operation_id > after[0])
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return request.page(
            [rows.operation_of(row) for row in found],
            key=lambda operation: (operation.operation_id,),
        )

    def saved(self, before: Picture, after: Picture) -> tuple[Write, ...]:
        """What is written for `after`, which holds only what changed."""
        changed = after.assignments.values()
        writes = _each(
            (_ADD_ASSIGNMENT, _CHANGE_ASSIGNMENT),
            [(each.assignment_id, each.version, each) for each in changed],
            rows.assignment_values,
            rows.assignment_changes,
        )
        writes += _operations([(*each.finished, each.operation) for each in changed])
        writes += _each(
            (_ADD_DELIVERY, _CHANGE_DELIVERY),
            [(each.lease_id, each.version, each) for each in after.deliveries.values()],
            rows.delivery_values,
            rows.delivery_changes,
        )
        held, released = [], []
        for each in changed:
            known = before.assignments.get(each.assignment_id)
            had = known.lease_ids if known is not None else frozenset[str]()
            held += [
                {"assignment_id": each.assignment_id, "lease_id": lease_id, "live": True}
                for lease_id in sorted(each.lease_ids - had)
            ]
            released += [
                {"of": each.assignment_id, "lease": lease_id, "live": False}
                for lease_id in sorted(had - each.lease_ids)
            ]
        # Held and released in one change: the delivery hangs on it all the same.
        for delivery in after.deliveries.values():
            had_before = before.deliveries.get(delivery.lease_id)
            hung = had_before.assignment_ids if had_before is not None else ()
            held += [
                {"assignment_id": each, "lease_id": delivery.lease_id, "live": False}
                for each in delivery.assignment_ids
                if each not in hung
                and (found := after.assignments.get(each)) is not None
                and delivery.lease_id not in found.lease_ids
            ]
        return (*writes, *_all(_HOLD, held), *_all(_RELEASE, released))


def _each(
    statements: tuple[Any, Any],
    things: Sequence[tuple[str, int, Any]],
    values: Any,
    changes: Any,
) -> list[Write]:
    """New ones in one go; of changed ones each is guarded by the version that was seen."""
    insertion, change = statements
    writes = _all(insertion, [values(thing) for _, version, thing in things if version == 0])
    for id, version, thing in things:
        if version:
            parameters = changes(thing) | {"of": id, "seen": version}
            writes.append(Guarded(change, expects=1, parameters=(parameters,)))
    return writes


def _operations(of_assignments: Sequence[Sequence[Operation | None]]) -> list[Write]:
    found = [each for some in of_assignments for each in some if each is not None]
    changes = [
        rows.operation_changes(each) | {"of": each.operation_id} for each in found if each.version
    ]
    added = [rows.operation_values(each) for each in found if not each.version]
    begun = [
        rows.attempt_values(each.operation_id, start) for each in found for start in each.begun
    ]
    ended = [
        rows.attempt_changes(end) | {"of": each.operation_id, "nth": end.number}
        for each in found
        for end in each.ended
    ]
    return [
        # Those that ended first: the one under way takes over their unique key.
        *_all(_CHANGE_OPERATION, changes),
        *_all(_ADD_OPERATION, added),
        *_all(_ADD_ATTEMPT, begun),
        *_all(_END_ATTEMPT, ended),
    ]


def _all(statement: Any, parameters: list[dict[str, Any]]) -> list[Write]:
    return [Guarded(statement, parameters=parameters)] if parameters else []
