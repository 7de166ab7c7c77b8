"""Asks anew who may decide, or review, what waits for people.

Who owns an app, or is in a group, changes without a word to this service. A decision asks the
directory in any case; these rounds are for those who have come to be able to decide, and for what
nobody can decide any more. A bounded number at a time, so that many never load the catalog.
"""

from libs.db.writes import Writes
from services.requests import ports
from services.requests.handlers.decide_access_request import Decider
from services.requests.loops.rounds import in_turns

EVERY_SECONDS = 60.0
_MOST = 200


class AskAgainLoop:
    """Looks at what waits for people, a part of it in each round."""

    def __init__(
        self, writes: Writes, access_requests: ports.AccessRequests, decider: Decider
    ) -> None:
        self._writes = writes
        self._access_requests = access_requests
        self._decider = decider
        self._after = ""

    async def __call__(self) -> None:
        """One round: the next ones, from the first again after the last."""
        found = await self._access_requests.pending(self._after, _MOST)
        async for _ in in_turns(found, self._look):
            # What can't be asked now is asked in the next turn.
            pass
        self._after = found[-1] if len(found) == _MOST else ""

    async def _look(self, access_request_id: str) -> None:
        await self._writes.run(lambda: self._decider(access_request_id))
