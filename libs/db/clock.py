"""The database's clock: one time for everybody who writes to it.

Leases end by it. A service whose machine's clock is wrong, or is set while it runs, would else end
them too early or too late, and two replicas would not agree. Asking for every time would cost a
round trip each; so it is asked now and then, and in between a clock that nobody can set runs on.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from libs.db.engine import Database

READ_EVERY_SECONDS = 5.0
# An answer that took longer says too little about when it was given.
_LONGEST_SECONDS = 0.5
_WAITED_FOR = timedelta(seconds=1)
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
        self._start: datetime | None = None
        self._told: datetime | None = None

    @classmethod
    async def begin(cls, database: Database) -> "DatabaseClock":
        """One that tells the time.

        Raises:
            Unavailable: the database does not answer.
        """
        clock = cls(database)
        await clock.read()
        return clock

    async def read(self) -> None:
        """Asks the database for its time.

        Raises:
            Unavailable: the database does not answer; the clock runs on.
        """
        before = self._ticks()
        told = await self._database.read(_ask)
        after = self._ticks()
        if self._start is None or after - before <= _LONGEST_SECONDS:
            self._start = told - timedelta(seconds=(before + after) / 2)

    def now(self) -> datetime:
        assert self._start is not None, "it was read before"
        time = self._start + timedelta(seconds=self._ticks())
        # Two readings differ by what their answers took: that is waited for, and only a clock that
        # was set goes back.
        if self._told is None or not time < self._told <= time + _WAITED_FOR:
            self._told = time
        return self._told


def _ask(connection: Connection) -> datetime:
    text = connection.exec_driver_sql(_NOW[connection.dialect.name]).scalar_one()
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
