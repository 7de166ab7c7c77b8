"""The database's clock, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from libs.db.clock import DatabaseClock
from libs.db.engine import Database

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
