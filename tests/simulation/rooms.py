"""The two services as processes over their databases, without their ports to the network."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from libs.db.engine import Database
from libs.events.broker import Broker
from services.connector.domain.connection import Connection
from services.connector.domain.verdict import Verdict
from services.connector.domain.wave import next_wave
from services.connector.entra.gate import Gate
from services.connector.entra.graph import Graph
from services.connector.entra.provisioner import provision
from services.connector.handlers.deliver_lease import DeliverLease
from services.connector.handlers.end_lease import EndLease
from services.connector.handlers.get_delivery import ReadProvisioning
from services.connector.handlers.lost_access import SeeToLostAccess
from services.connector.handlers.mend_delivery import MendDelivery
from services.connector.handlers.reconcile import Reconcile
from services.connector.handlers.run_operations import RunOperations
from services.connector.loops.leases import LeaseLook
from services.connector.loops.provisioning.parts import Parts
from services.connector.loops.provisioning.wave import WaveRun
from services.connector.loops.reconciling import Reconciler
from services.connector.ports import Attempt, Catalog, Entra
from services.connector.store.connections import ConnectionStore
from services.connector.store.provisioning import ProvisioningStore
from services.connector.store.reconciliations import ReconciliationStore
from services.connector.store.syncs import SyncStore
from services.connector.store.tables import ledger as connector_ledger
from services.connector.subscriber import follows as connector_follows
from services.connector.translate.facts import fact_to_message as connector_message
from services.requests import ports
from services.requests.handlers.advance import Advancer
from services.requests.handlers.cancel_access_request import Withdrawer
from services.requests.handlers.create_access_request import Creator
from services.requests.handlers.decide_access_request import Decider
from services.requests.handlers.delete_delegation import DelegationEnder
from services.requests.handlers.end_lease import Ender, Expirer, Revoker
from services.requests.handlers.extend_lease import Extender
from services.requests.handlers.open_task import TaskOpener
from services.requests.handlers.overdue import Overdue
from services.requests.handlers.retry_access_request import Retrier
from services.requests.handlers.review_emergency_access import Reviewer
from services.requests.handlers.rule_on import Ruler
from services.requests.handlers.seat import Seats
from services.requests.handlers.settle_lease import Settler
from services.requests.handlers.start_takeover import TakeoverStarter
from services.requests.handlers.watch_over_leases import Alarm, Reminder
from services.requests.handlers.wish import Wishes
from services.requests.loops.decide import DecideLoop
from services.requests.loops.expire import ExpireLoop
from services.requests.loops.gone import EVERY_SECONDS as GONE_SECONDS
from services.requests.loops.gone import GoneLoop
from services.requests.loops.overdue import OverdueLoop
from services.requests.loops.sweep import SweepLoop
from services.requests.loops.watch import WatchLoop
from services.requests.store.access_requests import AccessRequestStore
from services.requests.store.delegations import DelegationStore
from services.requests.store.leases import LeaseStore
from services.requests.store.tables import ledger as requests_ledger
from services.requests.store.takeovers import TakeoverStore
from services.requests.subscriber import Subscriber
from services.requests.translate.facts import fact_to_message as requests_message
from tests.simulation.bridges import ConnectorNextDoor, RequestsNextDoor
from tests.simulation.catalog import CompanyCatalog
from tests.simulation.departing import Departing
from tests.simulation.fuse import Fuse
from tests.simulation.journal import Journal
from tests.simulation.room import Room
from tests.simulation.time import TickingClock
from tests.simulation.town import ServesAlone
from tests.simulation.weather import WeatheredTenant
from tests.unit.connector.provisioning_house import CONNECTION

_CON = CONNECTION.connection_id
_REPEAT_SECONDS = 2.0


class RequestsRoom(Room):
    """The requests service."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        clock: TickingClock,
        catalog: CompanyCatalog,
        policy: ports.Policy,
        connector: ConnectorNextDoor,
    ) -> None:
        super().__init__(
            "requests", database, requests_ledger, journal, clock, requests_message, Fuse()
        )
        writes = self.writes
        access_requests = self.access_requests = AccessRequestStore(database)
        leases = self.leases = LeaseStore(database)
        delegations = DelegationStore(database)
        opener = TaskOpener(access_requests, leases, catalog)
        settler = Settler(access_requests, leases, connector, opener, clock)
        advancer = Advancer(catalog, policy, leases)
        decider = Decider(access_requests, leases, advancer, clock)
        seats = Seats(access_requests, leases, delegations, advancer, clock)
        wishes = Wishes(access_requests, catalog)
        self.create = Creator(access_requests, leases, wishes, advancer, clock)
        self.rule = Ruler(access_requests, leases, seats, advancer, clock)
        self.extend = Extender(leases, self.create, clock)
        self.revoke = Revoker(access_requests, leases, catalog, clock)
        self.retry = Retrier(access_requests, leases, seats, clock)
        self.review = Reviewer(access_requests, seats, catalog, clock)
        self._gone = GoneLoop(
            writes,
            access_requests,
            leases,
            delegations,
            catalog,
            Ender(access_requests, leases, clock),
            Withdrawer(access_requests, clock),
            DelegationEnder(delegations, clock),
            decider,
            clock,
        )
        starter = TakeoverStarter(TakeoverStore(database), catalog, clock)
        subscriber = Subscriber(writes, settler, starter, self._gone.of_person, self._gone.of_app)
        self.follows = {follow.event_type: follow for follow in subscriber.follows()}
        overdue = Overdue(access_requests, leases, advancer, clock)
        reminder, alarm = Reminder(leases, clock), Alarm(leases, clock)
        self._quick = (
            ExpireLoop(writes, leases, Expirer(access_requests, leases, clock), clock),
            SweepLoop(writes, leases, settler, clock, repeat_seconds=_REPEAT_SECONDS),
        )
        self._slow = (
            OverdueLoop(writes, access_requests, overdue, clock),
            DecideLoop(writes, access_requests, decider),
            WatchLoop(writes, leases, reminder, alarm, clock),
        )
        self._gone_after = clock.now()

    async def round(self, *, again: bool) -> None:
        """Each of its loops once; the slower ones not again at the same time."""
        for loop in self._quick if again else (*self._quick, *self._slow):
            await loop()
        if self._gone_after <= (now := self.clock.now()):
            self._gone_after = now + timedelta(seconds=GONE_SECONDS)
            await self._gone()


