"""Access reviews: campaigns, their items, and who is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("reviewed_by", sa.Text(), nullable=False),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_action", sa.Text(), nullable=False),
        sa.Column("starter", sa.Text(), nullable=False),
        sa.Column("starter_user_id", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("item_count", sa.BigInteger(), nullable=False),
        sa.Column("certified_count", sa.BigInteger(), nullable=False),
        sa.Column("revoked_count", sa.BigInteger(), nullable=False),
        sa.Column("close_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("look_time", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
    op.create_index("campaigns_state", "campaigns", ["state", "campaign_id"])
    op.create_index("campaigns_look_time", "campaigns", ["look_time", "campaign_id"])
    op.create_table(
        "campaign_people",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("reviews", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "campaign_id"),
    )
    op.create_table(
        "campaign_items",
        sa.Column("campaign_item_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("entitlement_display_name", sa.Text(), nullable=False),
        sa.Column("subject", sa.JSON(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("ways", sa.JSON(), nullable=False),
        sa.Column("reviewers", sa.JSON(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("review_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_item_id"),
    )
    op.create_index(
        "campaign_items_campaign_id", "campaign_items", ["campaign_id", "campaign_item_id"]
    )
    op.create_index("campaign_items_open", "campaign_items", ["verdict", "campaign_item_id"])
    op.create_index(
        "campaign_items_verdict", "campaign_items", ["campaign_id", "verdict", "campaign_item_id"]
    )
    op.create_table(
        "campaign_reviewers",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("campaign_item_id", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "campaign_id", "campaign_item_id"),
    )
    op.create_index("campaign_reviewers_item", "campaign_reviewers", ["campaign_item_id"])
    op.create_index(
        "campaign_reviewers_open",
        "campaign_reviewers",
        ["user_id", "campaign_id", "open", "campaign_item_id"],
    )


def downgrade() -> None:
    for name in ("campaign_reviewers", "campaign_items", "campaign_people", "campaigns"):
        op.drop_table(name)
