"""The connector's provisioning ports in memory, and a tenant that can lose its answers."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from libs.domain.changes import Change, Fact, Outcome, Write
from libs.domain.errors import NotFound
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment, AssignmentState
from services.connector.domain.attempt import AttemptRecord
from services.connector.domain.connection import Connection
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.domain.lease import Confirmation, ConfirmedTarget, Lease
from services.connector.domain.operation import Lane, Operation, OperationKind, OperationState
from services.connector.domain.reconciliation import (
    ExpectedAssignment,
    Reconciliation,
    ReconciliationState,
)
from services.connector.domain.sync import History, Sync
from services.connector.domain.target import GroupMembership, Principal, Target
from services.connector.domain.verdict import Already, Done, Verdict
from services.connector.domain.wave import Due
from services.connector.ports import Attempt, Recorded, Writable

_OPEN = (DeliveryState.PENDING, DeliveryState.REMOVING)


@dataclass(frozen=True, slots=True)
class _Save(Write):
    before: Picture
    after: Picture


class FakeProvisioning:
    """Deliveries, assignments and operations, with the versions that guard them."""

    def __init__(self) -> None:
        self.assignments_by_id: dict[str, Assignment] = {}
        self.deliveries_by_id: dict[str, Delivery] = {}
        self.finished: list[Operation] = []
        self.attempts: dict[str, dict[int, AttemptRecord]] = {}
        self.told: list[Fact] = []
        self.changes: list[Change] = []
        self.reconciliations = FakeReconciliations()

    def commit(self, outcome: Outcome[Any]) -> None:
        """Makes an outcome true. A change made from an old state is a fault of the test."""
        change: Change | None = outcome.change
        if change is None:
            return
        self.changes.append(change)
        for write in change.writes:
            if not self.reconciliations.apply(write):
                assert isinstance(write, _Save)
                self._apply(write.after)
        self.told += change.facts

    def is_stale(self, outcome: Outcome[Any]) -> bool:
        """Whether what an outcome was made from has changed since."""
        if outcome.change is None:
            return False
        known: dict[str, int] = {}
        for assignment in self.assignments_by_id.values():
            known[assignment.assignment_id] = assignment.version
        for delivery in self.deliveries_by_id.values():
            known[delivery.lease_id] = delivery.version
        seen: dict[str, int] = {}
        for write in outcome.change.writes:
            if not isinstance(write, _Save):
                continue
            for assignment in write.after.assignments.values():
                seen[assignment.assignment_id] = assignment.version
            for delivery in write.after.deliveries.values():
                seen[delivery.lease_id] = delivery.version
        return any(known.get(id, 0) != version for id, version in seen.items())

    def _apply(self, after: Picture) -> None:
        for assignment in after.assignments.values():
            known = self.assignments_by_id.get(assignment.assignment_id)
            assert assignment.version == (0 if known is None else known.version)
            self.finished += assignment.finished
            for operation in (*assignment.finished, assignment.operation):
                if operation is not None:
                    self._record(operation)
            self.assignments_by_id[assignment.assignment_id] = assignment.stored()
        for delivery in after.deliveries.values():
            before = self.deliveries_by_id.get(delivery.lease_id)
            assert delivery.version == (0 if before is None else before.version)
            self.deliveries_by_id[delivery.lease_id] = replace(
                delivery, version=delivery.version + 1
            )

    def _record(self, operation: Operation) -> None:
        found = self.attempts.setdefault(operation.operation_id, {})
        for begun in operation.begun:
            assert begun.number == len(found) + 1, "attempts are numbered from 1"
            found[begun.number] = AttemptRecord(
                begun.number, begun.start_time, begun.client_request_id
            )
        for ended in operation.ended:
            assert found[ended.number].outcome is None, "an attempt ends once"
            found[ended.number] = replace(
                found[ended.number],
                finish_time=ended.finish_time,
                outcome=ended.outcome,
                exchange=ended.exchange,
            )

    def lose_operations(self) -> None:
        """Breaks what no change of ours would break."""
        for assignment_id, assignment in self.assignments_by_id.items():
            self.assignments_by_id[assignment_id] = replace(assignment, operation=None)

    async def delivery(self, lease_id: str) -> Delivery | None:
        return self.deliveries_by_id.get(lease_id)

    async def open_deliveries(self, limit: int) -> Sequence[str]:
        return [found.lease_id for found in self.deliveries_by_id.values() if found.state in _OPEN][
            :limit
        ]

    async def around_lease(
        self,
        lease_id: str,
        principal: Principal | None = None,
        targets: Sequence[Target] = (),
    ) -> Picture:
        own = self.deliveries_by_id.get(lease_id)
        seeds = set(own.assignment_ids if own is not None else ())
        for assignment in self.assignments_by_id.values():
            if assignment.principal == principal and any(
                assignment.target.is_same(target) for target in targets
            ):
                seeds.add(assignment.assignment_id)
        return self._picture(seeds, {lease_id})

    async def shown(self, lease_id: str) -> Picture | None:
        own = self.deliveries_by_id.get(lease_id)
        if own is None:
            return None
        return Picture(
            {id: self.assignments_by_id[id] for id in own.assignment_ids}, {lease_id: own}
        )

    async def around_operations(self, operation_ids: Sequence[str]) -> Picture:
        seeds = {
            assignment.assignment_id
            for assignment in self.assignments_by_id.values()
            if assignment.operation is not None
            and assignment.operation.operation_id in operation_ids
        }
        return self._picture(seeds, set())

    def _picture(self, seeds: set[str], lease_ids: set[str]) -> Picture:
        deliveries = {
            found.lease_id: found
            for found in self.deliveries_by_id.values()
            if found.lease_id in lease_ids
            or (found.state in _OPEN and not seeds.isdisjoint(found.assignment_ids))
        }
        wanted = seeds.union(*(found.assignment_ids for found in deliveries.values()))
        return Picture({id: self.assignments_by_id[id] for id in wanted}, deliveries)

    async def around_assignments(self, assignment_ids: Sequence[str]) -> Picture:
        seeds = set(assignment_ids) & self.assignments_by_id.keys()
        held = [self.assignments_by_id[each].lease_ids for each in seeds]
        return self._picture(seeds, set[str]().union(*held))

    async def expected(
        self, connection_id: str, changed_before: datetime, after: str, limit: int
    ) -> Sequence[ExpectedAssignment]:
        ids = [
            id
            for id, each in self.assignments_by_id.items()
            if each.target.connection_id == connection_id and id > after
        ]
        return (await self.still_expected(sorted(ids), changed_before))[:limit]

    async def still_expected(
        self, assignment_ids: Sequence[str], changed_before: datetime
    ) -> Sequence[ExpectedAssignment]:
        return [
            ExpectedAssignment(
                id,
                found.principal.entra_object_id,
                found.principal.user_id,
                found.target.directory_entitlement_id,
            )
            for id in assignment_ids
            if (found := self.assignments_by_id[id]).state is AssignmentState.PRESENT
            and found.add_time is not None
            and found.add_time < changed_before
        ]

    async def lost_deliveries(self, changed_before: datetime, limit: int) -> Sequence[str]:
        return [
            found.lease_id
            for found in self.deliveries_by_id.values()
            if found.state is DeliveryState.LOST and found.update_time < changed_before
        ][:limit]

    async def due(
        self, connection_id: str, now: datetime, limit: int, busy: frozenset[str]
    ) -> Sequence[Due]:
        found: list[tuple[int, datetime, str, Due]] = []
        for assignment in self.assignments_by_id.values():
            operation, person = assignment.operation, assignment.principal.entra_object_id
            target = assignment.target
            if operation is None or target.connection_id != connection_id:
                continue
            if operation.awaits and person in busy:
                continue
            assert operation.state is OperationState.INTENDED
            if operation.next_attempt_time <= now:
                kind = target.kind
                group_id = kind.entra_group_id if isinstance(kind, GroupMembership) else ""
                due = Due(operation.operation_id, person, operation.kind, operation.lane, group_id)
                rank = [*Lane].index(operation.lane)
                found.append((rank, operation.create_time, operation.operation_id, due))
        return [due for *_, due in sorted(found, key=lambda each: each[:3])][:limit]

    async def operation(self, operation_id: str) -> Recorded | None:
        known = [
            *self.finished,
            *(each.operation for each in self.assignments_by_id.values() if each.operation),
        ]
        for operation in known:
            if operation.operation_id == operation_id:
                return Recorded(operation, self.records(operation_id))
        return None

    def records(self, operation_id: str) -> tuple[AttemptRecord, ...]:
        """The attempts of an operation."""
        return tuple(self.attempts.get(operation_id, {}).values())

    async def assignments(self, request: PageRequest, *, user_id: str) -> Page[Assignment]:
        raise AssertionError("not asked here")

    async def operations(
        self, request: PageRequest, *, assignment_id: str, state: OperationState | None
    ) -> Page[Operation]:
        raise AssertionError("not asked here")

    def saved(self, before: Picture, after: Picture) -> tuple[Write, ...]:
        return (_Save(before, after),)


@dataclass(frozen=True, slots=True)
class _Found(Write):
    reconciliation: Reconciliation
    missing_ids: frozenset[str] | None


class FakeReconciliations:
    """Reconciliations, with the versions that guard them."""

    def __init__(self) -> None:
        self.found: dict[str, Reconciliation] = {}
        self.missing_ids: dict[str, frozenset[str]] = {}

    def apply(self, write: Write) -> bool:
        """Makes a write true, if it is one of these."""
        if not isinstance(write, _Found):
            return False
        id = write.reconciliation.reconciliation_id
        if write.missing_ids is not None:
            self.missing_ids[id] = write.missing_ids
            self.found[id] = write.reconciliation
        else:
            known = self.found[id]
            assert known.version == write.reconciliation.version
            self.found[id] = replace(write.reconciliation, version=known.version + 1)
        still_open = [each.connection_id for each in self.found.values() if not each.is_over]
        assert len(still_open) == len(set(still_open)), "one of a connection is open"
        return True

    async def get(self, reconciliation_id: str) -> Reconciliation | None:
        return self.found.get(reconciliation_id)

    async def open_of(self, connection_id: str) -> Reconciliation | None:
        for each in self.found.values():
            if each.connection_id == connection_id and not each.is_over:
                return each
        return None

    async def missing(self, reconciliation_id: str) -> frozenset[str]:
        return self.missing_ids[reconciliation_id]

    async def page(
        self, request: PageRequest, *, connection_id: str, state: ReconciliationState | None
    ) -> Page[Reconciliation]:
        return Page(tuple(self.found.values()), "")

    def added(
        self, reconciliation: Reconciliation, missing_ids: Collection[str]
    ) -> tuple[Write, ...]:
        return (_Found(reconciliation, frozenset(missing_ids)),)

    def updated(self, reconciliation: Reconciliation) -> tuple[Write, ...]:
        return (_Found(reconciliation, None),)


@dataclass
class FakeRequests:
    """The leases that a test gave it."""

    leases: dict[str, Lease] = field(default_factory=dict)

    async def lease(self, lease_id: str) -> Lease:
        if lease_id not in self.leases:
            raise NotFound("LEASE_NOT_FOUND", "there is no such lease")
        return self.leases[lease_id]

    async def ending(self) -> Sequence[str]:
        return [found.lease_id for found in self.leases.values() if found.is_ended]

    async def granted(self) -> Sequence[str]:
        return [
            found.lease_id
            for found in self.leases.values()
            if found.is_wanted and not found.is_delivered
        ]


@dataclass
class FakeCatalog:
    """Confirms what it lists. `mirror` is what it saw in the tenant, with the sync `sync_id`,
    `people` whom it knows besides the subject, `gone` what is in the directory no more."""

    listed: list[Target] = field(default_factory=list)
    mirror: set[tuple[str, str]] = field(default_factory=set)
    subject: Principal | None = None
    missing: NotFound | None = None
    people: dict[str, Principal] = field(default_factory=dict)
    sync_id: str = ""
    gone: set[str] = field(default_factory=set)
    on_asked: Callable[[], None] = lambda: None

    async def check_held(
        self, connection_id: str, expected: Sequence[ExpectedAssignment]
    ) -> tuple[str, frozenset[str]]:
        self.on_asked()
        return self.sync_id, frozenset(
            each.assignment_id
            for each in expected
            if (each.user_id, each.directory_entitlement_id) not in self.mirror
            and not {each.user_id, each.directory_entitlement_id} & self.gone
        )

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[Target]
    ) -> Confirmation:
        if self.missing is not None:
            raise self.missing
        subject = self.people.get(user_id, self.subject)
        assert subject is not None
        known = {target.directory_entitlement_id: target for target in self.listed}
        return Confirmation(
            subject,
            tuple(
                ConfirmedTarget(
                    known.get(target.directory_entitlement_id),
                    (user_id, target.directory_entitlement_id) in self.mirror,
                    "" if target.directory_entitlement_id in known else "not listed",
                )
                for target in targets
            ),
        )


@dataclass
class FakeConnections:
    """One connection, and what of it is Microsoft's own."""

    connection: Connection
    protected_ids: frozenset[str] = frozenset()

    async def get(self, connection_id: str) -> Connection | None:
        return self.connection if connection_id == self.connection.connection_id else None

    async def of_tenant(self, entra_tenant_id: str) -> Connection | None:
        return self.connection if entra_tenant_id == self.connection.entra_tenant_id else None

    async def with_credential(self, name: str) -> Sequence[Connection]:
        same = name == self.connection.credential.name
        return [self.connection] if same else []

    async def page(self, request: PageRequest) -> Page[Connection]:
        return Page((self.connection,), "")

    async def for_writing(
        self, connection_id: str, service_principal_ids: Iterable[str]
    ) -> Writable | None:
        found = await self.get(connection_id)
        asked = frozenset(service_principal_ids)
        return None if found is None else Writable(found, self.protected_ids & asked)

    async def protected(self, connection_id: str) -> frozenset[str]:
        return self.protected_ids

    def added(self, connection: Connection) -> tuple[Write, ...]:
        return ()

    def updated(self, connection: Connection) -> tuple[Write, ...]:
        return ()

    def protecting(self, connection_id: str, ids: Iterable[str]) -> tuple[Write, ...]:
        return ()


