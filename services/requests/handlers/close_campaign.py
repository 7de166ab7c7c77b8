"""Closing campaigns: when somebody says so, and when they are due.

What is kept is kept in the change that closes. What is revoked may be thousands of leases: the
campaign is closed first, from when on nobody can say anything, and then its items are revoked one
by one. Whoever stops in the middle, the rest is still to be revoked.
"""

from dataclasses import dataclass

from libs.domain.callers import Caller, Person
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.campaign import Campaign, CampaignState, DueAction
from services.requests.handlers.campaign_changes import closed, counts
from services.requests.handlers.revoke_campaign_item import ItemRevoker
from services.requests.handlers.show_campaigns import CampaignShower

_NOBODY_LOOKED = "Nobody reviewed it until the campaign was closed."


@dataclass(frozen=True, slots=True)
class CampaignCloser:
    """Closes campaigns before they are due."""

    campaigns: ports.Campaigns
    show: CampaignShower
    clock: Clock

    async def __call__(self, person: Person, campaign_id: str) -> Outcome[Campaign]:
        """
        Raises:
            NotFound: CAMPAIGN_NOT_FOUND.
            NotAllowed: CALLER_NOT_ALLOWED.
            WrongState: CAMPAIGN_STATE.
        """
        seen = await self.show.get(person, campaign_id)
        seen.check_closable_by(person)
        return _close(self.campaigns, seen, person, self.clock)


@dataclass(frozen=True, slots=True)
class CampaignCompleter:
    """Does what is to be done by itself: closes what is due, and revokes what that says."""

    campaigns: ports.Campaigns
    revoker: ItemRevoker
    clock: Clock

    async def close(self, campaign_id: str) -> Outcome[None]:
        """Closes a campaign that is due; does nothing for any other."""
        seen = await self.campaigns.get(campaign_id)
        if seen is None or seen.state is not CampaignState.OPEN:
            return Outcome(None)
        if not seen.is_due(self.clock.now()):
            return Outcome(None)
        return Outcome(None, _close(self.campaigns, seen, REQUESTS, self.clock).change)

    async def revoke(self, campaign_item_id: str) -> Outcome[None]:
        """Revokes an item of a closed campaign that nobody looked at; does nothing for others."""
        found = await self.campaigns.item(campaign_item_id)
        if found is None or found[1].verdict is not None:
            return Outcome(None)
        campaign, seen = found
        if campaign.state is CampaignState.OPEN or campaign.due_action is not DueAction.REVOKE:
            return Outcome(None)
        _, change = await self.revoker(campaign, seen, REQUESTS, _NOBODY_LOOKED)
        return Outcome(None, change)

    async def settle(self, campaign_id: str) -> Outcome[None]:
        """Notes that nothing is left to be revoked; does nothing while something is."""
        seen = await self.campaigns.get(campaign_id)
        if seen is None or seen.is_settled or seen.state is CampaignState.OPEN or seen.open_count:
            return Outcome(None)
        campaign = seen.settle()
        audit = AuditEntry(REQUESTS, "campaign.settled", campaign.campaign_id, "", counts(campaign))
        write = self.campaigns.changed(campaign, seen=seen.version)
        return Outcome(None, Change(audit, (write,)))


def _close(
    campaigns: ports.Campaigns, seen: Campaign, actor: Caller, clock: Clock
) -> Outcome[Campaign]:
    time = clock.now()
    campaign = seen.close(time)
    audit, fact = closed(campaign, actor)
    writes = [campaigns.changed(campaign, seen=seen.version)]
    if campaign.due_action is DueAction.KEEP:
        writes.append(campaigns.kept(campaign, time))
    return Outcome(campaign, Change(audit, tuple(writes), (fact,)))
