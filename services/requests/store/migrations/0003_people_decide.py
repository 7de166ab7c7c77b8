"""People decide: the step that an access request is at, who is asked, and what policy was told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("access_requests") as table:
        table.add_column(
            sa.Column("emergency", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        table.add_column(sa.Column("emergency_key", sa.Text(), nullable=True))
        table.add_column(
            sa.Column("policy_id", sa.Text(), server_default=sa.text("''"), nullable=False)
        )
        table.add_column(sa.Column("inputs", sa.JSON(), nullable=True))
        table.add_column(sa.Column("progress", sa.JSON(), nullable=True))
        table.add_column(
            sa.Column("approvals", sa.JSON(), server_default=sa.text("'[]'"), nullable=False)
        )
        table.add_column(sa.Column("waits_for", sa.Text(), nullable=True))
        table.add_column(sa.Column("due_time", sa.DateTime(timezone=True), nullable=True))
        table.add_column(
            sa.Column("review", sa.Text(), server_default=sa.text("'UNSPECIFIED'"), nullable=False)
        )
        table.add_column(
            sa.Column("reviewers", sa.JSON(), server_default=sa.text("'[]'"), nullable=False)
        )
        table.create_unique_constraint("access_requests_emergency_key_key", ["emergency_key"])
    with op.batch_alter_table("leases") as table:
        table.add_column(
            sa.Column("emergency", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.create_index(
        "access_requests_waits_for",
        "access_requests",
        ["access_request_id"],
        postgresql_where=sa.text("waits_for IS NOT NULL"),
        sqlite_where=sa.text("waits_for IS NOT NULL"),
    )
    op.create_index(
        "access_requests_due_time", "access_requests", ["due_time", "access_request_id"]
    )
    op.create_index("access_requests_review", "access_requests", ["review", "access_request_id"])
    op.create_index(
        "access_requests_policy_id",
        "access_requests",
        ["policy_id", "create_time", "access_request_id"],
    )
    op.create_table(
        "access_request_inbox",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("access_request_id", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("delegable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "access_request_id"),
    )
    op.create_index("access_request_inbox_request", "access_request_inbox", ["access_request_id"])
    access_requests = sa.table(
        "access_requests", sa.column("state", sa.Text()), sa.column("waits_for", sa.Text())
    )
    op.execute(
        sa.update(access_requests)
        .where(access_requests.c.state == "EVALUATING")
        .values(waits_for="POLICY")
    )


def downgrade() -> None:
    op.drop_index("access_request_inbox_request", "access_request_inbox")
    op.drop_table("access_request_inbox")
    for name in ("policy_id", "review", "due_time", "waits_for"):
        op.drop_index(f"access_requests_{name}", "access_requests")
    with op.batch_alter_table("leases") as table:
        table.drop_column("emergency")
    with op.batch_alter_table("access_requests") as table:
        table.drop_constraint("access_requests_emergency_key_key", type_="unique")
        for name in (
            "reviewers",
            "review",
            "due_time",
            "waits_for",
            "approvals",
            "progress",
            "inputs",
            "policy_id",
            "emergency_key",
            "emergency",
        ):
            table.drop_column(name)
