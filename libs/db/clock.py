"""The database's clock: one time for everybody who writes to it.

Leases end by it. A service whose machine's clock is wrong, or is set while it runs, would else end
them too early or too late, and two replicas would not agree. Asking for every time would cost a
round trip each; so it is asked now and then, and in between a clock that nobody can set runs on.

When in the time that an answer took the database looked at its clock, nobody knows: what an answer
says is a span, and several answers that agree say more than the quickest of them. Services on one
machine, each with a database of its own, so agree to well within a millisecond, and what one did
because of the other does not look as if it were first.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from libs.db.engine import Database

READ_EVERY_SECONDS = 5.0
# The first answer takes long, since it comes with a connection that has to be made.
_FIRST_READINGS = 4
# An answer that took longer says too little about when it was given.
_LONGEST_SECONDS = 0.5
_WAITED_FOR = timedelta(seconds=1)
# How far two good clocks drift apart, at most: NTP sets a clock right by no more than that.
_DRIFT = 500e-6
_RESOLUTION = {"postgresql": timedelta(microseconds=1), "sqlite": timedelta(milliseconds=1)}
_NOW = {
    "postgresql": "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD HH24:MI:SS.US')",
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
}


class DatabaseClock:
    """The port `Clock`. It follows the database's clock also where that is set."""

    def __init__(self, database: Database, ticks: Callable[[], float] = time.monotonic) -> None:
        """`ticks`: seconds by a clock that only runs on."""
        self._database = database
        self._ticks = ticks
        # What the database's clock said, or will have said, when the ticks were 0: between these.
        self._span: tuple[datetime, datetime] | None = None
        self._read_at = 0.0
        self._told: datetime | None = None

    @classmethod
    async def begin(cls, database: Database) -> "DatabaseClock":
        """One that tells the time.

        Raises:
            Unavailable: the database does not answer.
        """
        clock = cls(database)
        for _ in range(_FIRST_READINGS):
            await clock.read()
        return clock

    async def read(self) -> None:
        """Asks the database for its time.

        Raises:
            Unavailable: the database does not answer; the clock runs on.
        """
        before = self._ticks()
        told, resolution = await self._database.read(_ask)
        after = self._ticks()
        earliest = told - timedelta(seconds=after)
        latest = told + resolution - timedelta(seconds=before)
        if self._span is not None:
            drift = timedelta(seconds=(after - self._read_at) * _DRIFT)
            known_earliest, known_latest = self._span[0] - drift, self._span[1] + drift
            if max(earliest, known_earliest) <= min(latest, known_latest):
                earliest, latest = max(earliest, known_earliest), min(latest, known_latest)
            elif after - before > _LONGEST_SECONDS:
                return
            # Else one of the two was set, and the database is right.
        self._span, self._read_at = (earliest, latest), after

    def now(self) -> datetime:
        assert self._span is not None, "it was read before"
        earliest, latest = self._span
        time = earliest + (latest - earliest) / 2 + timedelta(seconds=self._ticks())
        # Two readings differ by what their answers took: that is waited for, and only a clock that
        # was set goes back.
        if self._told is None or not time < self._told <= time + _WAITED_FOR:
            self._told = time
        return self._told


def _ask(connection: Connection) -> tuple[datetime, timedelta]:
    """The time, and how much more it may be than that."""
    dialect = connection.dialect.name
    text = connection.exec_driver_sql(_NOW[dialect]).scalar_one()
    return datetime.fromisoformat(text).replace(tzinfo=UTC), _RESOLUTION[dialect]
