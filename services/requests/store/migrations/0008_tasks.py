"""Tasks to be done by hand, and when access was taken out of Entra by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "leases", sa.Column("removed_outside_time", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "tasks",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_key", sa.Text(), nullable=True),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("access_request_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("app_display_name", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("entitlement_display_name", sa.Text(), nullable=False),
        sa.Column("requester_user_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.JSON(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("assignees", sa.JSON(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finish_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
        sa.UniqueConstraint("open_key"),
    )
    op.create_index("tasks_lease_id", "tasks", ["lease_id", "task_id"])
    op.create_index("tasks_state", "tasks", ["state", "task_id"])
    op.create_index("tasks_app_id", "tasks", ["app_id", "state", "task_id"])
    op.create_table(
        "task_assignees",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "task_id"),
    )
    op.create_index("task_assignees_task_id", "task_assignees", ["task_id"])
    op.create_index("task_assignees_state", "task_assignees", ["user_id", "state", "task_id"])
    op.create_index(
        "task_assignees_app_id", "task_assignees", ["user_id", "app_id", "state", "task_id"]
    )


def downgrade() -> None:
    for name in ("task_assignees", "tasks"):
        op.drop_table(name)
    with op.batch_alter_table("leases") as batch:
        batch.drop_column("removed_outside_time")
