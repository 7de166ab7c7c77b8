"""Does what plans say when their steps take too long."""

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.handlers.overdue import Overdue
from services.requests.loops.rounds import all_due

EVERY_SECONDS = 1.0


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
        await all_due(self._access_requests.overdue, self._look, self._clock)

    async def _look(self, access_request_id: str) -> None:
        await self._writes.run(lambda: self._overdue(access_request_id))
