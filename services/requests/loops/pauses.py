"""How long to leave something alone before trying it again."""

import asyncio
from collections.abc import Iterable


class Pauses:
    """A pause for each thing by its id, twice as long with each try.

    Kept in memory only: after a restart everything is tried at once.
    """

    def __init__(self, *, first: float, longest: float) -> None:
        """Both are in seconds."""
        self._first = first
        self._longest = longest
        self._over: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def due(self, ids: Iterable[str]) -> list[str]:
        """Those of `ids` whose pause is over, or that have none; all others are forgotten.

        Those never tried come first, then those whose pause is over for the longest: who can't be
        helped, however many they are, keeps nobody else waiting for ever.
        """
        now, wanted = asyncio.get_running_loop().time(), list(ids)
        for gone in self._over.keys() - set(wanted):
            del self._over[gone], self._last[gone]
        due = [found for found in wanted if self._over.get(found, now) <= now]
        return sorted(due, key=lambda found: self._over.get(found, float("-inf")))

    def again(self, found: str) -> None:
        """Begins the next pause."""
        pause = min(self._longest, self._last[found] * 2 if found in self._last else self._first)
        self._last[found] = pause
        self._over[found] = asyncio.get_running_loop().time() + pause
