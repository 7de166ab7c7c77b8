"""Ends leases in time. Needs nobody but the database."""

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.handlers.end_lease import Expirer
from services.requests.loops.rounds import in_turns

EVERY_SECONDS = 0.5
_MOST = 500


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
        while True:
            ids = await self._leases.overdue(self._clock.now(), _MOST)
            failed = 0
            async for turn in in_turns(ids, self._expire):
                failed += sum(isinstance(answer, Exception) for _, answer in turn)
            if len(ids) < _MOST or failed == len(ids):
                return

    async def _expire(self, lease_id: str) -> None:
        await self._writes.run(lambda: self._expirer(lease_id))
