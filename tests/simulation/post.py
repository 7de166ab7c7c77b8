"""A broker that loses, doubles, delays and shuffles what it is given."""

import asyncio
import random
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from libs.db.committer import Received
from libs.domain.errors import LatchkeyError
from libs.events.consumer import Hopeless
from libs.events.envelope import Event
from tests.simulation.rooms import ConnectorRoom, RequestsRoom

_LOST, _DOUBLED, _DELAYED = 0.03, 0.1, 0.15
_LONGEST_DELAY_SECONDS = 1200
_AGAIN = timedelta(seconds=20)
_AT_ONCE = 8
Followed = RequestsRoom | ConnectorRoom


@dataclass(slots=True)
class _Letter:
    due: datetime
    service: str
    event: Event


class Post:
    """The broker between the services. What is published while it is away waits in the outboxes."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._letters: list[_Letter] = []
        self.away = False

    def next_due(self, down: Container[str]) -> datetime | None:
        """When the next event comes to its subscriber, if that is not down."""
        if self.away:
            return None
        return min((each.due for each in self._letters if each.service not in down), default=None)

    async def collect(self, sender: Followed, receivers: Sequence[Followed]) -> None:
        """Takes what a service has committed."""
        if self.away:
            return
        outbox = sender.ledger.outbox
        unpublished = (
            select(outbox).where(outbox.c.published.is_(False)).order_by(outbox.c.position)
        )

        def work(connection: Connection) -> list[Event]:
            rows = connection.execute(unpublished).all()
            if rows:
                taken = outbox.c.position.between(rows[0].position, rows[-1].position)
                connection.execute(update(outbox).where(taken).values(published=True))
            return [
                Event(
                    event_id=row.event_id,
                    type=row.type,
                    resource_id=row.resource_id,
                    resource_version=row.resource_version,
                    event_time=row.event_time,
                    actor=row.actor,
                    payload=row.payload,
                )
                for row in rows
            ]

        seen = await sender.database.read(lambda it: it.execute(unpublished.limit(1)).first())
        if seen is not None:
            for event in await sender.database.write(work):
                self.send(event, sender.clock.now(), receivers)

    def send(self, event: Event, now: datetime, receivers: Sequence[Followed]) -> None:
        """Carries an event to who follows its type, or loses it."""
        for receiver in receivers:
            if event.type not in receiver.follows:
                continue
            luck = self._chance.random()
            copies = 0 if luck < _LOST else 2 if luck < _LOST + _DOUBLED else 1
            for _ in range(copies):
                delay = timedelta(0)
                if self._chance.random() < _DELAYED:
                    delay = timedelta(seconds=self._chance.uniform(0, _LONGEST_DELAY_SECONDS))
                self._letters.append(_Letter(now + delay, receiver.name, event))

    async def deliver(self, receiver: Followed) -> None:
        """Gives a service what has come for it, in no order, several at once. What it can't take
        now comes again."""
        now = receiver.clock.now()
        mine = [each for each in self._letters if each.service == receiver.name and each.due <= now]
        if self.away or not mine:
            return
        self._chance.shuffle(mine)
        for start in range(0, len(mine), _AT_ONCE):
            some = mine[start : start + _AT_ONCE]
            await asyncio.gather(*(self._give(receiver, each) for each in some))

    async def _give(self, receiver: Followed, letter: _Letter) -> None:
        event = letter.event
        # As if each came for the first time: only its row of the inbox keeps out a second effect.
        received = Received(f"{receiver.name}-{event.type}", event.event_id, fresh=True)
        try:
            await receiver.follows[event.type].handle(event, received)
        except LatchkeyError:
            letter.due = receiver.clock.now() + _AGAIN
            return
        except Hopeless:
            pass
        # Only now: whoever is killed before this gets it again.
        self._letters.remove(letter)
