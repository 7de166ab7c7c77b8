"""Looks again at what waits for policy, for an approver, or for a condition."""

from libs.db.writes import Writes
from services.requests import ports
from services.requests.handlers.decide_access_request import Decider, Look
from services.requests.loops.pauses import Pauses
from services.requests.loops.rounds import everything, in_turns

EVERY_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0


class DecideLoop:
    """Asks again for access requests that are not decided, each less often with every try."""

    def __init__(
        self, writes: Writes, access_requests: ports.AccessRequests, decider: Decider
    ) -> None:
        self._writes = writes
        self._access_requests = access_requests
        self._decider = decider
        self._pauses = Pauses(first=EVERY_SECONDS, longest=_LONGEST_PAUSE_SECONDS)

    async def __call__(self) -> None:
        """One round."""
        ids = self._pauses.due(await everything(self._access_requests.to_look_at))
        async for turn in in_turns(ids, self._decide):
            for found, answer in turn:
                if answer is not Look.SETTLED:
                    self._pauses.again(found)
            if all(answer not in (Look.SETTLED, Look.WAITS) for _, answer in turn):
                # Nobody may be answering at all: the others wait for the next round.
                return

    async def _decide(self, access_request_id: str) -> Look:
        return await self._writes.run(lambda: self._decider(access_request_id))
