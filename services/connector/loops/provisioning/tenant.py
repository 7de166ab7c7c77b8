"""The scheduler of one tenant: what is due goes in waves, as far as the tenant lets it.

What is due for one person is done together and to its end before anything else for them: calls of
Entra for one assignment never overlap, and what adds it and what removes it reach Entra in the
order that they were decided in. Attempts are noted only when they are about to go, so that what
comes in the meantime, and goes first, finds nothing in its way.

Where nothing waits and the tenant lets plenty through, what is new does not wait to be looked for:
it boards before its intent is committed, and its first attempt is noted with the intent. What is
committed together then goes as one wave.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from libs.domain.errors import Unavailable
from services.connector.domain.operation import Lane
from services.connector.domain.wave import MOST_TOGETHER, Due, Parcel, Wave, next_wave
from services.connector.loops.provisioning.parts import Parts
from services.connector.loops.provisioning.wave import WaveRun
from services.connector.ports import Departure, Gate, Serving

# What other processes commit is seen within this time.
_POLL_SECONDS = 0.5
_MOST_DUE = 2000
# When the tenant lets through less than is due, what gives access gathers for so long: the more
# goes together, the less it costs.
_GATHER_SECONDS = 0.2
_GRACE_SECONDS = 3.0
_log = structlog.get_logger(__name__)


class TenantScheduler:
    """The scheduler of one tenant. It works from when it is made until it is stopped."""

    def __init__(self, connection_id: str, gate: Gate, serving: Serving, parts: Parts) -> None:
        self._connection_id = connection_id
        self._gate = gate
        self._serving = serving
        self._parts = parts
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._busy: set[str] = set()
        # Of them, those for whom a look passed something over.
        self._passed_over: set[str] = set()
        self._on_their_way = 0
        # Whether the last look left something for which there was no room.
        self._left = False
        # Whether the last look left nothing at all, and nothing has come since.
        self._calm = False
        self._ended = False
        # What goes when it is committed, by operation.
        self._boarding: dict[str, Due] = {}
        self._calls = _Calls()
        self._waves: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name=f"provision {connection_id}")

    def wake(self, *, urgent: bool = False) -> None:
        """Has it look at once; also in between when something urgent came."""
        self._calm = False
        self._wake.set()
        if urgent:
            self._urgent.set()

    def board(self, due: Sequence[Due]) -> Mapping[str, str]:
        """Keeps room for first attempts of one person: the ids of their calls, by operation.

        None where there is not plenty of it, where anything waits, or where the person has to wait.
        """
        person = due[0].entra_principal_id
        together = [*self._boarding.values(), *due]
        wave = next_wave(together, writes=len(together), on_their_way=self._on_their_way)
        if (
            self._ended
            or not self._calm
            or person in self._busy
            or sum(len(parcel.operations) for parcel in wave.parcels) < len(together)
            # What comes meanwhile, and goes first, finds as much again.
            or self._gate.writes_ready() < 2 * len(together)
            or not self._serving.serves(self._connection_id)
        ):
            return {}
        self._busy.add(person)
        ids = {each.operation_id: self._calls.id_for(each) for each in due}
        for each in due:
            self._boarding[each.operation_id] = replace(
                each, client_request_id=ids[each.operation_id]
            )
        return ids

    def stay(self, due: Sequence[Due]) -> None:
        """What there was room for does not go, or it is not known that it may."""
        for each in due:
            del self._boarding[each.operation_id]
        self._freed(due[0].entra_principal_id, True)

    def depart(self, departures: Sequence[Departure]) -> None:
        """What there was room for is committed, and goes."""
        due = [self._boarding.pop(each.operation_id) for some in departures for each in some.due]
        self._calls = _Calls()
        if self._ended:
            # Whoever works on the tenant next looks what came of it: nothing.
            return
        wave = next_wave(due, writes=len(due), on_their_way=self._on_their_way)
        self._gate.take_writes(wave.writes)
        self._on_their_way += len(wave.parcels)
        self._start(lambda run: run.carry_on(wave.parcels, departures))

    async def stop(self) -> None:
        """Stops at once, whatever is under way."""
        self._ended = True
        tasks = [self._task, *self._waves]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def end(self) -> None:
        """Begins nothing more, lets what is under way be answered for a few seconds, and stops."""
        self._ended = True
        self._task.cancel()
        if self._waves:
            await asyncio.wait(self._waves, timeout=_GRACE_SECONDS)
        await self.stop()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            self._urgent.clear()
            kept_back = False
            try:
                kept_back = await self._look()
            except Unavailable as error:
                _log.warning(
                    "provisioning_waits",
                    connection_id=self._connection_id,
                    problem=error.message,
                )
            except Exception as error:
                _log.error("provisioning_fault", connection_id=self._connection_id, exc_info=error)
            try:
                async with asyncio.timeout(_GATHER_SECONDS if kept_back else _POLL_SECONDS):
                    await (self._urgent if kept_back else self._wake).wait()
            except TimeoutError:
                continue

    async def _look(self) -> bool:
        """Begins what may go now. True when more is due than the tenant lets through."""
        writes = self._gate.writes_ready() - len(self._boarding)
        if writes <= 0:
            return True
        found = await self._parts.provisioning.due(
            self._connection_id, self._parts.clock.now(), _MOST_DUE, frozenset(self._busy)
        )
        due = [each for each in found if each.entra_principal_id not in self._busy]
        self._passed_over |= {each.entra_principal_id for each in found} & self._busy
        wave = next_wave(due, writes=writes, on_their_way=self._on_their_way)
        self._left = sum(len(parcel.operations) for parcel in wave.parcels) < len(due)
        self._calm = not (self._left or wave.kept_back or self._wake.is_set())
        if wave.parcels and self._serving.serves(self._connection_id):
            self._gate.take_writes(wave.writes)
            self._begin(wave)
        return wave.kept_back

    def _begin(self, wave: Wave) -> None:
        self._on_their_way += len(wave.parcels)
        people = {each.entra_principal_id for some in wave.parcels for each in some.operations}
        self._busy |= people
        self._start(lambda run: run.carry_out(wave.parcels))

    def _start(self, carry: Callable[[WaveRun], Coroutine[Any, Any, None]]) -> None:
        run = WaveRun(self._connection_id, self._serving, self._parts, self._returned, self._freed)
        task = asyncio.create_task(carry(run), name="wave")
        self._waves.add(task)
        # Everybody in it has been freed by then, and each has had the tenant looked at.
        task.add_done_callback(self._waves.discard)

    def _returned(self, parcel: Parcel) -> None:
        """There is room for another parcel, which matters only where something was left."""
        self._on_their_way -= 1
        if self._left:
            self.wake(urgent=parcel.lane is not Lane.GRANT)

    def _freed(self, person: str, more: bool) -> None:
        """Everything of a wave for this person is kept; `more` may be under way for them."""
        self._busy.discard(person)
        if more or person in self._passed_over:
            self._passed_over.discard(person)
            self.wake()


class _Calls:
    """The ids of calls that are made of what boards at one time."""

    def __init__(self) -> None:
        self._joins: dict[tuple[str, str], tuple[str, int]] = {}

    def id_for(self, due: Due) -> str:
        """One for everybody who joins a group by the same call, or one of its own."""
        if due.joins is None:
            return str(uuid.uuid4())
        id, count = self._joins.get(due.joins, ("", MOST_TOGETHER))
        if count == MOST_TOGETHER:
            id, count = str(uuid.uuid4()), 0
        self._joins[due.joins] = id, count + 1
        return id
