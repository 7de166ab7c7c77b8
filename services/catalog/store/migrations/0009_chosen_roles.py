"""All roles in which a group was assigned to an app when it was chosen for; two indexes."""

from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "links", sa.Column("entra_app_role_ids", sa.JSON(), nullable=False, server_default="[]")
    )
    _fill()
    with op.batch_alter_table("links") as links:
        links.alter_column("entra_app_role_ids", server_default=None)
        links.drop_column("entra_app_role_id")
    op.create_index("entitlements_by_app", "entitlements", ["app_id", "search_name"])
    op.drop_index("ix_entitlements_app_id", "entitlements")
    op.create_index(
        "directory_users_by_tenant", "directory_users", ["entra_tenant_id", "account_enabled"]
    )


def _fill() -> None:
    """Of the roles of then only the first was kept.

    A group that still has it has what it had, as far as anybody can tell.
    """
    links = sa.table(
        "links",
        *map(sa.column, ("app_id", "group_id", "entra_app_role_id")),
        sa.column("entra_app_role_ids", sa.JSON()),
    )
    assigned = sa.table(
        "directory_assignments", *map(sa.column, ("app_id", "principal_id", "entra_app_role_id"))
    )
    query = sa.select(
        links.c.app_id,
        links.c.group_id,
        links.c.entra_app_role_id.label("first"),
        assigned.c.entra_app_role_id.label("role"),
    ).outerjoin(
        assigned,
        (assigned.c.app_id == links.c.app_id) & (assigned.c.principal_id == links.c.group_id),
    )
    connection = op.get_bind()
    firsts: dict[tuple[str, str], str] = {}
    roles: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in connection.execute(query):
        firsts[row.app_id, row.group_id] = row.first
        roles[row.app_id, row.group_id].add(row.role)
    for (app_id, group_id), first in firsts.items():
        now = roles[app_id, group_id]
        connection.execute(
            links.update()
            .where(links.c.app_id == app_id, links.c.group_id == group_id)
            .values(entra_app_role_ids=sorted(now) if first in now else [first])
        )
