"""What syncs have read and is not served yet: it waits in these tables for the end of one.

Each has the columns of its table of the mirror that a sync writes.
"""

from sqlalchemy import Column, Index, Table, Text

from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    metadata,
)


def _staged(table: Table, *left_out: str) -> Table:
    return Table(
        f"staged_{table.name.removeprefix('directory_')}",
        metadata,
        *(
            Column(column.name, column.type, primary_key=column.primary_key, nullable=False)
            for column in table.columns
            if column.name not in ("doomed", *left_out)
        ),
    )


staged_users = _staged(directory_users)
staged_groups = _staged(directory_groups)
staged_memberships = _staged(directory_memberships)
staged_assignments = _staged(directory_assignments)
staged_apps = _staged(
    apps,
    "manage_time",
    "unmanage_time",
    "removed",
    "own_description",
    "instructions",
    "policy_id",
    "max_duration",
    "unmanaged_access_action",
    "unmanaged_access_action_time",
    "version",
)
# A person or group that goes takes what waits of them along.
Index("staged_memberships_by_user", staged_memberships.c.user_id)
Index("staged_assignments_by_principal", staged_assignments.c.principal_id)

# An app without owners has a row of nobody.
staged_app_owners = Table(
    "staged_app_owners",
    metadata,
    Column("app_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
)
