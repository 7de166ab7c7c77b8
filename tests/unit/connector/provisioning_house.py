"""The provisioning handlers over stand-ins, and a worker that a test drives by hand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.domain.changes import Outcome
from libs.domain.ids import new_id
from services.connector.domain.connection import Connection, Credential, CredentialKind
from services.connector.domain.delivery import Delivery
from services.connector.domain.lease import Lease
from services.connector.domain.sync import Sync, SyncState, first_progress
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal, Target
from services.connector.domain.verdict import Verdict
from services.connector.domain.wave import Due
from services.connector.handlers.deliver_lease import DeliverLease
from services.connector.handlers.end_lease import EndLease
from services.connector.handlers.lost_access import SeeToLostAccess
from services.connector.handlers.mend_delivery import MendDelivery
from services.connector.handlers.reconcile import Reconcile
from services.connector.handlers.run_operations import RunOperations
from services.connector.loops.reconciling import Reconciler
from services.connector.ports import Attempt, Departure
from tests.fakes.clock import FakeClock
from tests.fakes.connector_store import (
    FakeCatalog,
    FakeConnections,
    FakeProvisioning,
    FakeRequests,
    FakeSyncs,
    FakeTenant,
)

TENANT = "11111111-1111-1111-1111-111111111111"
PERSON = Principal("usr_ada", TENANT, "22222222-2222-2222-2222-222222222222")
CONNECTION = Connection(
    "con_1", "Contoso", TENANT, "33333333-3333-3333-3333-333333333333",
    Credential(CredentialKind.CLIENT_SECRET, "contoso"), "global", datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
GROUP = Target("den_group", "con_1", "member of Editors", GroupMembership("g-1"))
ROLE = Target("den_role", "con_1", "role of Design", AppRoleGrant("sp-1", "r-1"))


class PlentyOfRoom:
    """Whatever is to be done may go at once."""

    def __init__(self) -> None:
        self.departures: list[Departure] = []

    def take(self, connection_id: str, due: Sequence[Due]) -> Mapping[str, str]:
        return {each.operation_id: f"call of {each.operation_id}" for each in due}

    def leave(self, departure: Departure) -> None:
        self.departures.append(departure)


class ProvisioningHouse:
    """Everything between an event and Entra, without any I/O."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeProvisioning()
        self.requests = FakeRequests()
        self.catalog = FakeCatalog([GROUP, ROLE], subject=PERSON)
        self.connections = FakeConnections(CONNECTION)
        self.syncs = FakeSyncs()
        self.tenant = FakeTenant()
        self.deliver_lease = DeliverLease(
            self.requests,
            self.catalog,  # type: ignore[arg-type]  # syncs are not brought here
            self.connections,
            self.syncs,
            self.store,
            self.clock,
        )
        self.end_lease = EndLease(
            self.requests,
            self.catalog,  # type: ignore[arg-type]
            self.connections,
            self.store,
            self.clock,
        )
        self.reconcile = Reconcile(
            self.catalog,  # type: ignore[arg-type]
            self.connections,
            self.store,
            self.store.reconciliations,
            self.clock,
        )
        self.lost = SeeToLostAccess(self.store, self.clock)
        self.reconciler = Reconciler(
            self.syncs,
            self.store,
            self.store.reconciliations,
            _ServesAll(),
            self.reconcile,
            self.lost,
            _Commits(self.store),  # type: ignore[arg-type]
            self.clock,
        )
        self.run_operations = RunOperations(self.store, self.clock)
        self.mend_delivery = MendDelivery(self.store, self.clock)

    def lease(
        self,
        lease_id: str,
        *targets: Target,
        of: Principal = PERSON,
        emergency: bool = False,
        takes_over: bool = False,
    ) -> str:
        """A lease that shall be in Entra."""
        self.requests.leases[lease_id] = Lease(
            lease_id,
            is_wanted=True,
            is_delivered=False,
            is_ended=False,
            entitlement_id="ent_1",
            subject=of,
            targets=targets,
            round=1,
            emergency=emergency,
            takes_over=takes_over,
        )
        return lease_id

    def change(self, lease_id: str, **fields: object) -> None:
        """Changes a lease."""
        lease = self.requests.leases[lease_id]
        self.requests.leases[lease_id] = replace(lease, **fields)  # type: ignore[arg-type]

    def end(self, lease_id: str) -> None:
        """Has a lease end."""
        self.change(lease_id, is_wanted=False, is_ended=True)

    def is_live(self, lease_id: str) -> bool:
        """Whether a lease shall be in Entra."""
        return self.requests.leases[lease_id].is_wanted

    async def granted(self, lease_id: str) -> None:
        """The event arrives."""
        self.store.commit(await self.deliver_lease(lease_id))

    async def granted_at_once(self, lease_id: str) -> list[Attempt]:
        """The event arrives while there is room for what it begins: attempts that are under way."""
        room = PlentyOfRoom()
        self.store.commit(await self.deliver_lease(lease_id, room))
        return [each for some in room.departures for each in some.attempts.values()]

    async def ended(self, lease_id: str) -> None:
        """The event arrives."""
        self.store.commit(await self.end_lease(lease_id))

    def delivery(self, lease_id: str) -> Delivery:
        """How far a lease is."""
        return self.store.deliveries_by_id[lease_id]

    async def begin(self) -> list[Attempt]:
        """Begins every attempt that is due."""
        due = await self.store.due("con_1", self.clock.now(), 100, frozenset())
        return await self.begin_together([found.operation_id for found in due])

    async def begin_together(self, operation_ids: list[str]) -> list[Attempt]:
        """Begins an attempt of each, where there is anything to do."""
        outcome = await self.run_operations.attempt(
            {operation_id: f"call of {operation_id}" for operation_id in operation_ids}
        )
        self.store.commit(outcome)
        return list(outcome.result.attempts.values())

    async def settle(self, attempt: Attempt, verdict: Verdict) -> None:
        """Entra's answer arrives."""
        self.store.commit(await self.run_operations.settle([(attempt, verdict)]))

    async def work(self) -> None:
        """Works until nothing is left to do; Entra answers everything."""
        for _ in range(100):
            begun = await self.begin()
            for attempt in begun:
                await self.settle(attempt, self.tenant.apply(attempt))
            if not begun:
                if not any(found.operation for found in self.store.assignments_by_id.values()):
                    return
                self.clock.advance(timedelta(minutes=10))
        raise AssertionError("there is no end to it")

    async def work_later(self) -> None:
        """Works until nothing is left to do, after the pauses of what failed before."""
        self.clock.advance(timedelta(minutes=10))
        await self.work()

    def sync(self) -> Sync:
        """A sync that saw everything as it is, long enough after what happened before."""
        self.clock.advance(timedelta(minutes=4))
        sync = Sync(
            new_id("syn"),
            "con_1",
            SyncState.SUCCEEDED,
            first_progress(),
            "",
            self.clock.now(),
        )
        ids = {each.entra_object_id: each.user_id for each in self.catalog.people.values()}
        ids[PERSON.entra_object_id] = PERSON.user_id
        self.catalog.mirror = {(ids[who], what) for who, what in self.tenant.present}
        self.syncs.last, self.catalog.sync_id = sync, sync.sync_id
        self.clock.advance(timedelta(seconds=10))
        return sync

    async def look(self) -> None:
        """A sync, and what the loop does after it."""
        self.sync()
        await self.reconciler()

    def holds(self, target: Target) -> bool:
        """Whether Entra has it."""
        return (PERSON.entra_object_id, target.directory_entitlement_id) in self.tenant.present

    def had_before(self, target: Target, *, in_mirror: bool = False) -> None:
        """It is in Entra without our doing."""
        self.tenant.present.add((PERSON.entra_object_id, target.directory_entitlement_id))
        if in_mirror:
            self.catalog.mirror.add((PERSON.user_id, target.directory_entitlement_id))

    def removed_by_hand(self, target: Target) -> None:
        """Somebody takes it out of Entra."""
        self.tenant.present.discard((PERSON.entra_object_id, target.directory_entitlement_id))

    def given_by_hand(self, target: Target) -> None:
        """Somebody puts it into Entra."""
        self.tenant.present.add((PERSON.entra_object_id, target.directory_entitlement_id))


class _ServesAll:
    def serves(self, connection_id: str) -> bool:
        return True

    def connection_ids(self) -> frozenset[str]:
        return frozenset({"con_1"})

    def on_change(self, listener: Callable[[], None]) -> None:
        pass


class _Commits:
    """Commits what a use case returns, at once."""

    def __init__(self, store: FakeProvisioning) -> None:
        self._store = store

    async def run(self, use_case: Callable[[], Awaitable[Outcome[Any]]]) -> Any:
        outcome = await use_case()
        self._store.commit(outcome)
        return outcome.result
