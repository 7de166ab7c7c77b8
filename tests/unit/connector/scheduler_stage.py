"""The scheduler of a tenant among stand-ins."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any, cast

from libs.db.writes import Writes
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.errors import Conflict
from services.connector.domain.connection import Connection
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.operation import OperationKind
from services.connector.domain.target import Principal, Target
from services.connector.domain.verdict import Verdict
from services.connector.handlers.run_operations import CONNECTOR
from services.connector.loops.pauses import Pauses
from services.connector.loops.provisioning import ProvisioningScheduler
from services.connector.loops.provisioning.parts import Parts
from services.connector.ports import Attempt, Entra
from tests.support.eventually import eventually
from tests.unit.connector.provisioning_house import ROLE, TENANT, ProvisioningHouse


class FakeGate:
    """Lets as many writes through as a test says."""

    def __init__(self) -> None:
        self.writes = 1000
        self.closed_for = 0.0
        self.listeners: list[Callable[[timedelta], None]] = []

    def close_for(self, pause: timedelta) -> None:
        self.closed_for = pause.total_seconds()
        for listener in self.listeners:
            listener(pause)

    def on_throttled(self, listener: Callable[[timedelta], None]) -> None:
        self.listeners.append(listener)

    def writes_ready(self) -> int:
        return 0 if self.closed_for else max(self.writes, 0)

    def take_writes(self, count: int) -> None:
        self.writes -= count


class FakeEntra:
    """Does what it is asked, unless a call hangs; keeps what was asked together."""

    def __init__(self, house: ProvisioningHouse) -> None:
        self.house = house
        self.the_gate = FakeGate()
        self.parcels: list[list[Attempt]] = []
        self.hanging: set[str] = set()
        self.go_on = asyncio.Event()
        self.under_way = 0
        self.most_under_way = 0

    def gate(self, connection: Connection) -> FakeGate:
        return self.the_gate

    async def provision(
        self, connection: Connection, attempts: Sequence[Attempt]
    ) -> Sequence[Verdict]:
        self.parcels.append(list(attempts))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
            if any(each.principal.entra_object_id in self.hanging for each in attempts):
                await self.go_on.wait()
            return [self.house.tenant.apply(each) for each in attempts]
        finally:
            self.under_way -= 1

    def order(self) -> list[tuple[OperationKind, str]]:
        """Everything that was asked for, in that order."""
        return [
            (each.kind, each.principal.entra_object_id) for some in self.parcels for each in some
        ]


class FakeWrites:
    """Commits to the store, and lets nothing through that was made from an old state."""

    def __init__(self, house: ProvisioningHouse) -> None:
        self.house = house
        self.failures: list[Exception] = []
        self.stale = 0

    async def run(self, use_case: Callable[[], Awaitable[Outcome[Any]]]) -> Any:
        for _ in range(5):
            outcome = await use_case()
            await asyncio.sleep(0)
            if self.failures:
                raise self.failures.pop()
            if self.house.store.is_stale(outcome):
                self.stale += 1
                continue
            self.house.store.commit(outcome)
            return outcome.result
        raise Conflict("CONFLICT", "Others keep changing the same thing.")


class FakeServing:
    """Serves what a test says."""

    def __init__(self) -> None:
        self.served = {"con_1"}
        self.listeners: list[Callable[[], None]] = []

    def serves(self, connection_id: str) -> bool:
        return connection_id in self.served

    def connection_ids(self) -> frozenset[str]:
        return frozenset(self.served)

    def on_change(self, listener: Callable[[], None]) -> None:
        self.listeners.append(listener)

    def change(self, *connection_ids: str) -> None:
        self.served = set(connection_ids)
        for listener in self.listeners:
            listener()


class FakeThrottles:
    """Keeps them in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, datetime] = {}

    async def until(self, connection_id: str) -> datetime | None:
        return self.kept.get(connection_id)

    async def note(self, connection_id: str, until: datetime) -> None:
        self.kept[connection_id] = until


class Stage:
    """The scheduler of a process, with one tenant and everybody's leases."""

    def __init__(self) -> None:
        self.house = ProvisioningHouse()
        self.entra = FakeEntra(self.house)
        self.writes = FakeWrites(self.house)
        self.serving = FakeServing()
        self.throttles = FakeThrottles()
        self.house.catalog.people = {}
        parts = Parts(
            self.house.store,
            self.house.connections,
            cast(Entra, self.entra),
            self.house.run_operations,
            cast(Writes, self.writes),
            self.house.clock,
        )
        self.pauses = Pauses(
            self.house.connections, cast(Entra, self.entra), self.throttles, self.house.clock
        )
        self.scheduler = ProvisioningScheduler(parts, self.serving, self.house.mend_delivery)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.pauses, self.scheduler:
            yield

    @contextmanager
    def boarding(self) -> Iterator[Callable[[int], Awaitable[Change]]]:
        """The events of leases arrive while there may be room for what they begin. What they
        answer is yet to be committed; what was not is given back at the end."""
        with ExitStack() as rooms:

            async def granted(number: int) -> Change:
                room = rooms.enter_context(self.scheduler.room())
                outcome = await self.house.deliver_lease(f"lea_{number}", room)
                assert outcome.change is not None
                return outcome.change

            yield granted

    async def calm(self) -> None:
        """Waits until nothing waits to be looked at."""
        await asyncio.sleep(0.02)

    def commit(self, *changes: Change) -> None:
        """Makes changes true together, and tells of them."""
        for change in changes:
            self.house.store.commit(Outcome(None, change))
        self.scheduler.committed(changes)

    def lease(self, number: int, *targets: Target) -> None:
        """A lease of one of many people, of which nothing was heard yet."""
        person = Principal(f"usr_{number}", TENANT, f"p-{number}")
        self.house.catalog.people[person.user_id] = person
        self.house.lease(f"lea_{number}", *(targets or (ROLE,)), of=person)

    async def grant(
        self, number: int, *targets: Target, emergency: bool = False, takes_over: bool = False
    ) -> str:
        """A lease of one of many people."""
        person = Principal(f"usr_{number}", TENANT, f"p-{number}")
        self.house.catalog.people[person.user_id] = person
        lease_id = self.house.lease(
            f"lea_{number}",
            *(targets or (ROLE,)),
            of=person,
            emergency=emergency,
            takes_over=takes_over,
        )
        await self.house.granted(lease_id)
        self.committed("delivery.begun", lease_id)
        return lease_id

    async def end(self, number: int) -> None:
        """The end of a lease."""
        self.house.end(f"lea_{number}")
        await self.house.ended(f"lea_{number}")
        self.committed("delivery.ended", f"lea_{number}")

    def committed(self, action: str, lease_id: str) -> None:
        self.scheduler.committed([Change(AuditEntry(CONNECTOR, action, lease_id), ())])

    async def delivered(self, *numbers: int) -> None:
        """Waits until these leases are delivered."""
        await self.reached(DeliveryState.DELIVERED, *numbers)

    async def reached(self, state: DeliveryState, *numbers: int) -> None:
        """Waits until these leases have come to a state."""

        def there() -> bool:
            return all(self.house.delivery(f"lea_{each}").state is state for each in numbers)

        await eventually(there, 5, every=0.005)
