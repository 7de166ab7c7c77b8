"""What was read and is not brought yet."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from services.connector.domain.directory import DirectoryEnd, DirectoryPage


@dataclass(frozen=True, slots=True)
class Flush:
    """Asks for everything before it to be committed first; then `done` is set."""

    done: "asyncio.Future[None]"


@dataclass(frozen=True, slots=True)
class Failure:
    """Reading ended before its time."""

    error: Exception


Read = DirectoryPage | DirectoryEnd | Flush | Failure


@dataclass(slots=True)
class PagesAhead:
    """A queue that holds `most` entries, however many pages these are; one page at least."""

    most: int
    _items: deque[Read] = field(default_factory=deque)
    _entries: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def put(self, item: Read) -> None:
        """Adds one once there is room for it."""
        count = _entries(item)
        async with self._changed:
            await self._changed.wait_for(
                lambda: not self._items or self._entries + count <= self.most
            )
            self._items.append(item)
            self._entries += count
            self._changed.notify_all()

    async def get(self) -> Read:
        """Takes the next, when there is one."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._items))
            item = self._items.popleft()
            self._entries -= _entries(item)
            self._changed.notify_all()
            return item


def _entries(item: Read) -> int:
    return item.entry_count if isinstance(item, DirectoryPage) else 0
