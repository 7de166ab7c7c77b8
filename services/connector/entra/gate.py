"""What one tenant lets through: shared by everything that calls Graph for it.

Microsoft counts resource units and writes of an application in a tenant, and answers 429 with a
`Retry-After` when there were too many. Until that time is over nothing is called, whoever would
call; and so that it comes to that seldom, reads and writes are kept below limits of our own.
Source: Microsoft Learn, "Microsoft Graph service-specific throttling limits", identity and access.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import timedelta

# Without a Retry-After the pauses grow from the first to the longest, each less by up to a half.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
# Microsoft counts resource units over ten seconds: what was not used of them may come at once.
_UNITS_WINDOW_SECONDS = 10.0

OnThrottled = Callable[[timedelta], None]


class _Bucket:
    """So many a second, and what was not used of the last `window` seconds."""

    def __init__(self, per_second: float, window: float, now: Callable[[], float]) -> None:
        self._per_second = per_second
        self._capacity = max(per_second * window, 1.0)
        self._now = now
        self._level = self._capacity
        self._at = now()

    def level(self) -> float:
        """How many may go now; below 0 when more went than should have."""
        now = self._now()
        self._level = min(self._capacity, self._level + (now - self._at) * self._per_second)
        self._at = now
        return self._level

    def take(self, amount: float) -> None:
        """These went."""
        self.level()
        self._level -= amount

    def seconds_until(self, amount: float) -> float:
        """How long until this many may go; more than there is room for counts as full."""
        missing = min(amount, self._capacity) - self.level()
        return max(missing, 0.0) / self._per_second


class Gate:
    """The gate of one tenant."""

    def __init__(
        self,
        *,
        writes_per_second: float,
        units_per_second: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is a clock that only goes forward, in seconds."""
        self._now = now
        self._writes = _Bucket(writes_per_second, 1.0, now)
        self._units = _Bucket(units_per_second, _UNITS_WINDOW_SECONDS, now)
        self._closed_until = float("-inf")
        self._refusals = 0
        self._listeners: list[OnThrottled] = []

    def on_throttled(self, listener: OnThrottled) -> None:
        """Has `listener` told how long the tenant is not to be called, whenever that changes."""
        self._listeners.append(listener)

    @property
    def closed_for(self) -> float:
        """For how many seconds the tenant is not to be called; 0 when it is open."""
        return max(self._closed_until - self._now(), 0.0)

    def throttled(self, retry_after: timedelta | None) -> None:
        """Microsoft said "not now"."""
        if retry_after is None and self.closed_for:
            # One of many that were under way together: they are one refusal.
            return
        if retry_after is not None:
            pause = retry_after.total_seconds()
        else:
            growing = min(_FIRST_PAUSE * 2**self._refusals, _LONGEST_PAUSE)
            pause = growing * random.uniform(0.5, 1.0)
        self._refusals = min(self._refusals + 1, 10)
        self.close_for(timedelta(seconds=pause))

    def close_for(self, pause: timedelta) -> None:
        """Lets nothing through for this long, or longer where that was so already."""
        until = self._now() + pause.total_seconds()
        if until > self._closed_until:
            self._closed_until = until
            for listener in self._listeners:
                listener(pause)

    def passed(self) -> None:
        """Microsoft answered: pauses without a `Retry-After` begin small again."""
        self._refusals = 0

    async def read(self, units: int) -> None:
        """Waits until a read of so many resource units may go, and counts it."""
        while True:
            wait = max(self.closed_for, self._units.seconds_until(units))
            if not wait:
                break
            await asyncio.sleep(wait)
        self._units.take(units)

    async def opened(self) -> None:
        """Waits until the tenant may be called."""
        while wait := self.closed_for:
            await asyncio.sleep(wait)

    def charge(self, units: int) -> None:
        """Counts resource units that went already."""
        self._units.take(units)

    def writes_ready(self) -> int:
        """How many writes may go now."""
        return 0 if self.closed_for else max(int(self._writes.level()), 0)

    async def write_ready(self) -> None:
        """Waits until a write may go."""
        while True:
            wait = max(self.closed_for, self._writes.seconds_until(1.0))
            if not wait:
                return
            await asyncio.sleep(wait)

    def take_writes(self, count: int) -> None:
        """So many writes are about to go."""
        self._writes.take(count)
