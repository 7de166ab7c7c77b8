"""The connector's provisioning ports in memory, and a tenant that can lose its answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from libs.domain.changes import Change, Fact, Outcome, Write
from libs.domain.errors import NotFound
from libs.domain.paging import Page, PageRequest
from services.connector.domain.assignment import Assignment
from services.connector.domain.connection import Connection
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.domain.lease import Confirmation, ConfirmedTarget, Lease
from services.connector.domain.operation import Operation, OperationKind, OperationState
from services.connector.domain.sync import Sync
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import Already, Done, Verdict
from services.connector.ports import Attempt, Due

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
        self.told: list[Fact] = []

    def commit(self, outcome: Outcome[Any]) -> None:
        """Makes an outcome true. A change made from an old state is a fault of the test."""
        change: Change | None = outcome.change
        if change is None:
            return
        for write in change.writes:
            assert isinstance(write, _Save)
            self._apply(write.after)
        self.told += change.facts

    def _apply(self, after: Picture) -> None:
        for assignment in after.assignments.values():
            known = self.assignments_by_id.get(assignment.assignment_id)
            assert assignment.version == (0 if known is None else known.version)
            self.finished += assignment.finished
            operation = assignment.operation
            if operation is not None:
                operation = replace(operation, version=operation.version + 1)
            self.assignments_by_id[assignment.assignment_id] = replace(
                assignment, version=assignment.version + 1, finished=(), operation=operation
            )
        for delivery in after.deliveries.values():
            before = self.deliveries_by_id.get(delivery.lease_id)
            assert delivery.version == (0 if before is None else before.version)
            self.deliveries_by_id[delivery.lease_id] = replace(
                delivery, version=delivery.version + 1
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
        self, lease_id: str, principal: Principal | None = None, targets: Sequence[Target] = ()
    ) -> Picture:
        own = self.deliveries_by_id.get(lease_id)
        seeds = set(own.assignment_ids if own is not None else ())
        for assignment in self.assignments_by_id.values():
            if assignment.principal == principal and any(
                assignment.target.is_same(target) for target in targets
            ):
                seeds.add(assignment.assignment_id)
        return self._picture(seeds, {lease_id})

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

    async def due(self, now: datetime, limit: int, busy: frozenset[str]) -> Sequence[Due]:
        found = []
        for assignment in self.assignments_by_id.values():
            operation, person = assignment.operation, assignment.principal.entra_object_id
            if operation is not None and operation.next_attempt_time <= now and person not in busy:
                assert operation.state is OperationState.INTENDED
                found.append(Due(operation.operation_id, person))
        return found[:limit]

    async def assignments(self, request: PageRequest, *, user_id: str) -> Page[Assignment]:
        raise AssertionError("not asked here")

    async def operations(self, request: PageRequest, *, assignment_id: str) -> Page[Operation]:
        raise AssertionError("not asked here")

    def saved(self, before: Picture, after: Picture) -> tuple[Write, ...]:
        return (_Save(before, after),)


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
    """Confirms what it lists. `mirror` is what it saw in the tenant."""

    listed: list[Target] = field(default_factory=list)
    mirror: set[tuple[str, str]] = field(default_factory=set)
    subject: Principal | None = None
    missing: NotFound | None = None

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[Target]
    ) -> Confirmation:
        if self.missing is not None:
            raise self.missing
        assert self.subject is not None
        known = {target.directory_entitlement_id: target for target in self.listed}
        return Confirmation(
            self.subject,
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

    async def with_secret(self, client_secret_name: str) -> Sequence[Connection]:
        same = client_secret_name == self.connection.client_secret_name
        return [self.connection] if same else []

    async def page(self, request: PageRequest) -> Page[Connection]:
        return Page((self.connection,), "")

    async def protected(self, connection_id: str) -> frozenset[str]:
        return self.protected_ids

    def added(self, connection: Connection) -> tuple[Write, ...]:
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
            self.present.add(key)
            return Done("204 No Content")
        if key not in self.present:
            return Already("404 Request_ResourceNotFound: already gone")
        self.present.remove(key)
        return Done("204 No Content")
