"""Takes events from the outbox to JetStream, in the order they were committed.

Told of each commit's events, with a slow poll of the outbox behind: what it is told of goes out
without being read again when it comes right after what went out last, else the outbox is read.
JetStream's ack is no promise, since by default
it syncs to disk every two minutes: published events are kept with the stream's creation time and
their sequence, and sent again when the stream turns out to be younger or shorter than that.
Subscribers know an event by its id, so a second copy does nothing.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import nats.errors
import nats.js.errors
import structlog
from nats.js import JetStreamContext
from sqlalchemy import Connection, and_, bindparam, or_, select, update

from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.domain.errors import Unavailable
from libs.events.broker import STREAM, Broker, StreamState
from libs.events.envelope import Event

_BATCH = 256
# What is told and not sent, as while NATS is away, is in the outbox anyway.
_MOST_TOLD = 1024
_GAP_SECONDS = 0.005
_POLL_SECONDS = 1.0
# That an event is out may be noted a little later, together with others: a note that is lost costs
# a second copy under the same id.
_MARK_SECONDS = 0.1
_CHECK_SECONDS = 30.0
_log = structlog.get_logger(__name__)


class Relay:
    """The relay of one service."""

    def __init__(self, database: Database, ledger: Ledger, broker: Broker) -> None:
        self._database = database
        self._broker = broker
        self._outbox = ledger.outbox
        self._told: deque[Mapping[str, Any]] = deque(maxlen=_MOST_TOLD)
        # Everything up to this position is in the stream, and what of it is not noted yet.
        self._sent = 0
        self._unmarked: list[tuple[int, int]] = []
        self._mark_at = float("inf")
        # When the outbox is read at the latest, whatever is told.
        self._read_at = float("-inf")
        self._wake = asyncio.Event()
        self._stopping = False
        self._stream: StreamState | None = None
        self._checked_at = float("-inf")
        self._checked_connection = 0
        self._task: asyncio.Task[None] | None = None
        outbox = self._outbox
        self._waiting = (
            select(outbox)
            .where(outbox.c.published.is_(False), outbox.c.position > bindparam("sent"))
            .order_by(outbox.c.position)
            .limit(_BATCH)
        )
        self._mark_run = (
            update(outbox)
            .where(
                outbox.c.position.between(bindparam("first"), bindparam("last")),
                outbox.c.published.is_(False),
            )
            .values(
                published=True,
                stream_created=bindparam("created"),
                stream_sequence=outbox.c.position + bindparam("ahead"),
            )
        )

    def committed(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Has the relay look at once. `events`: the rows of the outbox that were committed."""
        self._told.extend(events)
        self._wake.set()

    def wake(self) -> None:
        """Has the relay look at once for what it is not told of."""
        self._read_at = float("-inf")
        self._wake.set()

    async def __aenter__(self) -> "Relay":
        self._task = asyncio.create_task(self._run(), name="relay")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Sends what is left, for two seconds at most; the rest goes out after the next start."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            try:
                async with asyncio.timeout(2):
                    await self._task
            except TimeoutError:
                _log.warning("relay_cut_off")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last_batch = 0.0
        while True:
            try:
                jetstream = await self._broker.ready()
                await self._check_stream()
                sent = await self._send_batch(jetstream)
                if self._stopping or loop.time() >= self._mark_at:
                    await self._mark()
            except Exception as error:
                # Whatever it is, events must not stop for it until somebody looks.
                expected = isinstance(error, nats.errors.Error | TimeoutError | Unavailable)
                _log.warning(
                    "relay_waits",
                    problem=type(error).__name__,
                    exc_info=None if expected else error,
                )
                sent = 0
                # The stream may be why; look at it before the next try. What was told is not sent.
                self._checked_at = self._read_at = float("-inf")
                if not self._stopping:
                    await asyncio.sleep(0.2)
            if sent == 0 and self._stopping:
                return
            if sent < _BATCH and not self._stopping:
                try:
                    async with asyncio.timeout_at(min(self._read_at, self._mark_at)):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                # Let a busy moment's events travel together; an idle one's do not wait.
                if (since := loop.time() - last_batch) < _GAP_SECONDS:
                    await asyncio.sleep(_GAP_SECONDS - since)
            last_batch = loop.time()

    async def _send_batch(self, jetstream: JetStreamContext) -> int:
        # Before anything is taken: whatever is told after this wakes it again.
        self._wake.clear()
        now = asyncio.get_running_loop().time()
        rows: Sequence[Mapping[str, Any]] = self._take_told()
        # What is told and does not come next comes after what others committed.
        if not rows and (self._told or self._stopping or now >= self._read_at):
            # Before it is read: whoever wakes it meanwhile has it read once more.
            self._read_at = now + _POLL_SECONDS
            rows = await self._read_waiting()
            if len(rows) == _BATCH:
                self._read_at = now
        if not rows:
            return 0
        failure: BaseException | None = None
        # Sent at once over one connection, they are stored in this order.
        answers = await asyncio.gather(
            *(self._publish(jetstream, row) for row in rows), return_exceptions=True
        )
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, BaseException):
                # A publish that timed out is unknown, not failed: it is sent again under its id.
                failure = answer
                break
            self._sent = row["position"]
            self._unmarked.append((self._sent, answer))
        if self._unmarked:
            now = asyncio.get_running_loop().time()
            self._mark_at = min(self._mark_at, now + _MARK_SECONDS)
        if failure is not None:
            raise failure
        return len(rows)

    def _take_told(self) -> list[Mapping[str, Any]]:
        """What was told and comes right after what is sent."""
        told = self._told
        while told and told[0]["position"] <= self._sent:
            told.popleft()
        found: list[Mapping[str, Any]] = []
        while told and len(found) < _BATCH and told[0]["position"] == self._sent + 1 + len(found):
            found.append(told.popleft())
        return found

    async def _read_waiting(self) -> Sequence[Mapping[str, Any]]:
        sent = {"sent": self._sent}
        return await self._database.read(
            lambda c: [dict(row) for row in c.execute(self._waiting, sent).mappings()]
        )

    async def _publish(self, jetstream: JetStreamContext, row: Mapping[str, Any]) -> int:
        event = Event(
            event_id=row["event_id"],
            type=row["type"],
            resource_id=row["resource_id"],
            resource_version=row["resource_version"],
            event_time=row["event_time"],
            actor=row["actor"],
            payload=row["payload"],
        )
        ack = await jetstream.publish(
            event.subject, event.payload, timeout=5, stream=STREAM, headers=event.headers()
        )
        return ack.seq

    async def _mark(self) -> None:
        """Notes what is sent. What is forgotten of this is sent again, under its id."""
        if self._unmarked:
            assert self._stream is not None, "the stream is checked before anything is sent"
            created = self._stream.created
            runs = [{**run, "created": created} for run in _runs(self._unmarked)]

            def work(connection: Connection) -> None:
                connection.execute(self._mark_run, runs)

            await self._database.write(work, lasting=False)
            self._unmarked.clear()
        self._mark_at = float("inf")

    async def _check_stream(self) -> None:
        """Notices that the stream has lost what it acknowledged, and has it sent again."""
        now = asyncio.get_running_loop().time()
        same_connection = self._broker.connections == self._checked_connection
        if same_connection and now - self._checked_at < _CHECK_SECONDS:
            return
        connection_number = self._broker.connections
        # What is sent and not noted belongs to the stream as it was.
        await self._mark()
        state = await self._broker.stream_state()
        outbox = self._outbox
        lost = and_(
            outbox.c.published.is_(True),
            or_(
                outbox.c.stream_created != state.created,
                outbox.c.stream_sequence > state.last_sequence,
            ),
        )

        # Looked for beside all other work: as a rule nothing is lost, and nobody has to wait.
        probe = select(outbox.c.position).where(lost).limit(1)
        if await self._database.read(lambda c: c.execute(probe).first()) is not None:
            again = update(outbox).where(lost).values(published=False)
            count = await self._database.write(lambda c: c.execute(again).rowcount)
            self._sent, self._read_at = 0, float("-inf")
            _log.error("stream_lost_events", count=count, stream=STREAM)
        self._stream, self._checked_at = state, now
        self._checked_connection = connection_number


def _runs(marked: Iterable[tuple[int, int]]) -> list[dict[str, int]]:
    """Positions and sequences in the stream as runs, in which both go on by one."""
    runs: list[dict[str, int]] = []
    for position, sequence in marked:
        last = runs[-1] if runs else None
        ahead = sequence - position
        if last is not None and last["last"] + 1 == position and last["ahead"] == ahead:
            last["last"] = position
        else:
            runs.append({"first": position, "last": position, "ahead": ahead})
    return runs
