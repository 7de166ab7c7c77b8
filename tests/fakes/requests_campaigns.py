"""The requests service's port `Campaigns`, in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.campaign import Campaign, CampaignItem, CampaignState, Verdict
from tests.fakes.requests_delegations import Taken


@dataclass
class KeptCampaigns:
    """What is kept of campaigns; `concerned` are those who were asked about any of their items."""

    campaigns: dict[str, Campaign] = field(default_factory=dict)
    items: dict[str, CampaignItem] = field(default_factory=dict)
    concerned: set[tuple[str, str]] = field(default_factory=set)

    def copy(self) -> "KeptCampaigns":
        """The same, to be written to."""
        return KeptCampaigns(dict(self.campaigns), dict(self.items), set(self.concerned))

    def put_item(self, item: CampaignItem, seen: int) -> None:
        """
        Raises:
            Taken: another version of it is kept.
        """
        before = self.items.get(item.campaign_item_id)
        if (before.version if before else 0) != seen:
            raise Taken
        self.items[item.campaign_item_id] = item
        self.concerned |= {(each.user_id, item.campaign_id) for each in item.reviewers}

    def put(self, campaign: Campaign, seen: int) -> None:
        """
        Raises:
            Taken: another version of it is kept.
        """
        before = self.campaigns.get(campaign.campaign_id)
        if (before.version if before else 0) != seen:
            raise Taken
        self.campaigns[campaign.campaign_id] = campaign


@dataclass(frozen=True, slots=True)
class CampaignWrite(Write):
    """Something that a change does to what is kept of campaigns."""

    apply: Callable[[KeptCampaigns], None]


@dataclass(frozen=True)
class FakeCampaigns:
    """The port `Campaigns`. `store` gives what is kept."""

    store: Callable[[], KeptCampaigns]

    @property
    def _kept(self) -> KeptCampaigns:
        return self.store()

    async def get(self, campaign_id: str) -> Campaign | None:
        return self._kept.campaigns.get(campaign_id)

    async def item(self, campaign_item_id: str) -> tuple[Campaign, CampaignItem] | None:
        if (item := self._kept.items.get(campaign_item_id)) is None:
            return None
        return self._kept.campaigns[item.campaign_id], item

    async def has_reviewer(self, campaign_id: str, user_id: str) -> bool:
        return (user_id, campaign_id) in self._kept.concerned

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: CampaignState | None
    ) -> Page[Campaign]:
        after = page.after()
        found = [
            each
            for key, each in sorted(self._kept.campaigns.items(), reverse=True)
            if (after is None or key < after[0])
            and state in (None, each.state)
            and (user_id in (None, each.starter_user_id) or (user_id, key) in self._kept.concerned)
        ]
        return page.page(found[: page.size + 1], key=lambda it: (it.campaign_id,))

    async def items(
        self, page: PageRequest, *, campaign_id: str, reviewer_user_id: str | None, open_only: bool
    ) -> Page[CampaignItem]:
        after = page.after()
        found = [
            each
            for key, each in sorted(self._kept.items.items())
            if each.campaign_id == campaign_id
            and (after is None or key > after[0])
            and (reviewer_user_id is None or each.is_asked(reviewer_user_id))
            and not (open_only and each.verdict)
        ]
        return page.page(found[: page.size + 1], key=lambda it: (it.campaign_item_id,))

    async def to_look_at(self, now: datetime, most: int) -> list[str]:
        found = [
            (each.look_time, key)
            for key, each in self._kept.campaigns.items()
            if each.look_time is not None and each.look_time <= now
        ]
        return [key for _, key in sorted(found)][:most]

    async def open_items(self, campaign_id: str, after: str, most: int) -> list[str]:
        return [
            key
            for key, each in sorted(self._kept.items.items())
            if each.campaign_id == campaign_id and each.verdict is None and key > after
        ][:most]

    async def waiting(self, after: str, most: int) -> list[str]:
        kept = sorted(self._kept.items.items())
        return [key for key, each in kept if each.verdict is None and key > after][:most]

    def added(self, campaign: Campaign, items: Sequence[CampaignItem]) -> Sequence[Write]:
        def apply(kept: KeptCampaigns) -> None:
            kept.put(campaign, 0)
            for each in items:
                kept.put_item(each, 0)

        return (CampaignWrite(apply),)

    def changed(self, campaign: Campaign, *, seen: int) -> Write:
        return CampaignWrite(lambda kept: kept.put(campaign, seen))

    def kept(self, campaign: Campaign, time: datetime) -> Write:
        def apply(kept: KeptCampaigns) -> None:
            for key, each in kept.items.items():
                if each.campaign_id == campaign.campaign_id and each.verdict is None:
                    kept.items[key] = replace(
                        each,
                        version=each.version + 1,
                        verdict=Verdict.NOT_REVIEWED,
                        review_time=time,
                    )

        return CampaignWrite(apply)

    def asked(self, item: CampaignItem, *, seen: CampaignItem) -> Sequence[Write]:
        return (CampaignWrite(lambda kept: kept.put_item(item, seen.version)),)

    def ruled(
        self, campaign: Campaign, item: CampaignItem, *, seen: CampaignItem
    ) -> Sequence[Write]:
        def apply(kept: KeptCampaigns) -> None:
            kept.put_item(item, seen.version)
            now = kept.campaigns[campaign.campaign_id]
            if now.state is not campaign.state:
                raise Taken
            assert item.verdict is not None
            kept.campaigns[campaign.campaign_id] = now.count(item.verdict)

        return (CampaignWrite(apply),)