class _InEntra:
    """The part of the port `Entra` that provisioning asks."""

    def __init__(self, tenant: WeatheredTenant, gate: Gate) -> None:
        self._tenant, self._gate = tenant, gate

    async def provision(
        self, connection: Connection, attempts: Sequence[Attempt]
    ) -> Sequence[Verdict]:
        return await provision(cast(Graph, self._tenant), self._gate, attempts)


class Reachable:
    """Whether NATS can be reached."""

    connected = True


class ConnectorRoom(Room):
    """The connector."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        clock: TickingClock,
        catalog: CompanyCatalog,
        requests: RequestsNextDoor,
        tenant: WeatheredTenant,
        gate: Gate,
        broker: Reachable,
    ) -> None:
        super().__init__(
            "connector", database, connector_ledger, journal, clock, connector_message, tenant.fuse
        )
        connections = ConnectionStore(database)
        self.syncs = SyncStore(database)
        self._provisioning = ProvisioningStore(database)
        self._gate = gate
        self._departing = Departing(gate)
        self.committer.on_commit(self._departing.committed)
        asked = cast(Catalog, catalog)
        deliver = DeliverLease(requests, asked, connections, self.syncs, self._provisioning, clock)
        end = EndLease(requests, asked, connections, self._provisioning, clock)
        self.follows = {
            follow.event_type: follow
            for follow in connector_follows(self.writes, self._departing.room, deliver, end)
        }
        self._look = LeaseLook(requests, deliver, end, self.writes, cast(Broker, broker))
        self._parts = Parts(
            self._provisioning,
            connections,
            cast(Entra, _InEntra(tenant, gate)),
            RunOperations(self._provisioning, clock),
            self.writes,
            clock,
        )
        self._mend = MendDelivery(self._provisioning, clock)
        reconciliations = ReconciliationStore(database)
        self._reconciler = Reconciler(
            self.syncs,
            self._provisioning,
            reconciliations,
            ServesAlone(),
            Reconcile(asked, connections, self._provisioning, reconciliations, clock),
            SeeToLostAccess(self._provisioning, clock),
            self.writes,
            clock,
        )

    @property
    def read(self) -> ReadProvisioning:
        """What requests asks."""
        return ReadProvisioning(self._provisioning)

    async def round(self, *, again: bool) -> None:
        """Looks at leases, and then carries out what is due and may go."""
        await self._look()
        if not again:
            await self._reconciler()
        await self._departing.go(self._wave())
        while writes := self._gate.writes_ready():
            due = await self._provisioning.due(_CON, self.clock.now(), 2000, frozenset())
            wave = next_wave(due, writes=writes, on_their_way=0)
            if not wave.parcels:
                return
            self._gate.take_writes(wave.writes)
            await self._wave().carry_out(wave.parcels)

    def _wave(self) -> WaveRun:
        return WaveRun(_CON, ServesAlone(), self._parts, lambda _: None, lambda *_: None)

    async def neglected(self) -> int:
        """How many deliveries are open without anybody at work on them."""
        found = await self._provisioning.open_deliveries(1000)
        mended = 0
        for lease_id in found:
            outcome = await self._mend(lease_id)
            mended += outcome.result
        return mended


def loop_time() -> float:
    """Seconds by the event loop, which a test may be ahead with."""
    return asyncio.get_running_loop().time()