@dataclass
class FakeSyncs:
    """Knows the last sync that succeeded, if a test gave it one."""

    last: Sync | None = None

    async def get(self, sync_id: str) -> Sync | None:
        return self.last

    async def running(self) -> Sequence[Sync]:
        return []

    async def running_of(self, connection_id: str) -> Sync | None:
        return None

    async def last_succeeded_of(self, connection_id: str) -> Sync | None:
        return self.last

    async def history_of(self, connection_id: str) -> History:
        return History(self.last, None, self.last)

    async def page(self, request: PageRequest, *, connection_id: str) -> Page[Sync]:
        return Page((), "")

    def added(self, sync: Sync) -> tuple[Write, ...]:
        return ()

    def updated(self, sync: Sync) -> tuple[Write, ...]:
        return ()


class FakeTenant:
    """What one tenant holds, as (principal, directory entitlement)."""

    def __init__(self) -> None:
        self.present: set[tuple[str, str]] = set()

    def apply(self, attempt: Attempt) -> Verdict:
        """Does what an attempt asks for, and says so."""
        key = (attempt.principal.entra_object_id, attempt.target.directory_entitlement_id)
        if attempt.kind is OperationKind.ADD:
            if key in self.present:
                return Already("400 Request_BadRequest: already there")
            if attempt.refusal is not None:
                return attempt.refusal
            self.present.add(key)
            return Done("204 No Content")
        if key not in self.present:
            return Already("404 Request_ResourceNotFound: already gone")
        self.present.remove(key)
        return Done("204 No Content")
