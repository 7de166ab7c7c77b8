"""Takes events from JetStream to a use case, each until it had its effect.

A durable pull consumer with one filter. An event is acknowledged after its effect is committed;
the inbox row that commits with the effect makes a second delivery harmless. What fails for now is
delivered again after a pause; what can't succeed is kept in quarantine and not delivered again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import nats.errors
import nats.js.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from sqlalchemy import Connection, insert, select

from libs.db.committer import Received
from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.domain.clock import Clock
from libs.domain.errors import Conflict, LatchkeyError, Unavailable
from libs.events.broker import STREAM, Broker
from libs.events.envelope import Event, NotAnEvent, parse
from libs.events.pull import Pull

# Another connection is noticed within this time.
_LOOK_SECONDS = 0.5
_ACK_WAIT_SECONDS = 15.0
_FINISH_SECONDS = 5.0
_NEW = timedelta(seconds=60)
_MOST_DELIVERIES = 20
_LONGEST_PAUSE_SECONDS = 30.0
# These say nothing of the event: it waits for as long as they last, which may be many deliveries.
_PASSING = (Unavailable, Conflict)
_log = structlog.get_logger(__name__)


class Hopeless(Exception):
    """The event can never have an effect, however often it is delivered."""


@dataclass(frozen=True, slots=True)
class Follow:
    """Which events to follow, and what to do with each.

    `handle` may be called for the same event again, also while an earlier call is under way in
    another process: it acts on what is true now, and passes `Received` to the commit of its
    effect. It raises `Hopeless` for what can't succeed, and anything else for what may later:
    `Unavailable` and `Conflict` for as long as they last, others for a number of deliveries.
    """

    event_type: str
    handle: Callable[[Event, Received], Awaitable[None]]


class Consumer:
    """Follows one type of event for one service."""

    def __init__(
        self,
        *,
        service: str,
        follow: Follow,
        broker: Broker,
        database: Database,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._follow = follow
        self._broker = broker
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self.name = f"{service}-{follow.event_type.replace('.', '_')}"
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pull: Pull | None = None

    async def __aenter__(self) -> "Consumer":
        self._task = asyncio.create_task(self._run(), name=self.name)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Lets the events in hand have their effect; the others stay in the stream."""
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._pull is not None and (in_hand := self._pull.in_hand):
            cut_off = (await asyncio.wait(in_hand, timeout=_FINISH_SECONDS))[1]
            for each in cut_off:
                each.cancel()
            await asyncio.gather(*cut_off, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                jetstream = await self._broker.ready()
                await self._declare(jetstream)
                await self._consume()
            except Exception as error:
                # Whatever it is, events must not stop for it until somebody looks.
                expected = isinstance(error, nats.errors.Error | TimeoutError | OSError)
                _log.warning(
                    "consumer_waits",
                    consumer=self.name,
                    problem=type(error).__name__,
                    exc_info=None if expected else error,
                )
                await asyncio.sleep(0.2)

    async def _declare(self, jetstream: JetStreamContext) -> None:
        await jetstream.add_consumer(
            STREAM,
            ConsumerConfig(
                # With a name and a filter it is made on a subject that others may not use.
                name=self.name,
                durable_name=self.name,
                filter_subject=self._follow.event_type,
                ack_policy=AckPolicy.EXPLICIT,
                deliver_policy=DeliverPolicy.ALL,
                ack_wait=_ACK_WAIT_SECONDS,
                max_ack_pending=256,
                max_deliver=-1,
            ),
        )

    async def _consume(self) -> None:
        connections = self._broker.connections
        async with Pull(self._broker.client, STREAM, self.name, self._take) as self._pull:
            # What was asked over one connection is not answered over the next.
            while not self._stopping.is_set() and self._broker.connections == connections:
                if self._broker.connected:
                    await self._pull.ask(_LOOK_SECONDS)
                else:
                    await asyncio.sleep(0.05)

    async def _take(self, message: Msg) -> None:
        try:
            if self._stopping.is_set():
                # Another process may have it at once.
                await message.nak()
            else:
                await self._effect(message)
        except (nats.errors.Error, TimeoutError) as error:
            # The ack did not get out: the event comes again and finds its effect done.
            _log.warning("ack_failed", consumer=self.name, problem=type(error).__name__)
        except LatchkeyError as error:
            # The quarantine could not be written: the event comes again and finds its way there.
            _log.warning("quarantine_failed", consumer=self.name, problem=str(error))

    async def _effect(self, message: Msg) -> None:
        try:
            event = parse(message.subject, message.headers, message.data)
        except NotAnEvent as problem:
            await self._quarantine(message, None, str(problem))
            return
        fresh = message.metadata.num_delivered == 1 and self._is_new(event)
        received = Received(self.name, event.event_id, fresh=fresh)
        try:
            await self._follow.handle(event, received)
        except Hopeless as problem:
            await self._quarantine(message, event, str(problem))
        except Exception as error:
            deliveries = message.metadata.num_delivered or 1
            expected = isinstance(error, LatchkeyError)
            _log.warning(
                "event_not_handled",
                consumer=self.name,
                event_id=event.event_id,
                deliveries=deliveries,
                problem=str(error) if expected else type(error).__name__,
                exc_info=None if expected else error,
            )
            if deliveries >= _MOST_DELIVERIES and not isinstance(error, _PASSING):
                await self._quarantine(message, event, f"given up: {type(error).__name__}")
            else:
                await message.nak(delay=min(0.1 * 2**deliveries, _LONGEST_PAUSE_SECONDS))
        else:
            await message.ack()

    def _is_new(self, event: Event) -> bool:
        """Whether it was published a moment ago. What comes from further back, as to a consumer
        that was made anew or from a stream that lost something, has had its effect mostly."""
        return abs(self._clock.now() - event.event_time) < _NEW

    async def _quarantine(self, message: Msg, event: Event | None, problem: str) -> None:
        table = self._ledger.quarantine
        event_id = event.event_id if event else f"sequence-{message.metadata.sequence.stream}"
        row = {
            "consumer": self.name,
            "event_id": event_id,
            "type": event.type if event else message.subject,
            "payload": message.data,
            "problem": _legible(problem),
            "quarantine_time": self._clock.now(),
        }
        key = (table.c.consumer == self.name) & (table.c.event_id == event_id)

        def work(connection: Connection) -> None:
            if connection.execute(select(table.c.event_id).where(key)).first() is None:
                connection.execute(insert(table).values(row))

        await self._database.write(work)
        _log.error("event_quarantined", consumer=self.name, event_id=event_id, problem=problem)
        await message.term()


def _legible(problem: str) -> str:
    """A text that every database takes. What was sent may be quoted in it, and who sent it chose
    that: PostgreSQL keeps no NUL, and what can't be kept would come again without end."""
    return "".join(each if each.isprintable() else "\ufffd" for each in problem)
