"""Takes events from the outbox to JetStream, in the order they were committed.

Woken after each commit, with a slow poll behind. JetStream's ack is no promise, since by default
it syncs to disk every two minutes: published events are kept with the stream's creation time and
their sequence, and sent again when the stream turns out to be younger or shorter than that.
Subscribers know an event by its id, so a second copy does nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import nats.errors
import nats.js.errors
import structlog
from nats.js import JetStreamContext
from sqlalchemy import Connection, and_, bindparam, or_, select, update

from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.domain.changes import Change
from libs.domain.errors import Unavailable
from libs.events.broker import STREAM, Broker, StreamState
from libs.events.envelope import Event

_BATCH = 256
_GAP_SECONDS = 0.005
_POLL_SECONDS = 1.0
_CHECK_SECONDS = 30.0
_log = structlog.get_logger(__name__)


class Relay:
    """The relay of one service."""

    def __init__(self, database: Database, ledger: Ledger, broker: Broker) -> None:
        self._database = database
        self._ledger = ledger
        self._broker = broker
        self._wake = asyncio.Event()
        self._stopping = False
        self._stream: StreamState | None = None
        self._checked_at = float("-inf")
        self._checked_connection = 0
        self._task: asyncio.Task[None] | None = None

    def committed(self, changes: Sequence[Change]) -> None:
        """Has the relay look at once when a change brought events."""
        if any(change.facts for change in changes):
            self.wake()

    def wake(self) -> None:
        """Has the relay look at once."""
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
            except Exception as error:
                # Whatever it is, events must not stop for it until somebody looks.
                expected = isinstance(error, nats.errors.Error | TimeoutError | Unavailable)
                _log.warning(
                    "relay_waits",
                    problem=type(error).__name__,
                    exc_info=None if expected else error,
                )
                sent = 0
                # The stream may be why; look at it before the next try.
                self._checked_at = float("-inf")
                if not self._stopping:
                    await asyncio.sleep(0.2)
            if sent == 0 and self._stopping:
                return
            if sent < _BATCH and not self._stopping:
                try:
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                # Let a busy moment's events travel together; an idle one's do not wait.
                if (since := loop.time() - last_batch) < _GAP_SECONDS:
                    await asyncio.sleep(_GAP_SECONDS - since)
            last_batch = loop.time()

    async def _send_batch(self, jetstream: JetStreamContext) -> int:
        outbox = self._ledger.outbox
        query = (
            select(outbox)
            .where(outbox.c.published.is_(False))
            .order_by(outbox.c.position)
            .limit(_BATCH)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        if not rows:
            return 0
        acknowledged: list[dict[str, Any]] = []
        failure: BaseException | None = None
        # Sent at once over one connection, they are stored in this order.
        answers = await asyncio.gather(
            *(self._publish(jetstream, row) for row in rows), return_exceptions=True
        )
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, BaseException):
                failure = failure or answer
            elif failure is None:
                acknowledged.append({"at": row.position, "sequence": answer})
        if acknowledged:
            await self._mark(acknowledged)
        if failure is not None:
            # A publish that timed out is unknown, not failed: it is sent again under its id.
            raise failure
        return len(rows)

    async def _publish(self, jetstream: JetStreamContext, row: Any) -> int:
        event = Event(
            event_id=row.event_id,
            type=row.type,
            resource_id=row.resource_id,
            resource_version=row.resource_version,
            event_time=row.event_time,
            actor=row.actor,
            payload=row.payload,
        )
        ack = await jetstream.publish(
            event.subject, event.payload, timeout=5, stream=STREAM, headers=event.headers()
        )
        return ack.seq

    async def _mark(self, acknowledged: list[dict[str, Any]]) -> None:
        outbox = self._ledger.outbox
        assert self._stream is not None, "the stream is checked before anything is sent"
        statement = (
            update(outbox)
            .where(outbox.c.position == bindparam("at"))
            .values(
                published=True,
                stream_created=self._stream.created,
                stream_sequence=bindparam("sequence"),
            )
        )

        def work(connection: Connection) -> None:
            connection.execute(statement, acknowledged)

        # What is forgotten of this is sent again, under its id; and the next batch waits for it.
        await self._database.write(work, lasting=False)

    async def _check_stream(self) -> None:
        """Notices that the stream has lost what it acknowledged, and has it sent again."""
        now = asyncio.get_running_loop().time()
        same_connection = self._broker.connections == self._checked_connection
        if same_connection and now - self._checked_at < _CHECK_SECONDS:
            return
        connection_number = self._broker.connections
        state = await self._broker.stream_state()
        outbox = self._ledger.outbox
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
            _log.error("stream_lost_events", count=count, stream=STREAM)
        self._stream, self._checked_at = state, now
        self._checked_connection = connection_number
