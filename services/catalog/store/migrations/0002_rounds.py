"""Rows of the mirror carry the round they were seen in, and whether they are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MIRROR = (
    "directory_users",
    "directory_groups",
    "directory_memberships",
    "directory_assignments",
    "apps",
)
_ROOMY = ("directory_memberships", "directory_assignments")


def upgrade() -> None:
    for table in _MIRROR:
        op.drop_index(f"{table}_by_sync", table)
        op.drop_column(table, "sync_id")
        # Seen in no round: the first one that is read to its end finds out what is still there.
        op.add_column(
            table, sa.Column("round", sa.BigInteger(), nullable=False, server_default="0")
        )
        op.add_column(
            table, sa.Column("doomed", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        op.create_index(
            f"{table}_doomed",
            table,
            ["connection_id"],
            postgresql_where=sa.text("doomed"),
            sqlite_where=sa.text("doomed = 1"),
        )
    op.add_column(
        "apps", sa.Column("assignments_digest", sa.Text(), nullable=False, server_default="")
    )
    op.create_index("apps_by_object", "apps", ["connection_id", "entra_service_principal_id"])
    op.add_column("syncs", sa.Column("round", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("syncs", sa.Column("run", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(
        "syncs", sa.Column("groups_only", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    if op.get_bind().dialect.name == "postgresql":
        # So that a new round of a row finds room beside the old one, and no index is touched.
        for table in _ROOMY:
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")
    # They were made for a way of syncing that is no more: the next sync reads everything.
    op.execute("UPDATE syncs SET checkpoint = ''")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _ROOMY:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
    for column in ("groups_only", "run", "round"):
        op.drop_column("syncs", column)
    op.drop_index("apps_by_object", "apps")
    op.drop_column("apps", "assignments_digest")
    for table in _MIRROR:
        op.drop_index(f"{table}_doomed", table)
        op.drop_column(table, "doomed")
        op.drop_column(table, "round")
        op.add_column(table, sa.Column("sync_id", sa.Text(), nullable=False, server_default=""))
        op.create_index(f"{table}_by_sync", table, ["connection_id", "sync_id"])
