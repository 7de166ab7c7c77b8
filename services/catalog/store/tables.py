"""The tables of the catalog.

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
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
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

# Owners given here. `owner_id` is a `usr_…` or an `ent_…`, whoever holds which; `of_id` an app or
# an entitlement.
owners = Table(
    "owners",
    metadata,
    Column("of_id", Text, primary_key=True),
    Column("owner_id", Text, primary_key=True, index=True),
    Column("position", BigInteger, nullable=False),
)

resource_types = Table(
    "resource_types",
    metadata,
    Column("resource_type_id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("apps.app_id"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    UniqueConstraint("app_id", "kind"),
)

resources = Table(
    "resources",
    metadata,
    Column("resource_id", Text, primary_key=True),
    Column("resource_type_id", Text, ForeignKey("resource_types.resource_type_id"), nullable=False),
    Column("display_name", Text, nullable=False),
    # Casefolded: no two virtual roles of an app differ only in case, and there is one Credential.
    # Of an app role its id: an app may declare two of one name.
    Column("name_key", Text, nullable=False),
    UniqueConstraint("resource_type_id", "name_key"),
)

entitlements = Table(
    "entitlements",
    metadata,
    Column("entitlement_id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("apps.app_id"), nullable=False),
    Column("resource_id", Text, ForeignKey("resources.resource_id"), nullable=False, index=True),
    # As its resource has them. They never change, and with two joins more PostgreSQL would plan
    # a search of the app catalog for longer than it runs it.
    Column(
        "resource_type_id",
        Text,
        ForeignKey("resource_types.resource_type_id"),
        nullable=False,
        index=True,
    ),
    Column("resource_kind", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("search_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    # A list of targets without their connection: that is the app's.
    Column("fulfilment", JSON, nullable=False),
    # The role of the app that it stands for, empty for virtual roles; and whether that is gone.
    Column("entra_app_role_id", Text, nullable=False),
    Column("role_gone", Boolean, nullable=False),
    # What it says for itself, where it says anything: its override.
    Column("policy_id", Text, nullable=False),
    Column("max_duration", Seconds),
    # None where it says nothing; a length of 0 where it says that there are no emergencies.
    Column("emergency_max_duration", Seconds),
    Column("emergency_policy_id", Text, nullable=False),
    Column("not_requestable", Boolean, nullable=False),
    Column("locked", Boolean, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
)

# With the name, so that a search of the app catalog reads no more than the index.
Index("entitlements_by_app", entitlements.c.app_id, entitlements.c.search_name)
for _by in ("policy", "emergency_policy"):
    Index(
        f"entitlements_by_{_by}",
        entitlements.c[f"{_by}_id"],
        entitlements.c.app_id,
        entitlements.c.entitlement_id,
    )

# The fulfilments, by what is fulfilled with: who holds these directory entitlements holds the
# entitlement.
entitlement_targets = Table(
    "entitlement_targets",
    metadata,
    Column("entitlement_id", Text, ForeignKey("entitlements.entitlement_id"), primary_key=True),
    Column("directory_entitlement_id", Text, primary_key=True, index=True),
    Column("app_id", Text, nullable=False, index=True),
)

# The choices that were made; a linked group without a row is pending. The group is kept so that a
# choice stays visible when the group is gone: its names as they were last, if something is bound.
links = Table(
    "links",
    metadata,
    Column("app_id", Text, ForeignKey("apps.app_id"), primary_key=True),
    Column("directory_entitlement_id", Text, primary_key=True),
    Column("group_id", Text, nullable=False),
    Column("group_display_name", Text, nullable=False),
    Column("search_name", Text, nullable=False),
    Column("entra_group_id", Text, nullable=False),
    # All roles in which it was assigned then, by the text of their ids.
    Column("entra_app_role_ids", JSON, nullable=False),
    Column("choice", Text, nullable=False),
    Column("entitlement_id", Text, nullable=False),
)

bindings = Table(
    "bindings",
    metadata,
    Column("binding_id", Text, primary_key=True),
    Column("app_id", Text, ForeignKey("apps.app_id"), nullable=False),
    Column(
        "entitlement_id",
        Text,
        ForeignKey("entitlements.entitlement_id"),
        nullable=False,
        index=True,
    ),
    Column("directory_entitlement_id", Text, nullable=False),
    Column("directory_display_name", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    UniqueConstraint("app_id", "directory_entitlement_id"),
)

access_profiles = Table(
    "access_profiles",
    metadata,
    Column("access_profile_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("expression", Text, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
)

access_profile_groups = Table(
    "access_profile_groups",
    metadata,
    Column(
        "access_profile_id",
        Text,
        ForeignKey("access_profiles.access_profile_id"),
        primary_key=True,
    ),
    Column("group_id", Text, primary_key=True, index=True),
)

access_profile_members = Table(
    "access_profile_members",
    metadata,
    Column(
        "access_profile_id",
        Text,
        ForeignKey("access_profiles.access_profile_id"),
        primary_key=True,
    ),
    Column("user_id", Text, primary_key=True, index=True),
)

entitlement_rules = Table(
    "entitlement_rules",
    metadata,
    Column("app_id", Text, ForeignKey("apps.app_id"), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("max_duration", Seconds),
    # None: no emergencies.
    Column("emergency_max_duration", Seconds),
    Column("emergency_policy_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

for _by in ("policy", "emergency_policy"):
    Index(
        f"entitlement_rules_by_{_by}",
        entitlement_rules.c[f"{_by}_id"],
        entitlement_rules.c.app_id,
    )

rule_resource_types = Table(
    "rule_resource_types",
    metadata,
    Column("app_id", Text, ForeignKey("entitlement_rules.app_id"), primary_key=True),
    Column(
        "resource_type_id",
        Text,
        ForeignKey("resource_types.resource_type_id"),
        primary_key=True,
    ),
    Column("position", BigInteger, nullable=False),
)

rule_access_profiles = Table(
    "rule_access_profiles",
    metadata,
    Column("app_id", Text, ForeignKey("entitlement_rules.app_id"), primary_key=True),
    Column(
        "access_profile_id",
        Text,
        ForeignKey("access_profiles.access_profile_id"),
        primary_key=True,
        index=True,
    ),
    Column("position", BigInteger, nullable=False),
)

# What the requests service says of access requests and their leases, until both are over. It is
# read from its events in their order; `feed_positions` is how far.
uses = Table(
    "uses",
    metadata,
    Column("access_request_id", Text, primary_key=True),
    Column("entitlement_id", Text, nullable=False, index=True),
    Column("app_id", Text, nullable=False, index=True),
    Column("user_id", Text, nullable=False, index=True),
    # OPEN before there is a lease; then GRANTED, ACTIVE, FAILED or ENDING, as the lease.
    Column("state", Text, nullable=False),
    Column("lease_id", Text, nullable=False, index=True),
    Column("end_time", UtcTime),
)

# Leases that are over, until a sync that has begun after `settle_time` is complete: what they
# brought may be in the mirror until then.
former_leases = Table(
    "former_leases",
    metadata,
    Column("lease_id", Text, primary_key=True),
    Column("entitlement_id", Text, nullable=False),
    Column("app_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("settle_time", UtcTime, nullable=False),
)
Index("former_leases_by_user", former_leases.c.user_id, former_leases.c.entitlement_id)

feed_positions = Table(
    "feed_positions",
    metadata,
    Column("service", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    # The event there: another one at its place is another feed, put back from a backup.
    Column("event_id", Text, nullable=False),
)

# Access from outside Latchkey that was told of: who holds a part of an entitlement without a lease.
unmanaged_access = Table(
    "unmanaged_access",
    metadata,
    Column("entitlement_id", Text, primary_key=True),
    Column("directory_entitlement_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True, index=True),
    Column("app_id", Text, nullable=False, index=True),
    Column("first_seen_time", UtcTime, nullable=False),
)
