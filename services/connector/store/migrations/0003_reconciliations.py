"""Access removed by hand and taken over."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there already has not been taken over, and was not found removed."""
    with op.batch_alter_table("connections") as table:
        table.add_column(
            sa.Column("removed_access_action", sa.Text(), nullable=False, server_default="END")
        )
    with op.batch_alter_table("deliveries") as table:
        table.add_column(_flag("takes_over"))
        table.add_column(_time("removed_outside_time"))
    with op.batch_alter_table("assignments") as table:
        table.add_column(_flag("taken_over"))
        table.add_column(_time("removed_outside_time"))
    op.create_index(
        "assignments_by_state", "assignments", ["connection_id", "state", "assignment_id"]
    )
    op.create_table(
        "reconciliations",
        sa.Column("reconciliation_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("sync_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open_key", sa.Text(), nullable=True),
        sa.Column("expected_count", sa.BigInteger(), nullable=False),
        sa.Column("missing_count", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("shown_ids", sa.JSON(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finish_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.connection_id"]),
        sa.PrimaryKeyConstraint("reconciliation_id"),
        sa.UniqueConstraint("open_key"),
    )
    for by in ("connection_id", "state"):
        op.create_index(f"reconciliations_by_{by}", "reconciliations", [by, "reconciliation_id"])
    op.create_table(
        "missing_assignments",
        sa.Column("reconciliation_id", sa.Text(), nullable=False),
        sa.Column("assignment_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["reconciliation_id"], ["reconciliations.reconciliation_id"]),
        sa.PrimaryKeyConstraint("reconciliation_id", "assignment_id"),
    )


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _time(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)
