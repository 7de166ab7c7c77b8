"""The access reviews that are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.campaign import Campaign, CampaignItem, CampaignState


class Campaigns(Protocol):
    """The access reviews that are kept, with their items."""

    async def get(self, campaign_id: str) -> Campaign | None:
        """One of them."""
        ...

    async def item(self, campaign_item_id: str) -> tuple[Campaign, CampaignItem] | None:
        """An item with its campaign."""
        ...

    async def has_reviewer(self, campaign_id: str, user_id: str) -> bool:
        """Whether a person is, or was, asked about any item of a campaign."""
        ...

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: CampaignState | None
    ) -> Page[Campaign]:
        """Some of them, newest first; those that one person started or reviews, or all."""
        ...

    async def items(
        self, page: PageRequest, *, campaign_id: str, reviewer_user_id: str | None, open_only: bool
    ) -> Page[CampaignItem]:
        """Some of a campaign's items; those that one person reviews, or all."""
        ...

    async def to_look_at(self, now: datetime, most: int) -> list[str]:
        """The ids of those that are due, or have items to revoke after that, the oldest first."""
        ...

    async def open_items(self, campaign_id: str, after: str, most: int) -> list[str]:
        """The ids of a campaign's items of which nobody has said anything, behind `after`."""
        ...

    async def waiting(self, after: str, most: int) -> list[str]:
        """The ids of items of any campaign of which nobody has said anything, behind `after`."""
        ...

    def added(self, campaign: Campaign, items: Sequence[CampaignItem]) -> Sequence[Write]:
        """Keeps a new one with its items."""
        ...

    def changed(self, campaign: Campaign, *, seen: int) -> Write:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...

    def kept(self, campaign: Campaign, time: datetime) -> Write:
        """Notes of all its items of which nobody has said anything that nobody did."""
        ...

    def asked(self, item: CampaignItem, *, seen: CampaignItem) -> Sequence[Write]:
        """Keeps who is asked about an item now."""
        ...

    def ruled(
        self, campaign: Campaign, item: CampaignItem, *, seen: CampaignItem
    ) -> Sequence[Write]:
        """Keeps what was said of an item and counts it, while its campaign is in the state that
        `campaign` was loaded in. That others said something of other items does not matter."""
        ...
