"""Leases that are over are known until a sync can have seen that; the past has names."""

import sqlalchemy as sa
from alembic import op

from libs.db.types import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("begin_time", "as_of_time"):
        op.add_column("syncs", sa.Column(name, UtcTime()))
    op.create_table(
        "former_leases",
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("settle_time", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("lease_id"),
    )
    op.create_index("former_leases_by_user", "former_leases", ["user_id", "entitlement_id"])
    for name in (
        "group_id",
        "app_id",
        "entra_app_role_id",
        "principal_display_name",
        "directory_display_name",
    ):
        op.add_column("past_grants", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_index("past_grants_by_group", "past_grants", ["group_id", "principal_id"])
