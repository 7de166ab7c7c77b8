"""Ends leases in time. Needs nobody but the database."""

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.handlers.end_lease import Expirer
from services.requests.loops.rounds import all_due

EVERY_SECONDS = 0.5


class ExpireLoop:
    """Ends leases whose time is over."""

    def __init__(
        self, writes: Writes, leases: ports.Leases, expirer: Expirer, clock: Clock
    ) -> None:
        self._writes = writes
        self._leases = leases
        self._expirer = expirer
        self._clock = clock

    async def __call__(self) -> None:
        """One round."""
        await all_due(self._leases.overdue, self._expire, self._clock, despite_failures=True)

    async def _expire(self, lease_id: str) -> None:
        await self._writes.run(lambda: self._expirer(lease_id))
