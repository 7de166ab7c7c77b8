"""Looks for access from outside Latchkey, while there may be something new."""

from collections.abc import Callable
from datetime import datetime

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.catalog.domain.unmanaged import SETTLE, Mark
from services.catalog.handlers.follow_requests import REQUESTS
from services.catalog.handlers.note_unmanaged import NoteUnmanaged

# A look at a large tenant takes seconds.
EVERY_SECONDS = 60.0


class UnmanagedLoop:
    """An idle catalog is not searched: once when something changed, and once when that settled."""

    def __init__(
        self, writes: Writes, clock: Clock, note: NoteUnmanaged, knows_all: Callable[[], bool]
    ) -> None:
        """`knows_all` is whether all leases that there are were heard of."""
        self._knows_all = knows_all
        self._writes = writes
        self._clock = clock
        self._note = note
        self._seen: Mark | None = None
        self._due: datetime | None = None

    async def __call__(self) -> None:
        """One round. While the feed of requests is behind, nobody knows what is leased."""
        if not self._knows_all():
            return
        mark = await self._note.unmanaged.mark(REQUESTS)
        now = self._clock.now()
        if mark != self._seen:
            # What came with the change is looked at again once it is old enough.
            due = now + SETTLE
        elif self._due is not None and now > self._due:
            due = None
        else:
            return
        while await self._writes.run(self._note):
            pass
        self._seen, self._due = mark, due
