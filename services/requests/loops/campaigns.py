"""Closes campaigns that are due, and revokes what their due action says."""

from libs.db.writes import Writes
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.handlers.close_campaign import CampaignCompleter
from services.requests.loops.rounds import in_turns

EVERY_SECONDS = 1.0
_MOST = 100
_MOST_ITEMS = 500


class CampaignLoop:
    """Looks after campaigns by their times."""

    def __init__(
        self,
        writes: Writes,
        campaigns: ports.Campaigns,
        completer: CampaignCompleter,
        clock: Clock,
    ) -> None:
        self._writes = writes
        self._campaigns = campaigns
        self._completer = completer
        self._clock = clock
        self._after: dict[str, str] = {}

    async def __call__(self) -> None:
        """One round. What fails is tried again in a later one."""
        ids = await self._campaigns.to_look_at(self._clock.now(), _MOST)
        async for _ in in_turns(ids, self._complete):
            pass

    async def _complete(self, campaign_id: str) -> None:
        await self._writes.run(lambda: self._completer.close(campaign_id))
        # Some in each round, so that no other campaign waits for one with thousands.
        after = self._after.pop(campaign_id, "")
        ids = await self._campaigns.open_items(campaign_id, after, _MOST_ITEMS)
        async for _ in in_turns(ids, self._revoke):
            pass
        if len(ids) == _MOST_ITEMS:
            self._after[campaign_id] = ids[-1]
            return
        await self._writes.run(lambda: self._completer.settle(campaign_id))

    async def _revoke(self, campaign_item_id: str) -> None:
        await self._writes.run(lambda: self._completer.revoke(campaign_item_id))
