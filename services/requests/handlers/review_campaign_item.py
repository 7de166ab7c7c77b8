"""Saying of somebody's access whether it stays."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, Person
from libs.domain.changes import AuditEntry, Change, Outcome, Refused
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError
from services.requests import ports
from services.requests.domain import campaign_errors, errors
from services.requests.domain.campaign import Campaign, CampaignItem, Verdict
from services.requests.handlers.campaign_changes import about, ruled
from services.requests.handlers.campaign_reviewers import asked_now
from services.requests.handlers.revoke_campaign_item import ItemRevoker


@dataclass(frozen=True, slots=True)
class ReviewCampaignItem:
    """Somebody says it; the verdict is CERTIFIED or REVOKED."""

    person: Person
    campaign_item_id: str
    etag: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class ItemReviewer:
    """Takes what reviewers say. Who reviews an item is asked of the catalog each time."""

    campaigns: ports.Campaigns
    catalog: ports.Catalog
    revoker: ItemRevoker
    clock: Clock

    async def __call__(self, command: ReviewCampaignItem) -> Outcome[CampaignItem] | Refused:
        """
        Raises:
            NotFound: CAMPAIGN_ITEM_NOT_FOUND.
            Conflict: ETAG_MISMATCH.
            WrongState: CAMPAIGN_STATE.
            Unavailable: the catalog does not say who reviews it.
        """
        person = command.person
        found = await self.campaigns.item(command.campaign_item_id)
        if found is None:
            raise campaign_errors.campaign_item_not_found(command.campaign_item_id)
        campaign, seen = found
        if person.user_id == seen.subject.user_id:
            refusal = campaign_errors.own_access(seen.campaign_item_id)
            return _refused(person, seen, refusal, "campaign_item.self_decision_refused")
        if not person.may(ADMIN):
            refused = await self._check_seat(person, campaign, seen)
            if refused is not None:
                return refused
        seen.check_etag(command.etag)
        time = self.clock.now()
        campaign.check_reviewable(time)
        if command.verdict is Verdict.REVOKED:
            item, change = await self.revoker(campaign, seen, person, command.reason)
            return Outcome(item, change)
        item = seen.rule(command.verdict, person, command.reason, time)
        return Outcome(item, ruled(self.campaigns, campaign, seen, item))

    async def _check_seat(
        self, person: Person, campaign: Campaign, seen: CampaignItem
    ) -> Refused | None:
        """Refuses who does not review it now, and keeps who does when they are others."""
        asked = await asked_now(self.catalog, campaign, seen)
        if any(each.user_id == person.user_id for each in asked):
            return None
        if not campaign.sees_all(person) and not seen.is_asked(person.user_id):
            raise campaign_errors.campaign_item_not_found(seen.campaign_item_id)
        refusal = errors.not_theirs_to_change(person, "the item's reviewers and administrators")
        refused = _refused(person, seen, refusal, "campaign_item.review_refused")
        fresh = seen.asked_of(asked)
        if fresh is seen or seen.verdict is not None:
            return refused
        writes = tuple(self.campaigns.asked(fresh, seen=seen))
        return Refused(refusal, Change(refused.change.audit, writes))


def _refused(person: Person, seen: CampaignItem, error: LatchkeyError, action: str) -> Refused:
    audit = AuditEntry(
        person,
        action,
        seen.campaign_item_id,
        error.message,
        {**about(seen), "error": error.reason},
    )
    return Refused(error, Change(audit, ()))
