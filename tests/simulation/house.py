"""Both services, the broker between them, Entra and the clock: what goes on while people do things.

Time goes from one thing to the next. At each the loops of both services run until nothing moves.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from libs.domain.changes import AuditEntry, Change
from libs.domain.ids import new_id
from services.connector.domain.sync import Progress, Sync, SyncState
from services.connector.entra.gate import Gate
from services.connector.handlers.end_lease import CONNECTOR
from services.connector.handlers.get_delivery import ReadProvisioning
from services.connector.store import MIGRATIONS as CONNECTOR_MIGRATIONS
from services.connector.store.connections import ConnectionStore
from services.connector.store.provisioning import ProvisioningStore
from services.requests.domain.lease import EXPIRING, ON_ITS_WAY, LeaseState
from services.requests.store import MIGRATIONS as REQUESTS_MIGRATIONS
from services.requests.store.documents import target_from
from services.requests.store.leases import LeaseStore
from services.requests.store.tables import leases
from tests.simulation.bridges import ConnectorNextDoor, RequestsNextDoor
from tests.simulation.catalog import kind_of
from tests.simulation.company import NEEDED, Company
from tests.simulation.database import InlineSqlite
from tests.simulation.entra import Kind
from tests.simulation.fuse import Killed
from tests.simulation.journal import Journal
from tests.simulation.post import Post
from tests.simulation.room import Room
from tests.simulation.rooms import ConnectorRoom, Reachable, RequestsRoom, loop_time
from tests.simulation.time import SimulatedLoop, TickingClock
from tests.simulation.weather import Weather, WeatheredTenant
from tests.unit.connector.provisioning_house import CONNECTION

_ROUNDS = 8
_SOON, _WAITING, _LATER = (timedelta(seconds=each) for each in (3, 30, 600))
WRITES_PER_SECOND = 20


class SimulatedHouse:
    """Everything but the people. `down` are the services that are not running."""

    def __init__(self, folder: Path, company: Company, chance: random.Random) -> None:
        self.company, self._chance = company, chance
        self.clock = TickingClock()
        self.journal = Journal(self.clock.now)
        self.gate = Gate(writes_per_second=WRITES_PER_SECOND, units_per_second=1000, now=loop_time)
        self.tenant = WeatheredTenant(self.clock.now, chance, self.gate)
        self.post = Post(chance)
        self.broker = Reachable()
        self.down: set[str] = set()
        self.kills = 0
        self._databases = [
            InlineSqlite(folder / f"{name}.db") for name in ("requests", "connector")
        ]
        self.requests: RequestsRoom
        self.connector: ConnectorRoom
        self._rooms = AsyncExitStack()

    async def __aenter__(self) -> "SimulatedHouse":
        for database, migrations in zip(
            self._databases, (REQUESTS_MIGRATIONS, CONNECTOR_MIGRATIONS), strict=True
        ):
            await migrations.apply(database)
        for policy_id, people in NEEDED.items():
            self.journal.note("policy", policy_id=policy_id, people=people)
        await self._begin("requests")
        await self._begin("connector")
        added = ConnectionStore(self.connector.database).added(CONNECTION)
        entry = AuditEntry(CONNECTOR, "connection.created", CONNECTION.connection_id)
        await self.connector.committer.commit(Change(entry, added))
        return self

    async def __aexit__(self, *_: object) -> None:
        for room in (self.requests, self.connector):
            await room.__aexit__()
        for database in self._databases:
            await database.close()

    async def go_to(self, time: datetime) -> None:
        """Time passes; whatever is due on the way is done when it is due."""
        while (now := self.clock.now()) < time:
            self._advance(min(time, max(await self._next_due(), now + timedelta(seconds=1))))
            await self.settle_down()

    async def settle_down(self) -> None:
        """The loops of both services run, and events are carried, until nothing moves."""
        for number in range(_ROUNDS):
            before = self.requests.committer.count + self.connector.committer.count + self.kills
            await self._work(self.requests, again=number > 0)
            await self._work(self.connector, again=number > 0)
            if before == (
                self.requests.committer.count + self.connector.committer.count + self.kills
            ):
                return

    async def sync(self) -> None:
        """The catalog hears what Entra holds."""
        if self.tenant.weather is not Weather.FAIR or "connector" in self.down:
            return
        begun = self.clock.now()
        self.journal.note("sync")
        sync_id = new_id("syn")
        self.company.catalog.sync(self.tenant, sync_id)
        done = Sync(
            sync_id, CONNECTION.connection_id, SyncState.SUCCEEDED, Progress(""), "",
            create_time=begun, finish_time=self.clock.now(),
        )  # fmt: skip
        entry = AuditEntry(CONNECTOR, "sync.succeeded", done.sync_id)
        await self.connector.committer.commit(Change(entry, self.connector.syncs.added(done)))

    async def leases_on(self, user_id: str, kind: Kind) -> set[LeaseState]:
        """In which states somebody's leases are that name something."""
        query = select(leases.c.state, leases.c.targets).where(leases.c.subject_user_id == user_id)
        rows = await self._databases[0].read(lambda it: it.execute(query).all())
        return {
            LeaseState(row.state)
            for row in rows
            if any(kind_of(target_from(dict(each))) == kind for each in row.targets)
        }

    async def keep(self) -> None:
        """The journal has everything."""
        self.journal.note("end")
        for room in (self.requests, self.connector):
            await self.journal.keep_ledger(room.name, room.database, room.ledger)
        await self.journal.keep_leases(self.requests.database)

    def weather(self, weather: Weather) -> None:
        """Graph is well, or is not."""
        self.tenant.weather = weather
        self.trouble()

    def trouble(self) -> None:
        """Notes whether anything keeps ends from coming in time."""
        self.journal.note("weather", fair=self._is_fair)

    def lose_broker(self, away: bool) -> None:
        """NATS is away, or is back."""
        self.post.away, self.broker.connected = away, not away
        self.journal.note("broker", fair=not away)

    def stop(self, name: str, *, running: bool = False) -> None:
        """A service does not run, or runs again."""
        (self.down.discard if running else self.down.add)(name)
        self.trouble()

    def kill(self, name: str, moments: int) -> None:
        """A service is killed in the middle of something, and begins anew."""
        {"requests": self.requests, "connector": self.connector}[name].fuse.light(moments)

    @property
    def _is_fair(self) -> bool:
        return self.tenant.weather is Weather.FAIR and not self.down

    async def _work(self, room: RequestsRoom | ConnectorRoom, *, again: bool) -> None:
        if room.name in self.down:
            return

        async def work() -> None:
            await self.post.deliver(room)
            await room.round(again=again)
            await self.post.collect(room, (self.requests, self.connector))

        try:
            await room.fuse.guard(work)
        except Killed:
            self.kills += 1
            self.journal.note("killed", service=room.name)
            await room.__aexit__()
            await self._begin(room.name)
        self.journal.changed(self.tenant.journal)
        self.tenant.journal.clear()

    async def _begin(self, name: str) -> None:
        """A process of a service, over what the last one committed."""
        of_requests, of_connector = self._databases
        room: Room
        if name == "requests":
            room = self.requests = RequestsRoom(
                of_requests,
                self.journal,
                self.clock,
                self.company.catalog,
                self.company.policy,
                ConnectorNextDoor(
                    ReadProvisioning(ProvisioningStore(of_connector)),
                    lambda: "connector" not in self.down,
                ),
            )
        else:
            room = self.connector = ConnectorRoom(
                of_connector,
                self.journal,
                self.clock,
                self.company.catalog,
                RequestsNextDoor(
                    LeaseStore(of_requests),
                    self.company.catalog,
                    lambda: "requests" not in self.down,
                ),
                self.tenant,
                self.gate,
                self.broker,
            )
        await room.__aenter__()

    async def _next_due(self) -> datetime:
        """When something is to be done that nobody asks for."""
        now = self.clock.now()
        if "requests" in self.down:
            return now + _LATER
        ends = select(func.min(leases.c.end_time)).where(leases.c.state.in_(EXPIRING))
        busy = select(leases.c.lease_id).where(leases.c.state.in_(ON_ITS_WAY)).limit(1)
        end, on_its_way = await self._databases[0].read(
            lambda it: (it.execute(ends).scalar(), it.execute(busy).first())
        )
        pause = _SOON if self._is_fair else _WAITING
        pause = _LATER if on_its_way is None else pause
        known = [now + pause, end, self.post.next_due(self.down)]
        return min(each for each in known if each is not None)

    def _advance(self, time: datetime) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        loop.ahead += self.clock.go_to(time)
