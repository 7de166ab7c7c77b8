"""Reads of single things, put together.

A statement that reads twenty rows by their keys costs little more than one that reads a single row.
Whoever asks while a read is under way goes into the next one, together with all others: nobody
waits for company, and nobody is answered from a time before they asked.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from libs.domain.meanwhile import unheeded

K = TypeVar("K")
V = TypeVar("V")

_MOST = 256


def padded(keys: Sequence[K]) -> list[K]:
    """Keys for an `IN`, the last one as often as makes their number a power of two.

    Each number of keys is a statement of its own, which a database has to plan.
    """
    if not keys:
        return []
    count = 1 << (len(keys) - 1).bit_length()
    return [*keys, *([keys[-1]] * (count - len(keys)))]


class Gathered(Generic[K, V]):
    """Reads things by key, as many at once as are asked for."""

    def __init__(
        self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], most: int = _MOST
    ) -> None:
        """`read` answers what there is of so many keys, `most` of them at once; they are padded."""
        self._read = read
        self._most = most
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None
        # A read is for all who wait: it is not made as whoever asked first, nor within their time.
        self._context = contextvars.copy_context()

    async def get(self, key: K) -> V | None:
        """One of them; none where there is none.

        Raises:
            Exception: whatever the read raises.
        """
        if (found := self._waiting.get(key)) is None:
            loop = asyncio.get_running_loop()
            found = self._waiting[key] = loop.create_future()
            unheeded(found)
            if self._task is None:
                self._task = loop.create_task(self._run(), context=self._context.copy())
        return await asyncio.shield(found)

    async def _run(self) -> None:
        asked: dict[K, asyncio.Future[V | None]] = {}
        try:
            while self._waiting:
                keys = list(self._waiting)[: self._most]
                asked = {key: self._waiting.pop(key) for key in keys}
                try:
                    found = await self._read(padded(keys))
                except Exception as error:
                    for future in asked.values():
                        future.set_exception(error)
                else:
                    for key, future in asked.items():
                        future.set_result(found.get(key))
        finally:
            # Broken off: nobody may wait for what nobody reads.
            self._task = None
            for future in (*asked.values(), *self._waiting.values()):
                future.cancel()
            self._waiting.clear()
