"""What a verdict on an item, and the end of a campaign, write."""

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact
from services.requests import ports
from services.requests.domain import facts
from services.requests.domain.campaign import Campaign, CampaignItem


def ruled(
    campaigns: ports.Campaigns,
    campaign: Campaign,
    seen: CampaignItem,
    item: CampaignItem,
    *,
    lease_ended: bool = False,
) -> Change:
    """It was said of an item whether it stays."""
    assert item.verdict is not None and item.reviewer is not None, "something was said"
    body = facts.CampaignItemReviewed(
        item.campaign_item_id,
        item.campaign_id,
        item.entitlement_id,
        item.subject.user_id,
        item.lease_id,
        item.verdict.value,
        item.reviewer,
    )
    audit = AuditEntry(
        item.reviewer,
        f"campaign_item.{item.verdict.lower()}",
        item.campaign_item_id,
        item.reason,
        {**about(item), "lease_ended": lease_ended, "instructions": item.instructions},
    )
    return Change(
        audit,
        tuple(campaigns.ruled(campaign, item, seen=seen)),
        (Fact(item.campaign_item_id, item.version, body),),
    )


def closed(campaign: Campaign, actor: Caller) -> tuple[AuditEntry, Fact]:
    """A campaign is over."""
    body = facts.CampaignClosed(
        campaign.campaign_id,
        campaign.app_id,
        campaign.open_count,
        campaign.due_action.value,
        actor,
    )
    return (
        AuditEntry(actor, "campaign.closed", campaign.campaign_id, "", counts(campaign)),
        Fact(campaign.campaign_id, campaign.version, body),
    )


def about(item: CampaignItem) -> dict[str, str]:
    """What an item is about, for the audit."""
    return {
        "campaign_id": item.campaign_id,
        "entitlement_id": item.entitlement_id,
        "subject_user_id": item.subject.user_id,
        "lease_id": item.lease_id,
    }


def counts(campaign: Campaign) -> dict[str, str | int]:
    """How far a campaign is, for the audit."""
    return {
        "item_count": campaign.item_count,
        "certified_count": campaign.certified_count,
        "revoked_count": campaign.revoked_count,
        "open_count": campaign.open_count,
        "due_action": campaign.due_action.value,
    }
