"""The database's clock, on both databases."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from libs.db.clock import DatabaseClock
from libs.db.engine import Database
from tests.support.around_database import AroundDatabase

_JITTER = timedelta(milliseconds=250)


def _by_sql(connection: Connection) -> datetime:
    if connection.dialect.name == "sqlite":
        told = connection.execute(text("SELECT CURRENT_TIMESTAMP")).scalar_one()
        return datetime.fromisoformat(told).replace(tzinfo=UTC)
    told = connection.execute(text("SELECT now()")).scalar_one()
    assert isinstance(told, datetime)
    return told


class _Ticks:
    """A clock that only runs on, in the hand of a test."""

    def __init__(self) -> None:
        self.at = 100.0
        self.every = 0.0

    def __call__(self) -> float:
        self.at += self.every
        return self.at


async def test_it_tells_the_databases_time(database: Database) -> None:
    """What it tells is what SQL tells, in UTC. SQLite's own word has whole seconds."""
    clock = await DatabaseClock.begin(database)
    before = clock.now()
    told = await database.read(_by_sql)
    whole = timedelta(seconds=1)
    assert before - whole <= told <= clock.now() + _JITTER
    assert clock.now().utcoffset() == timedelta(0)


async def test_between_two_readings_only_ticks_count(database: Database) -> None:
    """However the machine's clock is set meanwhile: nothing asks it."""
    ticks = _Ticks()
    clock = DatabaseClock(database, ticks)
    await clock.read()
    start = clock.now()
    ticks.at += 3600
    assert clock.now() == start + timedelta(hours=1)


async def test_it_follows_the_database(database: Database) -> None:
    """When the two differ, at the next reading the database is right."""
    ticks = _Ticks()
    clock = DatabaseClock(database, ticks)
    await clock.read()
    start = clock.now()
    ticks.at += 3600
    await clock.read()
    assert abs(clock.now() - start) < timedelta(minutes=1)


async def test_an_answer_that_took_long_is_not_believed(database: Database) -> None:
    """When in that time it was given nobody knows; the next one counts."""
    ticks = _Ticks()
    clock = DatabaseClock(database, ticks)
    await clock.read()
    start = clock.now()
    ticks.at += 3600
    ticks.every = 1.0
    await clock.read()
    ticks.every = 0.0
    assert clock.now() > start + timedelta(minutes=59)
    await clock.read()
    assert clock.now() < start + timedelta(minutes=1)


async def test_it_does_not_go_back_for_nothing(database: Database) -> None:
    """A reading that says what is known already, to within what it can say, changes nothing."""
    clock = await DatabaseClock.begin(database)

    def told() -> Iterator[datetime]:
        yield clock.now()

    times = [*told()]
    for _ in range(20):
        await clock.read()
        times.extend(told())
    assert times == sorted(times)


class _SlowAtTimes(AroundDatabase):
    """A database that looks at its clock at once, and whose answers take long now and then."""

    seconds = 0.3

    def __init__(self, inner: Database) -> None:
        super().__init__(inner)
        self._answers = 0

    async def _read(self, work: Callable[[Connection], Any], at_once: bool) -> Any:
        found = await super()._read(work, at_once)
        if self._answers % 4 == 0:
            await asyncio.sleep(self.seconds)
        self._answers += 1
        return found


async def test_two_clocks_agree_though_answers_are_slow_at_times(database: Database) -> None:
    """What quick answers say counts for more than what a slow one leaves open, whichever comes
    last: two services with such clocks tell what happened in the order in which it happened."""
    slow = DatabaseClock(_SlowAtTimes(database))
    for _ in range(5):
        await slow.read()
    quick = await DatabaseClock.begin(database)
    # By its last answer alone, or its first, it would be half of those seconds behind the other.
    assert abs(slow.now() - quick.now()) < timedelta(seconds=_SlowAtTimes.seconds / 4)
