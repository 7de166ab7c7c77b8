"""The access reviews in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    RowMapping,
    Select,
    and_,
    delete,
    exists,
    insert,
    literal,
    select,
    update,
)

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.campaign import (
    Campaign,
    CampaignItem,
    CampaignState,
    Verdict,
)
from services.requests.store.campaign_rows import (
    OPEN,
    campaign_from,
    campaign_values,
    item_from,
    item_values,
    moving_item_values,
    moving_values,
    reviewer_values,
)
from services.requests.store.campaign_tables import campaign_items as items
from services.requests.store.campaign_tables import campaign_people as people
from services.requests.store.campaign_tables import campaign_reviewers as reviewers
from services.requests.store.campaign_tables import campaigns as table


@dataclass(frozen=True, slots=True)
class CampaignStore:
    """Reads campaigns, and makes the writes that keep them."""

    database: Database

    async def get(self, campaign_id: str) -> Campaign | None:
        found = await self._rows(select(table).where(table.c.campaign_id == campaign_id))
        return campaign_from(found[0]) if found else None

    async def item(self, campaign_item_id: str) -> tuple[Campaign, CampaignItem] | None:
        # One statement, so that both are of the same moment.
        query = (
            select(table, items)
            .join_from(items, table, table.c.campaign_id == items.c.campaign_id)
            .where(items.c.campaign_item_id == campaign_item_id)
        )
        found = await self._rows(query)
        return (campaign_from(found[0]), item_from(found[0])) if found else None

    async def has_reviewer(self, campaign_id: str, user_id: str) -> bool:
        query = select(people.c.reviews).where(
            people.c.user_id == user_id,
            people.c.campaign_id == campaign_id,
            people.c.reviews.is_(True),
        )
        return bool(await self._rows(query))

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: CampaignState | None
    ) -> Page[Campaign]:
        # By the column of the index that is gone through.
        order = table.c.campaign_id if user_id is None else people.c.campaign_id
        query = select(table).order_by(order.desc()).limit(page.size + 1)
        if user_id is not None:
            query = query.join(people, people.c.campaign_id == table.c.campaign_id).where(
                people.c.user_id == user_id
            )
        if (after := page.after()) is not None:
            query = query.where(order < after[0])
        if state is not None:
            query = query.where(table.c.state == state.value)
        found = [campaign_from(row) for row in await self._rows(query)]
        return page.page(found, key=lambda it: (it.campaign_id,))

    async def items(
        self, page: PageRequest, *, campaign_id: str, reviewer_user_id: str | None, open_only: bool
    ) -> Page[CampaignItem]:
        after = page.after()
        query = select(items).limit(page.size + 1)
        if reviewer_user_id is None:
            order = items.c.campaign_item_id
            query = query.where(items.c.campaign_id == campaign_id)
            if open_only:
                query = query.where(items.c.verdict == OPEN)
        else:
            order = reviewers.c.campaign_item_id
            query = query.join(reviewers, order == items.c.campaign_item_id).where(
                reviewers.c.user_id == reviewer_user_id, reviewers.c.campaign_id == campaign_id
            )
            if open_only:
                query = query.where(reviewers.c.open.is_(True))
        if after is not None:
            query = query.where(order > after[0])
        found = [item_from(row) for row in await self._rows(query.order_by(order))]
        return page.page(found, key=lambda it: (it.campaign_item_id,))

    async def to_look_at(self, now: datetime, most: int) -> list[str]:
        query = (
            select(table.c.campaign_id)
            .where(table.c.look_time <= now)
            .order_by(table.c.look_time, table.c.campaign_id)
            .limit(most)
        )
        return [row[table.c.campaign_id] for row in await self._rows(query)]

    async def open_items(self, campaign_id: str, after: str, most: int) -> list[str]:
        item_id = items.c.campaign_item_id
        query = (
            select(item_id)
            .where(items.c.campaign_id == campaign_id, items.c.verdict == OPEN, item_id > after)
            .order_by(item_id)
            .limit(most)
        )
        return [row[item_id] for row in await self._rows(query)]

    async def waiting(self, after: str, most: int) -> list[str]:
        item_id = items.c.campaign_item_id
        query = (
            select(item_id)
            .where(items.c.verdict == OPEN, item_id > after)
            .order_by(item_id)
            .limit(most)
        )
        return [row[item_id] for row in await self._rows(query)]

    def added(self, campaign: Campaign, items_: Sequence[CampaignItem]) -> Sequence[Write]:
        asked = {user.user_id for each in items_ for user in each.reviewers}
        concerned = [
            {"user_id": each, "campaign_id": campaign.campaign_id, "reviews": each in asked}
            for each in sorted(asked | {campaign.starter_user_id})
        ]
        return (
            Guarded(insert(table), parameters=(campaign_values(campaign),)),
            Guarded(insert(people), parameters=concerned),
            Guarded(insert(items), parameters=[item_values(each) for each in items_]),
            Guarded(insert(reviewers), parameters=list(reviewer_values(items_))),
        )

    def changed(self, campaign: Campaign, *, seen: int) -> Write:
        # What is said of items counts by itself, and moves the version.
        statement = (
            update(table)
            .where(table.c.campaign_id == campaign.campaign_id, table.c.version == seen)
            .values(moving_values(campaign))
        )
        return Guarded(statement, expects=1)

    def kept(self, campaign: Campaign, time: datetime) -> Write:
        statement = (
            update(items)
            .where(items.c.campaign_id == campaign.campaign_id, items.c.verdict == OPEN)
            .values(
                verdict=Verdict.NOT_REVIEWED.value,
                review_time=time,
                version=items.c.version + 1,
            )
        )
        return Guarded(statement, expects=campaign.open_count)

    def asked(self, item: CampaignItem, *, seen: CampaignItem) -> Sequence[Write]:
        known = [each.user_id for each in item.reviewers]
        return (
            _item_changed(item, seen),
            Guarded(delete(reviewers).where(reviewers.c.campaign_item_id == item.campaign_item_id)),
            Guarded(insert(reviewers), parameters=list(reviewer_values([item]))),
            Guarded(
                update(people)
                .where(people.c.user_id.in_(known), people.c.campaign_id == item.campaign_id)
                .values(reviews=True)
            ),
            *(Guarded(_concerned(each, item.campaign_id)) for each in known),
        )

    def ruled(
        self, campaign: Campaign, item: CampaignItem, *, seen: CampaignItem
    ) -> Sequence[Write]:
        assert item.verdict is not None, "something was said"
        count = {
            Verdict.CERTIFIED: table.c.certified_count,
            Verdict.REVOKED: table.c.revoked_count,
        }[item.verdict]
        counted = (
            update(table)
            .where(
                table.c.campaign_id == campaign.campaign_id, table.c.state == campaign.state.value
            )
            .values({count: count + 1, table.c.version: table.c.version + 1})
        )
        return (
            _item_changed(item, seen),
            Guarded(counted, expects=1),
            Guarded(
                update(reviewers)
                .where(reviewers.c.campaign_item_id == item.campaign_item_id)
                .values(open=False)
            ),
        )

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        return await self.database.read(
            lambda connection: connection.execute(query).mappings().all()
        )


def _concerned(user_id: str, campaign_id: str) -> Any:
    """Notes that a campaign concerns somebody, if that is not known."""
    known = exists().where(and_(people.c.user_id == user_id, people.c.campaign_id == campaign_id))
    return insert(people).from_select(
        ["user_id", "campaign_id", "reviews"],
        select(literal(user_id), literal(campaign_id), literal(True)).where(~known),
    )


def _item_changed(item: CampaignItem, seen: CampaignItem) -> Write:
    statement = (
        update(items)
        .where(items.c.campaign_item_id == item.campaign_item_id, items.c.version == seen.version)
        .values(moving_item_values(item))
    )
    return Guarded(statement, expects=1)
