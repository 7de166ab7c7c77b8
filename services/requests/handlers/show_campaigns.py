"""Showing campaigns and their items, to those whom they concern."""

from dataclasses import dataclass

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.paging import Page, PageRequest
from services.requests import ports
from services.requests.domain import campaign_errors
from services.requests.domain.campaign import Campaign, CampaignItem, CampaignState


@dataclass(frozen=True, slots=True)
class ListCampaigns:
    """A page of those that the person may see."""

    person: Person
    size: int
    token: str
    state: CampaignState | None = None


@dataclass(frozen=True, slots=True)
class ListCampaignItems:
    """A page of a campaign's items that the person may see."""

    person: Person
    campaign_id: str
    size: int
    token: str
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class CampaignShower:
    """Shows campaigns."""

    campaigns: ports.Campaigns

    async def get(self, person: Person, campaign_id: str) -> Campaign:
        """One that they may see.

        Raises:
            NotFound: CAMPAIGN_NOT_FOUND.
        """
        found = await self.campaigns.get(campaign_id)
        if found is None:
            raise campaign_errors.campaign_not_found(campaign_id)
        if found.sees_all(person) or await self.campaigns.has_reviewer(campaign_id, person.user_id):
            return found
        raise campaign_errors.campaign_not_found(campaign_id)

    async def page(self, command: ListCampaigns) -> Page[Campaign]:
        """Those that they started or review; all of them for administrators and auditors.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        person = command.person
        user_id = None if person.may(ADMIN, AUDITOR) else person.user_id
        scope = ("campaigns", user_id or "", command.state or "")
        return await self.campaigns.page(
            PageRequest(command.size, command.token, scope), user_id=user_id, state=command.state
        )

    async def items(self, command: ListCampaignItems) -> Page[CampaignItem]:
        """Those that they review; all of them for who started it, administrators and auditors.

        Raises:
            NotFound: CAMPAIGN_NOT_FOUND.
            Invalid: PAGE_TOKEN_INVALID.
        """
        person, campaign_id = command.person, command.campaign_id
        campaign = await self.get(person, campaign_id)
        user_id = None if campaign.sees_all(person) else person.user_id
        scope = ("campaign_items", campaign_id, user_id or "", "open" if command.open_only else "")
        return await self.campaigns.items(
            PageRequest(command.size, command.token, scope),
            campaign_id=campaign_id,
            reviewer_user_id=user_id,
            open_only=command.open_only,
        )
