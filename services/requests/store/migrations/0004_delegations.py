"""Who decides in another's place, and for how long."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delegations",
        sa.Column("delegation_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("delegator_user_id", sa.Text(), nullable=False),
        sa.Column("delegator", sa.JSON(), nullable=False),
        sa.Column("delegate_user_id", sa.Text(), nullable=False),
        sa.Column("delegate", sa.JSON(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("delegation_id"),
    )
    op.create_index("delegations_end_time", "delegations", ["end_time", "delegation_id"])
    for who in ("delegator_user_id", "delegate_user_id"):
        op.create_index(f"delegations_{who}", "delegations", [who, "end_time", "delegation_id"])


def downgrade() -> None:
    op.drop_table("delegations")
