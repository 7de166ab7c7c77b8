"""Drives takeovers, and starts those that no event has led to.

That access from outside was found is an event of the catalog, and a hint. When it is lost, or comes
while a takeover of the same entitlement is under way, a round over the apps whose setting acts on
such access finds the same.
"""

from libs.db.writes import Writes
from libs.domain.errors import NotFound, Unavailable
from services.requests import ports
from services.requests.domain.offered import Offered
from services.requests.domain.takeover import TakeoverState
from services.requests.handlers.look_takeover import TakeoverLooker
from services.requests.handlers.start_takeover import TakeoverStarter
from services.requests.handlers.take_over import HolderTaker
from services.requests.loops.pauses import Pauses
from services.requests.loops.rounds import everything, in_turns

EVERY_SECONDS = 1.0
LOOK_SECONDS = 300.0
_MOST_HOLDERS = 500
_LONGEST_PAUSE_SECONDS = 60.0


class TakeoverLoop:
    """Takes takeovers that are running to their end, some holders in each round."""

    def __init__(
        self,
        writes: Writes,
        takeovers: ports.Takeovers,
        looker: TakeoverLooker,
        taker: HolderTaker,
    ) -> None:
        self._writes = writes
        self._takeovers = takeovers
        self._looker = looker
        self._taker = taker
        self._pauses = Pauses(first=EVERY_SECONDS, longest=_LONGEST_PAUSE_SECONDS)
        self._after: dict[str, str] = {}

    async def __call__(self) -> None:
        """One round."""
        ids = self._pauses.due(await everything(self._takeovers.running))
        async for turn in in_turns(ids, self._drive):
            for takeover_id, answer in turn:
                if answer is not True:
                    self._pauses.again(takeover_id)

    async def _drive(self, takeover_id: str) -> bool:
        """Whether nothing failed."""
        await self._writes.run(lambda: self._looker(takeover_id))
        takeover = await self._takeovers.get(takeover_id)
        if takeover is None or takeover.state is not TakeoverState.RUNNING:
            return True
        # Some in each round, so that no other waits for one with thousands.
        after = self._after.pop(takeover_id, "")
        user_ids = await self._takeovers.waiting(takeover_id, after, _MOST_HOLDERS)
        offered = await self._taker.offered(takeover.entitlement_id) if user_ids else None
        failed = 0

        async def take(user_id: str) -> None:
            await self._take(takeover_id, user_id, offered)

        async for turn in in_turns(user_ids, take):
            failures = sum(isinstance(answer, Exception) for _, answer in turn)
            failed += failures
            if failures == len(turn):
                # Nobody may be answering at all: the others wait for the next round.
                return False
        if len(user_ids) == _MOST_HOLDERS:
            self._after[takeover_id] = user_ids[-1]
        else:
            await self._writes.run(lambda: self._looker.finish(takeover_id))
        return not failed

    async def _take(self, takeover_id: str, user_id: str, offered: Offered | None) -> None:
        await self._writes.run(lambda: self._taker(takeover_id, user_id, offered))


class OutsideLoop:
    """Looks for access from outside that its app's setting takes over, and no takeover knows."""

    def __init__(self, writes: Writes, catalog: ports.Catalog, starter: TakeoverStarter) -> None:
        self._writes = writes
        self._catalog = catalog
        self._starter = starter

    async def __call__(self) -> None:
        """One round. What can't be asked now is asked in the next one."""
        try:
            for app_id in await self._catalog.apps_that_act():
                await self._look(app_id)
        except Unavailable:
            return

    async def _look(self, app_id: str) -> None:
        found: dict[str, None] = {}
        try:
            async for page in self._catalog.held(app_id, unmanaged=True):
                found |= dict.fromkeys(each.entitlement_id for each in page)
        except NotFound:
            # It was unmanaged just now.
            return
        for entitlement_id in found:
            await self._start(entitlement_id)

    async def _start(self, entitlement_id: str) -> None:
        await self._writes.run(lambda: self._starter.found(entitlement_id))
