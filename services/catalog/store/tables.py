"""The tables of the mirror, and the metadata that all tables of the catalog are of.

What an app offers is in `entitlement_tables`, to whom in `rule_tables`, what is made use of in
`use_tables`, and what waits for the end of a sync in `staged_tables`.

`search_name` is a name as `text.search_name` folds it: both databases then find and sort it alike.
Rows of the mirror carry the connection that last saw them and the `round` it saw them in, and
refer to each other by derived ids without foreign keys, so that pages may come in any order. A
`doomed` row is gone in the directory, and served until a completed sync removes it. There is no
index on `round`, and PostgreSQL leaves room for it: a sync that reads everything writes it into
every row.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from libs.db.ledger import Ledger
from libs.db.types import Seconds, UtcTime

metadata = MetaData()
ledger = Ledger(metadata)

# How far the newest sync of each connection is.
syncs = Table(
    "syncs",
    metadata,
    Column("connection_id", Text, primary_key=True),
    Column("sync_id", Text, nullable=False, unique=True),
    Column("entra_tenant_id", Text, nullable=False),
    Column("last_page_number", BigInteger, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("completed", Boolean, nullable=False),
    Column("seen_count", BigInteger, nullable=False),
    Column("removed_count", BigInteger, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("run", BigInteger, nullable=False),
    Column("groups_only", Boolean, nullable=False),
    Column("begin_time", UtcTime),
    # When the last sync of the connection that was complete had begun, and when it was complete.
    Column("as_of_time", UtcTime),
    Column("complete_time", UtcTime),
    Column("version", BigInteger, nullable=False),
)


def _doomed_index(table: Table) -> None:
    # Hardly a row is doomed: a completion without any finds that out at once.
    Index(
        f"{table.name}_doomed",
        table.c.connection_id,
        postgresql_where=table.c.doomed,
        # In the words that SQLAlchemy asks in: SQLite compares them literally.
        sqlite_where=text("doomed = 1"),
    )


directory_users = Table(
    "directory_users",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("doomed", Boolean, nullable=False),
    Column("entra_tenant_id", Text, nullable=False),
    Column("entra_object_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("search_name", Text, nullable=False),
    Column("user_principal_name", Text, nullable=False),
    Column("mail", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("job_title", Text, nullable=False),
    Column("manager_user_id", Text, nullable=False),
    Column("account_enabled", Boolean, nullable=False),
    Column("sync_time", UtcTime, nullable=False),
)
Index("directory_users_by_name", directory_users.c.search_name, directory_users.c.user_id)
Index(
    "directory_users_by_department",
    directory_users.c.department,
    directory_users.c.search_name,
    directory_users.c.user_id,
)
Index(
    "directory_users_by_manager",
    directory_users.c.manager_user_id,
    directory_users.c.search_name,
    directory_users.c.user_id,
)
Index(
    "directory_users_by_enabled",
    directory_users.c.account_enabled,
    directory_users.c.search_name,
    directory_users.c.user_id,
)
# For how many everyone is.
Index(
    "directory_users_by_tenant",
    directory_users.c.entra_tenant_id,
    directory_users.c.account_enabled,
)
_doomed_index(directory_users)

directory_groups = Table(
    "directory_groups",
    metadata,
    Column("group_id", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("doomed", Boolean, nullable=False),
    Column("directory_entitlement_id", Text, nullable=False, unique=True),
    Column("entra_tenant_id", Text, nullable=False),
    Column("entra_object_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("search_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("unwritable_reason", Text, nullable=False),
)
Index("directory_groups_by_name", directory_groups.c.search_name, directory_groups.c.group_id)
_doomed_index(directory_groups)

directory_memberships = Table(
    "directory_memberships",
    metadata,
    Column("group_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("doomed", Boolean, nullable=False),
    Column("directory_entitlement_id", Text, nullable=False),
    # When a sync first saw it; none when it was there before anybody noted that.
    Column("since_time", UtcTime),
    postgresql_with={"fillfactor": 50},
)
Index(
    "directory_memberships_by_user",
    directory_memberships.c.user_id,
    directory_memberships.c.directory_entitlement_id,
)
Index(
    "directory_memberships_by_entitlement",
    directory_memberships.c.directory_entitlement_id,
    directory_memberships.c.user_id,
)
_doomed_index(directory_memberships)

directory_assignments = Table(
    "directory_assignments",
    metadata,
    Column("app_id", Text, primary_key=True),
    Column("principal_id", Text, primary_key=True),
    Column("entra_app_role_id", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("doomed", Boolean, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("directory_entitlement_id", Text, nullable=False),
    Column("since_time", UtcTime),
    postgresql_with={"fillfactor": 50},
)
Index(
    "directory_assignments_by_principal",
    directory_assignments.c.principal_id,
    directory_assignments.c.directory_entitlement_id,
)
Index(
    "directory_assignments_by_entitlement",
    directory_assignments.c.directory_entitlement_id,
    directory_assignments.c.principal_id,
)
_doomed_index(directory_assignments)

# What was held once: a row of one of the two tables above, after it went.
past_grants = Table(
    "past_grants",
    metadata,
    Column("directory_entitlement_id", Text, primary_key=True),
    Column("principal_id", Text, primary_key=True),
    Column("end_time", UtcTime, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("since_time", UtcTime),
    # The group, of a membership; the app and its role, of an assignment. Empty for what went before
    # anybody noted that, as are the names of principal, and of group or app, when it went.
    Column("group_id", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("entra_app_role_id", Text, nullable=False),
    Column("principal_display_name", Text, nullable=False),
    Column("directory_display_name", Text, nullable=False),
)
Index("past_grants_by_group", past_grants.c.group_id, past_grants.c.principal_id)
Index("past_grants_by_principal", past_grants.c.principal_id, past_grants.c.end_time)

# The owners of apps in Entra, those of an app replaced together.
directory_app_owners = Table(
    "directory_app_owners",
    metadata,
    Column("app_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True, index=True),
)

# What syncs write of an app, and beside it what managing it wrote: `create_time`, `manage_time`,
# and what is said of it here.
apps = Table(
    "apps",
    metadata,
    Column("app_id", Text, primary_key=True),
    Column("connection_id", Text, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("doomed", Boolean, nullable=False),
    Column("entra_tenant_id", Text, nullable=False),
    Column("entra_service_principal_id", Text, nullable=False),
    Column("entra_app_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("search_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("account_enabled", Boolean, nullable=False),
    Column("is_protected", Boolean, nullable=False),
    Column("app_roles", JSON, nullable=False),
    # Of everything above that a sync can change: another digest is another version.
    Column("digest", String(64), nullable=False),
    # Of its assignments, as they were when they were last read to their end; empty when they
    # may be others now.
    Column("assignments_digest", Text, nullable=False),
    # Whether `directory_app_owners` tells of it.
    Column("owners_known", Boolean, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("manage_time", UtcTime),
    # When it was unmanaged last; none if it never was.
    Column("unmanage_time", UtcTime),
    Column("removed", Boolean, nullable=False),
    Column("own_description", Text, nullable=False),
    Column("instructions", Text, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("max_duration", Seconds),
    Column("unmanaged_access_action", Text, nullable=False, server_default=text("'UNSPECIFIED'")),
    Column("unmanaged_access_action_time", UtcTime),
    Column("version", BigInteger, nullable=False),
)
Index("apps_by_name", apps.c.search_name, apps.c.app_id)
Index("apps_by_connection", apps.c.connection_id, apps.c.search_name, apps.c.app_id)
Index("apps_by_object", apps.c.connection_id, apps.c.entra_service_principal_id)
Index("apps_by_policy", apps.c.policy_id, apps.c.app_id)
_doomed_index(apps)
