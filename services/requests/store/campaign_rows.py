"""Access reviews as rows, and back."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import RowMapping

from libs.db.audit import actor_from_json, actor_json
from services.requests.domain.campaign import (
    Campaign,
    CampaignItem,
    CampaignState,
    DueAction,
    ReviewedBy,
    Verdict,
)
from services.requests.store import documents
from services.requests.store.campaign_tables import campaign_items as items
from services.requests.store.campaign_tables import campaigns as table

OPEN = ""
"""The verdict of an item while nobody has said anything."""


def campaign_from(row: RowMapping) -> Campaign:
    """A campaign."""
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


def item_from(row: RowMapping) -> CampaignItem:
    """An item."""
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


def campaign_values(campaign: Campaign) -> dict[str, Any]:
    """A campaign, for its row."""
    return {
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
        **moving_values(campaign),
    }


def item_values(item: CampaignItem) -> dict[str, Any]:
    """An item, for its row."""
    return {
        "campaign_item_id": item.campaign_item_id,
        "campaign_id": item.campaign_id,
        "entitlement_id": item.entitlement_id,
        "entitlement_display_name": item.entitlement_display_name,
        "subject": documents.person_document(item.subject),
        "lease_id": item.lease_id,
        "ways": list(item.ways),
        **moving_item_values(item),
    }


def reviewer_values(some: Iterable[CampaignItem]) -> Iterable[dict[str, Any]]:
    """The rows of those who are asked about some items."""
    for each in some:
        for user in each.reviewers:
            yield {
                "user_id": user.user_id,
                "campaign_id": each.campaign_id,
                "campaign_item_id": each.campaign_item_id,
                "open": each.verdict is None,
            }


def moving_values(campaign: Campaign) -> dict[str, Any]:
    """What can change of a campaign by itself, for its row."""
    return {
        "version": campaign.version,
        "state": campaign.state.value,
        "close_time": campaign.close_time,
        "look_time": campaign.look_time,
    }


def moving_item_values(item: CampaignItem) -> dict[str, Any]:
    """What can change of an item, for its row."""
    return {
        "version": item.version,
        "reviewers": [documents.person_document(each) for each in item.reviewers],
        "verdict": OPEN if item.verdict is None else item.verdict.value,
        "reviewer": None if item.reviewer is None else actor_json(item.reviewer),
        "reason": item.reason,
        "review_time": item.review_time,
        "instructions": item.instructions,
    }
