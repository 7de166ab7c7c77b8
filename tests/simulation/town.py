"""Requests and the connector over stand-ins for their databases, with Entra's calls in the hand of
a test: the real use cases, their words to each other, and everything from a wave of calls to Graph.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from libs.db.writes import Writes
from libs.domain.callers import Person
from libs.domain.changes import Outcome
from libs.domain.ids import derived_id, new_id
from services.connector.domain.assignment import Assignment
from services.connector.domain.connection import RemovedAccessAction
from services.connector.domain.sync import Progress, Sync, SyncState
from services.connector.domain.verdict import Verdict
from services.connector.domain.wave import next_wave
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Graph
from services.connector.entra.provisioner import provision
from services.connector.handlers.deliver_lease import DeliverLease
from services.connector.handlers.end_lease import EndLease
from services.connector.handlers.get_delivery import ReadProvisioning
from services.connector.handlers.lost_access import SeeToLostAccess
from services.connector.handlers.reconcile import Reconcile
from services.connector.handlers.run_operations import RunOperations
from services.connector.loops.reconciling import Reconciler
from services.connector.ports import Attempt, Catalog
from services.requests.domain import facts
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.person import PersonRef
from services.requests.domain.target import AppRoleAssignment, GroupMembership, Target
from services.requests.handlers.settle_lease import Settled
from services.requests.handlers.wish import Wish
from tests.fakes.clock import FakeClock
from tests.fakes.connector_store import FakeConnections, FakeProvisioning, FakeSyncs
from tests.fakes.graph_model import Fault
from tests.fakes.requests_neighbours import FakeCatalog, FakeConnector
from tests.simulation.bridges import ConnectorNextDoor, RequestsNextDoor
from tests.simulation.catalog import CompanyCatalog, Offer, kind_of
from tests.simulation.entra import Kind, Tenant
from tests.unit.connector.provisioning_house import CONNECTION, TENANT
from tests.unit.requests_service.house import House, person

_CON = CONNECTION.connection_id
APP = derived_id("app", "design")


def _member(group: str) -> Target:
    return Target(derived_id("den", group), _CON, f"member of {group}", GroupMembership(group))


_EDITORS, _VIEWERS = _member("g-editors"), _member("g-viewers")
_ROLE = Target(derived_id("den", "role"), _CON, "role of design", AppRoleAssignment("sp", "role"))
OFFERS = {
    name: Offer(derived_id("ent", name), name, APP, targets)
    for name, targets in {
        "editor": (_EDITORS,),
        "alias of editor": (_EDITORS,),
        "app role": (_ROLE,),
        "virtual role": (_VIEWERS, _ROLE),
        "suite": (_EDITORS, _VIEWERS),
    }.items()
}
KINDS: tuple[Kind, ...] = tuple(map(kind_of, (_EDITORS, _VIEWERS, _ROLE)))
PEOPLE: tuple[Person, ...] = tuple(
    Person(TENANT, person(name).entra_object_id, name) for name in ("Ada", "Ben")
)


class ServesAlone:
    """The port `Serving`: there is no other process."""

    def serves(self, connection_id: str) -> bool:
        return True

    def connection_ids(self) -> frozenset[str]:
        return frozenset({_CON})

    def on_change(self, listener: Callable[[], None]) -> None:
        """Nothing changes."""


class _Commits:
    """Commits what a use case returns, at once."""

    def __init__(self, store: FakeProvisioning) -> None:
        self._store = store

    async def run(self, use_case: Callable[[], Awaitable[Outcome[Any]]]) -> Any:
        outcome = await use_case()
        self._store.commit(outcome)
        return outcome.result


class Town:
    """Two people, and what they may ask for. `to_connector` and `to_requests` are the events on
    their way: what happened, and to which lease."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.entra = Tenant(self.clock.now)
        self.catalog = CompanyCatalog(
            offers={offer.entitlement_id: offer for offer in OFFERS.values()},
            people={who.user_id: PersonRef.of(who) for who in PEOPLE},
        )
        self.house = House(clock=self.clock, catalog=cast(FakeCatalog, self.catalog))
        self.store = FakeProvisioning()
        self.syncs = FakeSyncs()
        self.connections = FakeConnections(CONNECTION)
        self.gate = Gate(writes_per_second=1000, units_per_second=100_000)
        self.house.connector = cast(FakeConnector, ConnectorNextDoor(ReadProvisioning(self.store)))
        self.requests = RequestsNextDoor(self.house.store.leases, self.catalog)
        self.to_connector: list[tuple[str, str]] = []
        self.to_requests: list[str] = []
        self._changes_read = self._facts_read = 0
        self.begin_connector()

    def removed_is(self, action: RemovedAccessAction) -> None:
        """What becomes of a lease whose access somebody takes out by hand."""
        self.connections.connection = replace(CONNECTION, removed_access_action=action)

    def begin_connector(self) -> None:
        """A new process of the connector, over what the last one kept."""
        self.deliver_lease = DeliverLease(
            self.requests,
            cast(Catalog, self.catalog),
            self.connections,
            self.syncs,
            self.store,
            self.clock,
        )
        self.end_lease = EndLease(
            self.requests, cast(Catalog, self.catalog), self.connections, self.store, self.clock
        )
        self.run_operations = RunOperations(self.store, self.clock)
        self.reconciler = Reconciler(
            self.syncs,
            self.store,
            self.store.reconciliations,
            ServesAlone(),
            Reconcile(
                cast(Catalog, self.catalog),
                self.connections,
                self.store,
                self.store.reconciliations,
                self.clock,
            ),
            SeeToLostAccess(self.store, self.clock),
            cast(Writes, _Commits(self.store)),
            self.clock,
        )

    @property
    def leases(self) -> Sequence[Lease]:
        """All there ever were, in their order."""
        return [*self.house.store.kept_leases.values()]

    def leases_on(self, who: Person, kind: Kind, *states: LeaseState) -> list[Lease]:
        """Those of a person in one of these states that name something."""
        return [
            lease
            for lease in self.leases
            if lease.state in states
            and lease.subject.user_id == who.user_id
            and any(kind_of(target) == kind for target in lease.targets)
        ]

    def assignment(self, who: Person, kind: Kind) -> Assignment | None:
        """What the connector knows of it."""
        for found in self.store.assignments_by_id.values():
            if found.principal.user_id == who.user_id and found.target.kind == kind:
                return found
        return None

    def relay(self) -> None:
        """What was committed is on its way to the other."""
        changes, told = self.house.store.changes, self.store.told
        for change in changes[self._changes_read :]:
            for fact in change.facts:
                if isinstance(fact.body, facts.LeaseGranted):
                    self.to_connector.append(("granted", fact.resource_id))
                if isinstance(fact.body, facts.LeaseEnded):
                    self.to_connector.append(("ended", fact.resource_id))
        self.to_requests += [fact.resource_id for fact in told[self._facts_read :]]
        self._changes_read, self._facts_read = len(changes), len(told)

    async def ask(
        self, who: Person, offer: str, length: timedelta | None, *, takes_over: bool = False
    ) -> str:
        """Somebody asks, and policy approves at once; returns the lease."""
        wish = Wish(who, OFFERS[offer].entitlement_id, length, takes_over=takes_over)
        return (await self.house.ask(wish)).lease_id

    async def hear(self, what: str, lease_id: str) -> None:
        """An event comes to the connector."""
        use_case = self.deliver_lease if what == "granted" else self.end_lease
        self.store.commit(await use_case(lease_id))

    async def look(self) -> None:
        """The connector looks by itself."""
        for lease_id in await self.requests.ending():
            await self.hear("ended", lease_id)
        for lease_id in await self.requests.granted():
            await self.hear("granted", lease_id)

    async def sweep(self) -> None:
        """Requests looks after what is on its way."""
        for lease in self.leases:
            if lease.is_on_its_way and await self.house.settle(lease.lease_id) is Settled.UNHEARD:
                await self.house.repeat(lease.lease_id)

    async def expire(self) -> None:
        """What is over ends."""
        for lease_id in await self.house.store.leases.overdue(self.clock.now(), 1000):
            await self.house.expire(lease_id)

    def sync(self) -> None:
        """The catalog hears what Entra holds."""
        now, sync_id = self.clock.now(), new_id("syn")
        self.catalog.sync(self.entra, sync_id)
        self.syncs.last = Sync(
            sync_id, _CON, SyncState.SUCCEEDED, Progress(""), "", create_time=now
        )

    async def begin_wave(self, writes: int) -> list[list[Attempt]]:
        """Notes the attempts of what goes next, and says what goes together."""
        due = await self.store.due(_CON, self.clock.now(), 500, frozenset())
        parcels = next_wave(due, writes=writes, on_their_way=0).parcels
        by_person: dict[str, dict[str, str]] = {}
        for parcel in parcels:
            for each in parcel.operations:
                by_person.setdefault(each.entra_principal_id, {})[each.operation_id] = "call"
        begun: dict[str, Attempt] = {}
        for ids in by_person.values():
            outcome = await self.run_operations.attempt(ids)
            self.store.commit(outcome)
            begun |= outcome.result.attempts
        return [
            [begun[each.operation_id] for each in parcel.operations if each.operation_id in begun]
            for parcel in parcels
        ]

    async def carry_out(
        self, attempts: list[Attempt], faults: Sequence[Fault | None], *, dies: bool
    ) -> list[Verdict]:
        """Calls Graph, of whose requests the first have these faults; what the attempts came to. A
        connector that dies keeps no answer, and another one begins."""
        if not attempts:
            return []
        self.entra.faults.extend(faults)
        verdicts = await provision(cast(Graph, self.entra), self.gate, attempts)
        self.entra.faults.clear()
        if dies:
            self.begin_connector()
            return []
        for attempt, verdict in zip(attempts, verdicts, strict=True):
            self.store.commit(await self.run_operations.settle([(attempt, verdict)]))
        return verdicts
