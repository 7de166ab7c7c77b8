"""The access reviews in the database."""

from collections.abc import Iterable, Sequence
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

from libs.db.audit import actor_from_json, actor_json
from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.campaign import (
    Campaign,
    CampaignItem,
    CampaignState,
    DueAction,
    ReviewedBy,
    Verdict,
)
from services.requests.store import documents
from services.requests.store.tables import campaign_items as items
from services.requests.store.tables import campaign_people as people
from services.requests.store.tables import campaign_reviewers as reviewers
from services.requests.store.tables import campaigns as table

_OPEN = ""


@dataclass(frozen=True, slots=True)
class CampaignStore:
    """Reads campaigns, and makes the writes that keep them."""

    database: Database

    async def get(self, campaign_id: str) -> Campaign | None:
        found = await self._rows(select(table).where(table.c.campaign_id == campaign_id))
        return _campaign_from(found[0]) if found else None

    async def item(self, campaign_item_id: str) -> tuple[Campaign, CampaignItem] | None:
        # One statement, so that both are of the same moment.
        query = (
            select(table, items)
            .join_from(items, table, table.c.campaign_id == items.c.campaign_id)
            .where(items.c.campaign_item_id == campaign_item_id)
        )
        found = await self._rows(query)
        return (_campaign_from(found[0]), _item_from(found[0])) if found else None

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
        found = [_campaign_from(row) for row in await self._rows(query)]
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
                query = query.where(items.c.verdict == _OPEN)
        else:
            order = reviewers.c.campaign_item_id
            query = query.join(reviewers, order == items.c.campaign_item_id).where(
                reviewers.c.user_id == reviewer_user_id, reviewers.c.campaign_id == campaign_id
            )
            if open_only:
                query = query.where(reviewers.c.open.is_(True))
        if after is not None:
            query = query.where(order > after[0])
        found = [_item_from(row) for row in await self._rows(query.order_by(order))]
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
            .where(items.c.campaign_id == campaign_id, items.c.verdict == _OPEN, item_id > after)
            .order_by(item_id)
            .limit(most)
        )
        return [row[item_id] for row in await self._rows(query)]

    async def waiting(self, after: str, most: int) -> list[str]:
        item_id = items.c.campaign_item_id
        query = (
            select(item_id)
            .where(items.c.verdict == _OPEN, item_id > after)
            .order_by(item_id)
            .limit(most)
        )
        return [row[item_id] for row in await self._rows(query)]

    def added(self, campaign: Campaign, items_: Sequence[CampaignItem]) -> Sequence[Write]:
        values = {
            "campaign_id": campaign.campaign_id,
            "display_name": campaign.display_name,
            "app_id": campaign.app_id,
            "entitlement_id": campaign.entitlement_id,
            "reviewed_by": campaign.reviewed_by.value,
            "due_time": campaign.due_time,
            "due_action": campaign.due_action.value,
            "starter": actor_json(campaign.starter),
            "starter_user_id": campaign.starter_user_id,
            "create_time": campaign.create_time,
            "item_count": campaign.item_count,
            "certified_count": campaign.certified_count,
            "revoked_count": campaign.revoked_count,
            **_moving(campaign),
        }
        rows = [
            {
                "campaign_item_id": each.campaign_item_id,
                "campaign_id": each.campaign_id,
                "entitlement_id": each.entitlement_id,
                "entitlement_display_name": each.entitlement_display_name,
                "subject": documents.person_document(each.subject),
                "lease_id": each.lease_id,
                "ways": list(each.ways),
                **_moving_item(each),
            }
            for each in items_
        ]
        asked = {user.user_id for each in items_ for user in each.reviewers}
        concerned = [
            {"user_id": each, "campaign_id": campaign.campaign_id, "reviews": each in asked}
            for each in sorted(asked | {campaign.starter_user_id})
        ]
        return (
            Guarded(insert(table), parameters=(values,)),
            Guarded(insert(people), parameters=concerned),
            Guarded(insert(items), parameters=rows),
            Guarded(insert(reviewers), parameters=list(_asked_rows(items_))),
        )

    def changed(self, campaign: Campaign, *, seen: int) -> Write:
        # What is said of items counts by itself, and moves the version.
        statement = (
            update(table)
            .where(table.c.campaign_id == campaign.campaign_id, table.c.version == seen)
            .values(_moving(campaign))
        )
        return Guarded(statement, expects=1)

    def kept(self, campaign: Campaign, time: datetime) -> Write:
        statement = (
            update(items)
            .where(items.c.campaign_id == campaign.campaign_id, items.c.verdict == _OPEN)
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
            Guarded(insert(reviewers), parameters=list(_asked_rows([item]))),
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


def _asked_rows(some: Iterable[CampaignItem]) -> Iterable[dict[str, Any]]:
    for each in some:
        for user in each.reviewers:
            yield {
                "user_id": user.user_id,
                "campaign_id": each.campaign_id,
                "campaign_item_id": each.campaign_item_id,
                "open": each.verdict is None,
            }


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
        .values(_moving_item(item))
    )
    return Guarded(statement, expects=1)


def _campaign_from(row: RowMapping) -> Campaign:
    return Campaign(
        campaign_id=row[table.c.campaign_id],
        version=row[table.c.version],
        display_name=row[table.c.display_name],
        app_id=row[table.c.app_id],
        entitlement_id=row[table.c.entitlement_id],
        reviewed_by=ReviewedBy(row[table.c.reviewed_by]),
        due_time=row[table.c.due_time],
        due_action=DueAction(row[table.c.due_action]),
        starter=actor_from_json(row[table.c.starter]),
        starter_user_id=row[table.c.starter_user_id],
        create_time=row[table.c.create_time],
        state=CampaignState(row[table.c.state]),
        item_count=row[table.c.item_count],
        certified_count=row[table.c.certified_count],
        revoked_count=row[table.c.revoked_count],
        close_time=row[table.c.close_time],
        look_time=row[table.c.look_time],
    )


def _item_from(row: RowMapping) -> CampaignItem:
    verdict, reviewer = row[items.c.verdict], row[items.c.reviewer]
    return CampaignItem(
        campaign_item_id=row[items.c.campaign_item_id],
        version=row[items.c.version],
        campaign_id=row[items.c.campaign_id],
        entitlement_id=row[items.c.entitlement_id],
        entitlement_display_name=row[items.c.entitlement_display_name],
        subject=documents.person_from(row[items.c.subject]),
        lease_id=row[items.c.lease_id],
        ways=tuple(row[items.c.ways]),
        reviewers=tuple(map(documents.person_from, row[items.c.reviewers])),
        verdict=Verdict(verdict) if verdict else None,
        reviewer=None if reviewer is None else actor_from_json(reviewer),
        reason=row[items.c.reason],
        review_time=row[items.c.review_time],
        instructions=row[items.c.instructions],
    )


def _moving(campaign: Campaign) -> dict[str, Any]:
    """What can change of it by itself."""
    return {
        "version": campaign.version,
        "state": campaign.state.value,
        "close_time": campaign.close_time,
        "look_time": campaign.look_time,
    }


def _moving_item(item: CampaignItem) -> dict[str, Any]:
    """What can change."""
    return {
        "version": item.version,
        "reviewers": [documents.person_document(each) for each in item.reviewers],
        "verdict": _OPEN if item.verdict is None else item.verdict.value,
        "reviewer": None if item.reviewer is None else actor_json(item.reviewer),
        "reason": item.reason,
        "review_time": item.review_time,
        "instructions": item.instructions,
    }
