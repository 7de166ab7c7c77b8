"""A clock in the hand of a test, by which no two things happen at the same time."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

_TICK = timedelta(microseconds=1)


class TickingClock:
    """The port `Clock`. It stands still but for a tick with each reading: so what was before what
    can be told from the times alone."""

    def __init__(self) -> None:
        self._start = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
        self._ticks = itertools.count()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return self._start + self._ahead + next(self._ticks) * _TICK

    def go_to(self, time: datetime) -> float:
        """Moves on, never back; returns by how many seconds."""
        by = max(time - self.now(), timedelta(0))
        self._ahead += by
        return by.total_seconds()


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop that is as far ahead of its own time as a test says: what loops and pauses wait
    for comes with the test's clock."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead
