"""Asks anew who may decide, or review, what waits for people.

Who owns an app, is in a group or manages somebody changes without a word to this service. A
decision or a review asks the directory in any case; these rounds are for those who have come to be
able to, and for what nobody can decide any more. A bounded number at a time, so that many never
load the catalog.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from libs.db.writes import Writes
from libs.domain.changes import Outcome
from services.requests.loops.rounds import in_turns

EVERY_SECONDS = 60.0
_MOST = 200


class AskAgainLoop:
    """Looks at what waits for people, a part of it in each round."""

    def __init__(
        self,
        writes: Writes,
        waiting: Callable[[str, int], Awaitable[list[str]]],
        look: Callable[[str], Awaitable[Outcome[Any]]],
    ) -> None:
        """`waiting` gives the ids of what waits, behind an id; `look` looks at one of them."""
        self._writes = writes
        self._waiting = waiting
        self._use_case = look
        self._after = ""

    async def __call__(self) -> None:
        """One round: the next ones, from the first again after the last."""
        found = await self._waiting(self._after, _MOST)
        async for _ in in_turns(found, self._look):
            # What can't be asked now is asked in the next turn.
            pass
        self._after = found[-1] if len(found) == _MOST else ""

    async def _look(self, waiting_id: str) -> None:
        await self._writes.run(lambda: self._use_case(waiting_id))
