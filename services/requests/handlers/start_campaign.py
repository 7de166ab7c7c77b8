"""Starting an access review: taking down who holds what, and who reviews it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import ADMIN, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import campaign_errors, errors, facts
from services.requests.domain.campaign import (
    MOST_ITEMS,
    Campaign,
    CampaignItem,
    DueAction,
    ReviewedBy,
    check_due_time,
)
from services.requests.domain.holders import HeldThing, Holder, LeasedThing, holders_of
from services.requests.handlers.answering import owns_app
from services.requests.handlers.campaign_reviewers import HoldersReviewers

# So many leases are read at once.
_MOST_LEASES = 1000


@dataclass(frozen=True, slots=True)
class StartCampaign:
    """Somebody wants access to be reviewed; an empty `entitlement_id` is all of the app."""

    person: Person
    display_name: str
    app_id: str
    entitlement_id: str
    reviewed_by: ReviewedBy
    due_time: datetime
    due_action: DueAction


@dataclass(frozen=True, slots=True)
class CampaignStarter:
    """Starts campaigns. The catalog is asked outside of any transaction."""

    campaigns: ports.Campaigns
    leases: ports.Leases
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, command: StartCampaign) -> Outcome[Campaign]:
        """
        Raises:
            Invalid: FIELD_INVALID.
            NotAllowed: CALLER_NOT_ALLOWED.
            NotFound: ENTITLEMENT_NOT_FOUND.
            WrongState: CAMPAIGN_TOO_LARGE.
            Unavailable: the catalog does not answer.
        """
        check_due_time(command.due_time, self.clock.now())
        await self._check_may(command)
        holders = await self._holders(command.app_id, command.entitlement_id)
        reviewers = await HoldersReviewers(self.catalog, command.reviewed_by).of(holders)
        campaign_id, time = new_id("cam"), self.clock.now()
        # What took long to take down may be due by now: then it is at once.
        campaign = Campaign.start(
            campaign_id,
            starter=command.person,
            display_name=command.display_name,
            app_id=command.app_id,
            entitlement_id=command.entitlement_id,
            reviewed_by=command.reviewed_by,
            due_time=command.due_time,
            due_action=command.due_action,
            item_count=len(holders),
            time=time,
        )
        items = [
            CampaignItem(
                campaign_item_id=new_id("cit"),
                version=1,
                campaign_id=campaign_id,
                entitlement_id=each.entitlement_id,
                entitlement_display_name=each.entitlement_display_name,
                subject=each.subject,
                lease_id=each.lease_id,
                ways=each.ways,
                reviewers=asked,
            )
            for each, asked in zip(holders, reviewers, strict=True)
        ]
        return Outcome(campaign, self._change(command.person, campaign, items))

    async def _check_may(self, command: StartCampaign) -> None:
        person = command.person
        if person.may(ADMIN):
            await self.catalog.an_entitlement(command.app_id, command.entitlement_id)
            return
        # Who does not answer for it does not learn what there is.
        if not await owns_app(self.catalog, person, command.app_id, command.entitlement_id):
            raise errors.not_theirs_to_change(person, "the app's owners and administrators")

    async def _holders(self, app_id: str, entitlement_id: str) -> list[Holder]:
        held: list[HeldThing] = []
        seen: set[tuple[str, str]] = set()
        async for page in self.catalog.held(app_id, entitlement_id):
            held.extend(page)
            seen.update((it.subject.user_id, it.entitlement_id) for it in page)
            if len(seen) > MOST_ITEMS:
                raise campaign_errors.campaign_too_large(MOST_ITEMS)
        # After the catalog, so that what it knows a lease of is not found without.
        leased = await self._leased(app_id)
        holders = holders_of(held, leased, entitlement_id)
        if len(holders) > MOST_ITEMS:
            raise campaign_errors.campaign_too_large(MOST_ITEMS)
        return holders

    async def _leased(self, app_id: str) -> list[LeasedThing]:
        found: list[LeasedThing] = []
        while True:
            after = found[-1].lease.lease_id if found else ""
            more = await self.leases.of_app(app_id, after, _MOST_LEASES)
            found.extend(more)
            if len(more) < _MOST_LEASES:
                return found

    def _change(self, person: Person, campaign: Campaign, items: Sequence[CampaignItem]) -> Change:
        body = facts.CampaignStarted(
            campaign.campaign_id,
            campaign.app_id,
            campaign.entitlement_id,
            campaign.item_count,
            campaign.due_time,
            person,
        )
        details = {
            "app_id": campaign.app_id,
            "entitlement_id": campaign.entitlement_id,
            "reviewers": campaign.reviewed_by.value,
            "due_time": campaign.due_time.isoformat(),
            "due_action": campaign.due_action.value,
            "item_count": campaign.item_count,
            "items_without_reviewer": sum(not each.reviewers for each in items),
        }
        return Change(
            AuditEntry(
                person, "campaign.started", campaign.campaign_id, campaign.display_name, details
            ),
            tuple(self.campaigns.added(campaign, items)),
            (Fact(campaign.campaign_id, campaign.version, body),),
        )
