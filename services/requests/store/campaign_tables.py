"""The tables of access reviews."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Table, Text

from libs.db.types import UtcTime
from services.requests.store.tables import metadata

campaigns = Table(
    "campaigns",
    metadata,
    Column("campaign_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("entitlement_id", Text, nullable=False),
    Column("reviewed_by", Text, nullable=False),
    Column("due_time", UtcTime, nullable=False),
    Column("due_action", Text, nullable=False),
    Column("starter", Text, nullable=False),
    Column("starter_user_id", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("item_count", BigInteger, nullable=False),
    Column("certified_count", BigInteger, nullable=False),
    Column("revoked_count", BigInteger, nullable=False),
    Column("close_time", UtcTime),
    Column("look_time", UtcTime),
)
Index("campaigns_state", campaigns.c.state, campaigns.c.campaign_id)
Index("campaigns_look_time", campaigns.c.look_time, campaigns.c.campaign_id)

# Whom a campaign concerns: who started it, and all who were asked about any of its items.
campaign_people = Table(
    "campaign_people",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("campaign_id", Text, primary_key=True),
    Column("reviews", Boolean, nullable=False),
)

campaign_items = Table(
    "campaign_items",
    metadata,
    Column("campaign_item_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("campaign_id", Text, nullable=False),
    Column("entitlement_id", Text, nullable=False),
    Column("entitlement_display_name", Text, nullable=False),
    Column("subject", JSON, nullable=False),
    Column("lease_id", Text, nullable=False),
    Column("ways", JSON, nullable=False),
    Column("reviewers", JSON, nullable=False),
    # Empty while nobody has said anything.
    Column("verdict", Text, nullable=False),
    Column("reviewer", Text),
    Column("reason", Text, nullable=False),
    Column("review_time", UtcTime),
    Column("instructions", Text, nullable=False),
)
Index("campaign_items_campaign_id", campaign_items.c.campaign_id, campaign_items.c.campaign_item_id)
Index("campaign_items_open", campaign_items.c.verdict, campaign_items.c.campaign_item_id)
Index(
    "campaign_items_verdict",
    campaign_items.c.campaign_id,
    campaign_items.c.verdict,
    campaign_items.c.campaign_item_id,
)

# Who is asked about which item, and whether nobody has said anything of it.
campaign_reviewers = Table(
    "campaign_reviewers",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("campaign_id", Text, primary_key=True),
    Column("campaign_item_id", Text, primary_key=True),
    Column("open", Boolean, nullable=False),
)
Index("campaign_reviewers_item", campaign_reviewers.c.campaign_item_id)
Index(
    "campaign_reviewers_open",
    campaign_reviewers.c.user_id,
    campaign_reviewers.c.campaign_id,
    campaign_reviewers.c.open,
    campaign_reviewers.c.campaign_item_id,
)
