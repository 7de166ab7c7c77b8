"""Looks for access from outside Latchkey, while there may be something new."""

from datetime import datetime

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.catalog.domain.unmanaged import SETTLE, Mark
from services.catalog.handlers.follow_requests import REQUESTS
from services.catalog.handlers.note_unmanaged import NoteUnmanaged

EVERY_SECONDS = 5.0


class UnmanagedLoop:
    """An idle catalog is not searched: once when something changed, and once when that settled."""

    def __init__(self, writes: Writes, clock: Clock, note: NoteUnmanaged) -> None:
        self._writes = writes
        self._clock = clock
        self._note = note
        self._seen: Mark | None = None
        self._due: datetime | None = None

    async def __call__(self) -> None:
        """One round. Before the first events of requests nobody knows what is leased."""
        mark = await self._note.unmanaged.mark(REQUESTS)
        if mark is None:
            return
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
