"""Deliveries, assignments and operations in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, or_, select

from libs.db.engine import Database
from libs.db.gathered import Gathered, padded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Delivery, Picture
from services.connector.domain.operation import Lane, Operation, OperationKind, OperationState
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.target import Principal, Target
from services.connector.domain.wave import Due
from services.connector.ports import Recorded
from services.connector.store import expected, pictures, rows, saving
from services.connector.store.tables import assignments, attempts, deliveries, operations

_OPEN_LEASES = (
    select(deliveries.c.lease_id)
    .where(deliveries.c.state.in_(pictures.OPEN))
    .order_by(deliveries.c.update_time, deliveries.c.lease_id)
    .limit(bindparam("most"))
)
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
        or_(
            operations.c.awaits.is_(False),
            assignments.c.entra_principal_id.not_in(bindparam("busy", expanding=True)),
        ),
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

_NOTHING = Picture({}, {})
# Of so many leases at once the surroundings are read.
_MOST_AROUND = 64
_Around = tuple[str, Principal | None, tuple[Target, ...]]


class ProvisioningStore:
    """Deliveries, assignments and operations."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._around = Gathered(self._read_around, _MOST_AROUND)
        self._shown = Gathered(
            lambda ids: database.read(lambda c: pictures.read_shown(c, ids)), _MOST_AROUND
        )

    async def delivery(self, lease_id: str) -> Delivery | None:
        """What is known of a lease."""
        found = await self._database.read(lambda c: pictures.read_deliveries(c, [lease_id]))
        return found.get(lease_id)

    async def around_lease(
        self, lease_id: str, principal: Principal | None = None, targets: Sequence[Target] = ()
    ) -> Picture:
        """The delivery of a lease with its assignments, and those of a person to targets."""
        return await self._around.get((lease_id, principal, tuple(targets))) or _NOTHING

    async def _read_around(self, asked: Sequence[_Around]) -> Mapping[_Around, Picture]:
        wanted = {
            (target.connection_id, principal.entra_object_id, target.directory_entitlement_id)
            for _, principal, targets in asked
            for target in targets
            if principal is not None
        }
        lease_ids = {lease_id for lease_id, _, _ in asked}

        def work(connection: Connection) -> Picture:
            known, seeds = pictures.seeds_of(connection, lease_ids, wanted)
            return pictures.picture(connection, seeds, known)

        found = await self._database.read(work)
        people = found.by_person()
        around = {}
        for key in asked:
            lease_id, principal, _ = key
            delivery = found.deliveries.get(lease_id)
            who = delivery.subject if delivery is not None else principal
            if who is not None and (own := people.get(who.entra_object_id)) is not None:
                around[key] = own
        return around

    async def shown(self, lease_id: str) -> Picture | None:
        """The delivery of a lease, and the assignments that it hangs on, as of one moment."""
        return await self._shown.get(lease_id)

    async def open_deliveries(self, limit: int) -> Sequence[str]:
        """Leases that are on their way in or out, those that changed longest ago first."""
        most = {"most": limit}
        return await self._database.read(lambda c: c.execute(_OPEN_LEASES, most).scalars().all())

    async def around_operations(self, operation_ids: Sequence[str]) -> Picture:
        """The assignments of operations, and the open deliveries that hang on them with theirs."""

        def work(connection: Connection) -> Picture:
            return pictures.picture_of_operations(connection, operation_ids)

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
        return await self._database.read(
            lambda c: expected.read_page(c, connection_id, changed_before, after, limit)
        )

    async def still_expected(
        self, assignment_ids: Sequence[str], changed_before: datetime
    ) -> Sequence[ExpectedAssignment]:
        """Those of these that are in Entra since before then."""
        return await self._database.read(
            lambda c: expected.read_among(c, assignment_ids, changed_before)
        )

    async def lost_deliveries(self, changed_before: datetime, limit: int) -> Sequence[str]:
        """Leases that are lost since before then, those that changed longest ago first."""
        return await self._database.read(lambda c: expected.read_lost(c, changed_before, limit))

    async def due(
        self, connection_id: str, now: datetime, limit: int, busy: frozenset[str]
    ) -> Sequence[Due]:
        """A tenant's operations under way whose next attempt is due: by lanes, the oldest first."""
        values = {
            "connection_id": connection_id,
            "now": now,
            "most": limit,
            "busy": padded(sorted(busy)),
        }
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
        return saving.saved(before, after)
