"""Takeovers of access from outside, and leases that take over what was in Entra before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("access_requests", "leases"):
        op.add_column(
            name,
            sa.Column("takes_over", sa.Boolean(), server_default=sa.false(), nullable=False),
        )
    op.create_table(
        "takeovers",
        sa.Column("takeover_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("open_key", sa.Text(), nullable=True),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_count", sa.BigInteger(), nullable=False),
        sa.Column("holder_count", sa.BigInteger(), nullable=False),
        sa.Column("taken_count", sa.BigInteger(), nullable=False),
        sa.Column("skipped_count", sa.BigInteger(), nullable=False),
        sa.Column("look_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finish_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("takeover_id"),
        sa.UniqueConstraint("open_key"),
    )
    op.create_index("takeovers_state", "takeovers", ["state", "takeover_id"])
    op.create_table(
        "takeover_holders",
        sa.Column("takeover_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.JSON(), nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("access_request_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("takeover_id", "user_id"),
    )
    op.create_index("takeover_holders_fate", "takeover_holders", ["takeover_id", "fate", "user_id"])
    op.create_index("takeover_holders_past", "takeover_holders", ["entitlement_id", "user_id"])


def downgrade() -> None:
    for name in ("takeover_holders", "takeovers"):
        op.drop_table(name)
    for name in ("leases", "access_requests"):
        with op.batch_alter_table(name) as batch:
            batch.drop_column("takes_over")
