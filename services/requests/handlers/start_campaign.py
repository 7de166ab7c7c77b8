"""Starting an access review: taking down who holds what, and who reviews it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.domain.callers import ADMIN, Person
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import NotFound
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import errors, facts
from services.requests.domain.campaign import (
    MOST_ITEMS,
    Campaign,
    CampaignItem,
    DueAction,
    ReviewedBy,
    check_due_time,
)
from services.requests.domain.holders import HeldThing, Holder, LeasedThing, holders_of
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Resolved
from services.requests.domain.steps import AppOwners

# So many holders are asked about at once, and so many leases are read.
_AT_ONCE = 16
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
        reviewers = await _Reviewers(self.catalog, command.reviewed_by).of(holders)
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
        refusal = errors.not_theirs_to_change(person, "the app's owners and administrators")
        try:
            one = await self.catalog.an_entitlement(command.app_id, command.entitlement_id)
        except NotFound as unknown:
            # Who does not answer for it does not learn what there is.
            raise refusal from unknown
        (owners,) = await self.catalog.approvers(one, person.user_id, (AppOwners(),))
        if all(each.user_id != person.user_id for each in owners.people):
            raise refusal

    async def _holders(self, app_id: str, entitlement_id: str) -> list[Holder]:
        held: list[HeldThing] = []
        seen: set[tuple[str, str]] = set()
        async for page in self.catalog.held(app_id, entitlement_id):
            held.extend(page)
            seen.update((it.subject.user_id, it.entitlement_id) for it in page)
            if len(seen) > MOST_ITEMS:
                raise errors.campaign_too_large(MOST_ITEMS)
        # After the catalog, so that what it knows a lease of is not found without.
        leased = await self._leased(app_id)
        holders = holders_of(held, leased, entitlement_id)
        if len(holders) > MOST_ITEMS:
            raise errors.campaign_too_large(MOST_ITEMS)
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


class _Reviewers:
    """Finds who reviews what holders hold; each holder, and the owners of a tenant, once."""

    def __init__(self, catalog: ports.Catalog, reviewed_by: ReviewedBy) -> None:
        self._catalog = catalog
        self._reviewed_by = reviewed_by
        self._owners: dict[str, tuple[PersonRef, ...]] = {}

    async def of(self, holders: Sequence[Holder]) -> list[tuple[PersonRef, ...]]:
        """Those of each holder, in their order."""
        one = {each.subject.user_id: each for each in holders}
        user_ids, found = list(one), dict[str, tuple[PersonRef, ...]]()
        for start in range(0, len(user_ids), _AT_ONCE):
            turn = user_ids[start : start + _AT_ONCE]
            answers = await asyncio.gather(*(self._asked(one[each]) for each in turn))
            found.update(zip(turn, answers, strict=True))
        return [found[each.subject.user_id] for each in holders]

    async def _asked(self, holder: Holder) -> tuple[PersonRef, ...]:
        tenant_id, by = holder.subject.entra_tenant_id, self._reviewed_by
        if by is ReviewedBy.APP_OWNERS and tenant_id in self._owners:
            return others(self._owners[tenant_id], holder.subject.user_id)
        answers = await self._catalog.approvers(
            holder.entitlement_id, holder.subject.user_id, by.sources
        )
        if by is ReviewedBy.APP_OWNERS and answers[0].people:
            # Nobody is found of somebody who is gone, which says nothing about the others.
            self._owners[tenant_id] = answers[0].people
        return reviewers_of(answers, holder.subject.user_id)


async def asked_now(
    catalog: ports.Catalog, campaign: Campaign, item: CampaignItem
) -> tuple[PersonRef, ...]:
    """Who reviews an item now.

    Raises:
        Unavailable: the catalog does not answer.
    """
    user_id = item.subject.user_id
    sources = campaign.reviewed_by.sources
    return reviewers_of(await catalog.approvers(item.entitlement_id, user_id, sources), user_id)


def reviewers_of(answers: Sequence[Resolved], subject_user_id: str) -> tuple[PersonRef, ...]:
    """Those of the first source that stands for anybody else than the subject."""
    return next((found for each in answers if (found := others(each.people, subject_user_id))), ())


def others(people: Sequence[PersonRef], subject_user_id: str) -> tuple[PersonRef, ...]:
    """All but the subject."""
    return tuple(each for each in people if each.user_id != subject_user_id)
