"""Does what plans say when their steps take too long."""

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.handlers.overdue import Overdue
from services.requests.loops.rounds import in_turns

EVERY_SECONDS = 1.0
_MOST = 500


class OverdueLoop:
    """Looks after access requests whose step has taken too long."""

    def __init__(
        self, writes: Writes, access_requests: ports.AccessRequests, overdue: Overdue, clock: Clock
    ) -> None:
        self._writes = writes
        self._access_requests = access_requests
        self._overdue = overdue
        self._clock = clock

    async def __call__(self) -> None:
        """One round."""
        while True:
            ids = await self._access_requests.overdue(self._clock.now(), _MOST)
            failed = 0
            async for turn in in_turns(ids, self._look):
                failed += sum(isinstance(answer, Exception) for _, answer in turn)
            if len(ids) < _MOST or failed:
                return

    async def _look(self, access_request_id: str) -> None:
        await self._writes.run(lambda: self._overdue(access_request_id))
