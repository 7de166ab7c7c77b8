"""Looks for leases whose end is near, and for those whose end is late."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.handlers.watch_over_leases import Alarm, Reminder
from services.requests.loops.rounds import in_turns

EVERY_SECONDS = 5.0
_MOST = 500
_log = structlog.get_logger(__name__)


class WatchLoop:
    """Reminds of ends, and tells of late ones."""

    def __init__(
        self, writes: Writes, leases: ports.Leases, reminder: Reminder, alarm: Alarm, clock: Clock
    ) -> None:
        self._writes = writes
        self._leases = leases
        self._reminder = reminder
        self._alarm = alarm
        self._clock = clock

    async def __call__(self) -> None:
        """One round."""
        await self._all(self._leases.late, self._tell)
        await self._all(self._leases.to_remind, self._remind)

    async def _all(
        self,
        page: Callable[[datetime, int], Awaitable[list[str]]],
        work: Callable[[str], Awaitable[None]],
    ) -> None:
        while True:
            ids, failed = await page(self._clock.now(), _MOST), 0
            async for turn in in_turns(ids, work):
                failed += sum(isinstance(answer, Exception) for _, answer in turn)
            if len(ids) < _MOST or failed:
                return

    async def _remind(self, lease_id: str) -> None:
        await self._writes.run(lambda: self._reminder(lease_id))

    async def _tell(self, lease_id: str) -> None:
        if await self._writes.run(lambda: self._alarm(lease_id)):
            _log.error("lease_end_late", lease_id=lease_id)
