"""Access reviews over fakes: a house's campaigns, and what people hold of its app."""

from dataclasses import dataclass, field
from datetime import timedelta

from libs.domain.callers import Person
from libs.domain.ids import derived_id, group_id
from services.requests.domain.campaign import (
    Campaign,
    CampaignItem,
    DueAction,
    ReviewedBy,
    Verdict,
)
from services.requests.domain.holders import HeldThing
from services.requests.domain.steps import Accept
from services.requests.handlers.campaign_reviewers import ReviewersAgain
from services.requests.handlers.close_campaign import CampaignCloser, CampaignCompleter
from services.requests.handlers.end_lease import Ender
from services.requests.handlers.review_campaign_item import ItemReviewer, ReviewCampaignItem
from services.requests.handlers.revoke_campaign_item import ItemRevoker
from services.requests.handlers.show_campaigns import CampaignShower
from services.requests.handlers.start_campaign import CampaignStarter, StartCampaign
from services.requests.loops.ask_again import AskAgainLoop
from services.requests.loops.campaigns import CampaignLoop
from tests.fakes.requests_neighbours import APP, ENTITLEMENT, TARGET
from tests.support.issuer import TENANT
from tests.unit.requests_service.cast import ROOT, ref, town
from tests.unit.requests_service.house import House

DAY = timedelta(days=1)
EDITORS = group_id(TENANT, TARGET.kind.entra_group_id)  # type: ignore[union-attr]
"""The catalog's id of the group that the house's leases put people into."""


def thing(
    who: Person,
    *,
    unmanaged: bool = True,
    through: str = "",
    what: str = TARGET.directory_entitlement_id,
    entitlement_id: str = ENTITLEMENT,
) -> HeldThing:
    """Something that somebody holds, as the catalog says it."""
    return HeldThing(
        subject=ref(who),
        entitlement_id=entitlement_id,
        entitlement_display_name="Editor",
        directory_entitlement_id=what,
        directory_display_name="member of Editors",
        group_id=through,
        group_display_name="Everyone" if through else "",
        unmanaged=unmanaged and not through,
    )


@dataclass
class Reviews:
    """A house with campaigns."""

    house: House = field(default_factory=lambda: town(Accept()))

    @property
    def revoker(self) -> ItemRevoker:
        """Revokes items."""
        store, clock = self.house.store, self.house.clock
        ender = Ender(store.access_requests, store.leases, clock)
        return ItemRevoker(store.campaigns, store.access_requests, store.leases, ender, clock)

    @property
    def completer(self) -> CampaignCompleter:
        """Does what is due."""
        return CampaignCompleter(self.house.store.campaigns, self.revoker, self.house.clock)

    @property
    def shower(self) -> CampaignShower:
        """Shows campaigns."""
        return CampaignShower(self.house.store.campaigns)

    async def start(
        self,
        who: Person = ROOT,
        *,
        by: ReviewedBy = ReviewedBy.APP_OWNERS,
        due: timedelta = DAY,
        then: DueAction = DueAction.KEEP,
        app_id: str = APP,
        entitlement_id: str = "",
    ) -> Campaign:
        """Starts one."""
        store, clock = self.house.store, self.house.clock
        starter = CampaignStarter(store.campaigns, store.leases, self.house.catalog, clock)
        command = StartCampaign(who, "Autumn", app_id, entitlement_id, by, clock.now() + due, then)
        return self.house.keep(await starter(command))

    async def review(
        self,
        item: CampaignItem,
        who: Person = ROOT,
        verdict: Verdict = Verdict.CERTIFIED,
        *,
        etag: str | None = None,
    ) -> CampaignItem:
        """Says it of an item as it was seen."""
        store, clock = self.house.store, self.house.clock
        reviewer = ItemReviewer(store.campaigns, self.house.catalog, self.revoker, clock)
        command = ReviewCampaignItem(
            who,
            item.campaign_item_id,
            str(item.version) if etag is None else etag,
            verdict,
            "I looked.",
        )
        return self.house.keep(await reviewer(command))

    async def revoke(self, item: CampaignItem, who: Person = ROOT) -> CampaignItem:
        """Says that it ends."""
        return await self.review(item, who, Verdict.REVOKED)

    async def close(self, campaign: Campaign, who: Person = ROOT) -> Campaign:
        """Closes one."""
        closer = CampaignCloser(self.house.store.campaigns, self.shower, self.house.clock)
        return self.house.keep(await closer(who, campaign.campaign_id))

    async def loop(self) -> None:
        """One round of the loop."""
        store, house = self.house.store, self.house
        await CampaignLoop(house.writes, store.campaigns, self.completer, house.clock)()

    async def ask_again(self) -> None:
        """One round of asking who reviews."""
        store, house = self.house.store, self.house
        again = ReviewersAgain(store.campaigns, house.catalog, house.clock)
        await AskAgainLoop(house.writes, store.campaigns.waiting, again)()

    def kept(self, campaign: Campaign) -> Campaign:
        """It as it is kept."""
        return self.house.store.kept_campaigns.campaigns[campaign.campaign_id]

    def items(self, campaign: Campaign) -> list[CampaignItem]:
        """Its items as they are kept, in their order."""
        kept = sorted(self.house.store.kept_campaigns.items.items())
        return [each for _, each in kept if each.campaign_id == campaign.campaign_id]

    def item_of(self, campaign: Campaign, who: Person) -> CampaignItem:
        """Somebody's only one."""
        (found,) = (it for it in self.items(campaign) if it.subject.user_id == who.user_id)
        return found


OTHER = derived_id("den", "other")
"""Something in the directory that the house's leases do not bring."""
