"""How much may be asked at once, by one caller and by all.

A process that takes in more than it can answer answers nobody in time. So it refuses what is too
much while that is still cheap, and sees to it that the refusals go to who asks for more than
others: one person who asks ten times as much does not make everybody wait.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from libs.domain.callers import Caller, Service
from libs.domain.errors import LatchkeyError

_MOST_REMEMBERED = 10_000
_AGAIN_SECONDS = 1.0

_count: ContextVar[Callable[[], None] | None] = ContextVar("count", default=None)


class TooMuch(LatchkeyError):
    """More was asked for than is answered at once; `retry_after` is in how many seconds to try."""

    def __init__(self, reason: str, message: str, retry_after: float) -> None:
        super().__init__(reason, message, retry_seconds=f"{retry_after:.1f}")
        self.retry_after = retry_after


def count_another() -> None:
    """Takes one more call off the budget of who makes the current one: where one call does what
    could have been several, it costs as much.

    Raises:
        TooMuch: RATE_LIMITED.
    """
    if (count := _count.get()) is not None:
        count()


@dataclass(frozen=True, slots=True)
class Most:
    """The bounds of one process. A person may begin twice as many calls in a moment as in a second
    that others follow."""

    calls_per_second: float = 50.0
    """By one person, on the long run."""
    calls_at_once: int = 128
    """By all people. Services have as many places of their own: what they ask for was let in by one
    of them already."""
    streams_of_one: int = 32
    """Streams that one person follows."""
    streams: int = 2000
    """Streams that are followed in all."""
    nobodys_streams: int = 1000
    """Streams beside these that nobody needs a token for: who watches health."""


class Limits:
    """Lets calls in, or refuses them."""

    def __init__(self, most: Most, ticks: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._ticks = ticks
        # How many calls each may begin, and as of when; who asked longest ago is first.
        self._budgets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._people: Counter[str] = Counter()
        self._services = 0
        self._streams: Counter[str] = Counter()
        self._nobodys_streams = 0

    @contextmanager
    def call(self, caller: Caller) -> Iterator[None]:
        """One call, for as long as it takes.

        Raises:
            TooMuch: RATE_LIMITED, the caller asks too often; OVERLOADED, there is no place.
        """
        most = self._most.calls_at_once
        if isinstance(caller, Service):
            if self._services >= most:
                raise _overloaded()
            self._services += 1
            try:
                yield
            finally:
                self._services -= 1
            return
        self._spend(caller.key)
        taken = self._people.total()
        # Once half of all places are taken nobody has more than their share of them.
        share = max(4, most // (2 * max(1, len(self._people))))
        if taken >= most or (2 * taken >= most and self._people[caller.key] >= share):
            raise _overloaded()
        _count.set(lambda: self._spend(caller.key))
        with _counted(self._people, caller.key):
            yield

    @contextmanager
    def stream(self, caller: Caller) -> Iterator[None]:
        """One stream, for as long as it is followed.

        Raises:
            TooMuch: RATE_LIMITED, the caller begins streams too often, or follows too many;
                OVERLOADED, all follow too many.
        """
        if self._streams.total() >= self._most.streams:
            raise _overloaded()
        if not isinstance(caller, Service):
            self._spend(caller.key)
            if self._streams[caller.key] >= self._most.streams_of_one:
                raise TooMuch(
                    "RATE_LIMITED",
                    f"One person may follow {self._most.streams_of_one} streams at once.",
                    _AGAIN_SECONDS,
                )
        with _counted(self._streams, caller.key):
            yield

    @contextmanager
    def nobodys_stream(self) -> Iterator[None]:
        """One stream that needs no token, for as long as it is followed.

        Raises:
            TooMuch: OVERLOADED.
        """
        if self._nobodys_streams >= self._most.nobodys_streams:
            raise _overloaded()
        self._nobodys_streams += 1
        try:
            yield
        finally:
            self._nobodys_streams -= 1

    def _spend(self, key: str) -> None:
        rate, now = self._most.calls_per_second, self._ticks()
        burst = 2 * rate
        left, since = self._budgets.pop(key, (burst, now))
        left = min(burst, left + (now - since) * rate)
        allowed = left >= 1
        self._budgets[key] = (left - allowed, now)
        if len(self._budgets) > _MOST_REMEMBERED:
            self._budgets.popitem(last=False)
        if not allowed:
            raise TooMuch(
                "RATE_LIMITED",
                f"One person may make {rate:g} calls a second.",
                max(0.1, (1 - left) / rate),
            )


@contextmanager
def _counted(counts: Counter[str], key: str) -> Iterator[None]:
    counts[key] += 1
    try:
        yield
    finally:
        counts[key] -= 1
        if not counts[key]:
            # Who has none is nobody among whom places are shared.
            del counts[key]


def _overloaded() -> TooMuch:
    return TooMuch("OVERLOADED", "More is asked for than can be answered in time.", _AGAIN_SECONDS)
