"""Looks for leases whose end is near, and for those whose end is late."""

import structlog

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.handlers.watch_over_leases import Alarm, Reminder
from services.requests.loops.rounds import all_due

EVERY_SECONDS = 5.0
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
        await all_due(self._leases.late, self._tell, self._clock)
        await all_due(self._leases.to_remind, self._remind, self._clock)

    async def _remind(self, lease_id: str) -> None:
        await self._writes.run(lambda: self._reminder(lease_id))

    async def _tell(self, lease_id: str) -> None:
        if await self._writes.run(lambda: self._alarm(lease_id)):
            _log.error("lease_end_late", lease_id=lease_id)
