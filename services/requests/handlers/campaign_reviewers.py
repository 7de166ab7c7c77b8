"""Who reviews what somebody holds, which is never who holds it.

The catalog is asked when a campaign starts, at each review, and in rounds meanwhile.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain.access_request import REQUESTS
from services.requests.domain.campaign import Campaign, CampaignItem, CampaignState, ReviewedBy
from services.requests.domain.holders import Holder
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Resolved
from services.requests.handlers.campaign_changes import about

# So many holders are asked about at once.
_AT_ONCE = 16


class HoldersReviewers:
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
            return _others(self._owners[tenant_id], holder.subject.user_id)
        answers = await self._catalog.approvers(
            holder.entitlement_id, holder.subject.user_id, by.sources
        )
        if by is ReviewedBy.APP_OWNERS and answers[0].people:
            # Nobody is found of somebody who is gone, which says nothing about the others.
            self._owners[tenant_id] = answers[0].people
        return _reviewers_of(answers, holder.subject.user_id)


async def asked_now(
    catalog: ports.Catalog, campaign: Campaign, item: CampaignItem
) -> tuple[PersonRef, ...]:
    """Who reviews an item now.

    Raises:
        Unavailable: the catalog does not answer.
    """
    user_id = item.subject.user_id
    sources = campaign.reviewed_by.sources
    return _reviewers_of(await catalog.approvers(item.entitlement_id, user_id, sources), user_id)


def _reviewers_of(answers: Sequence[Resolved], subject_user_id: str) -> tuple[PersonRef, ...]:
    """Those of the first source that stands for anybody else than the subject."""
    return next((found for each in answers if (found := _others(each.people, subject_user_id))), ())


def _others(people: Sequence[PersonRef], subject_user_id: str) -> tuple[PersonRef, ...]:
    """All but the subject."""
    return tuple(each for each in people if each.user_id != subject_user_id)


@dataclass(frozen=True, slots=True)
class ReviewersAgain:
    """Asks anew who reviews an item, for those who have come to be able to."""

    campaigns: ports.Campaigns
    catalog: ports.Catalog
    clock: Clock

    async def __call__(self, campaign_item_id: str) -> Outcome[None]:
        """Does nothing where they are who they were, and where nothing can be said any more.

        Raises:
            Unavailable: the catalog does not answer.
        """
        found = await self.campaigns.item(campaign_item_id)
        if found is None or found[1].verdict is not None:
            return Outcome(None)
        campaign, seen = found
        if campaign.state is not CampaignState.OPEN or campaign.is_due(self.clock.now()):
            return Outcome(None)
        item = seen.asked_of(await asked_now(self.catalog, campaign, seen))
        if item is seen:
            return Outcome(None)
        names = [each.user_id for each in item.reviewers]
        audit = AuditEntry(
            REQUESTS,
            "campaign_item.reviewers_changed",
            item.campaign_item_id,
            "",
            {**about(item), "reviewer_user_ids": names},
        )
        return Outcome(None, Change(audit, tuple(self.campaigns.asked(item, seen=seen))))
