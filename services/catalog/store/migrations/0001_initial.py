"""The tables as they began, and the access profile that is built in."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    access_profiles = op.create_table(
        "access_profiles",
        sa.Column("access_profile_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("access_profile_id"),
        sa.UniqueConstraint("name_key"),
    )
    op.create_table(
        "apps",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("sync_id", sa.Text(), nullable=False),
        sa.Column("entra_tenant_id", sa.Text(), nullable=False),
        sa.Column("entra_service_principal_id", sa.Text(), nullable=False),
        sa.Column("entra_app_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("account_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_protected", sa.Boolean(), nullable=False),
        sa.Column("app_roles", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("manage_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app_id"),
    )
    op.create_index("apps_by_name", "apps", ["search_name", "app_id"])
    op.create_index("apps_by_sync", "apps", ["connection_id", "sync_id"])
    op.create_table(
        "audit_records",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("ix_audit_records_resource_id", "audit_records", ["resource_id"])
    op.create_table(
        "directory_assignments",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("entra_app_role_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("sync_id", sa.Text(), nullable=False),
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "principal_id", "entra_app_role_id"),
    )
    op.create_index(
        "directory_assignments_by_principal",
        "directory_assignments",
        ["principal_id", "directory_entitlement_id"],
    )
    op.create_index(
        "directory_assignments_by_sync", "directory_assignments", ["connection_id", "sync_id"]
    )
    op.create_table(
        "directory_groups",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("sync_id", sa.Text(), nullable=False),
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.Column("entra_tenant_id", sa.Text(), nullable=False),
        sa.Column("entra_object_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("unwritable_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id"),
        sa.UniqueConstraint("directory_entitlement_id"),
    )
    op.create_index("directory_groups_by_name", "directory_groups", ["search_name", "group_id"])
    op.create_index("directory_groups_by_sync", "directory_groups", ["connection_id", "sync_id"])
    op.create_table(
        "directory_memberships",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("sync_id", sa.Text(), nullable=False),
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "user_id"),
    )
    op.create_index(
        "directory_memberships_by_sync", "directory_memberships", ["connection_id", "sync_id"]
    )
    op.create_index(
        "directory_memberships_by_user",
        "directory_memberships",
        ["user_id", "directory_entitlement_id"],
    )
    op.create_table(
        "directory_users",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("sync_id", sa.Text(), nullable=False),
        sa.Column("entra_tenant_id", sa.Text(), nullable=False),
        sa.Column("entra_object_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("user_principal_name", sa.Text(), nullable=False),
        sa.Column("mail", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("job_title", sa.Text(), nullable=False),
        sa.Column("manager_user_id", sa.Text(), nullable=False),
        sa.Column("account_enabled", sa.Boolean(), nullable=False),
        sa.Column("sync_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_index("directory_users_by_name", "directory_users", ["search_name", "user_id"])
    op.create_index("directory_users_by_sync", "directory_users", ["connection_id", "sync_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "method", "key"),
    )
    op.create_index("ix_idempotency_keys_create_time", "idempotency_keys", ["create_time"])
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("receive_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_index("ix_inbox_receive_time", "inbox", ["receive_time"])
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("audit_sequence", sa.BigInteger(), nullable=False),
        sa.Column("audit_hash", sa.String(length=64), nullable=False),
        sa.Column("outbox_position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("resource_version", sa.BigInteger(), nullable=False),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("stream_created", sa.Text(), nullable=True),
        sa.Column("stream_sequence", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("outbox_unpublished", "outbox", ["published", "position"])
    op.create_table(
        "quarantine",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("quarantine_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_table(
        "syncs",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("sync_id", sa.Text(), nullable=False),
        sa.Column("entra_tenant_id", sa.Text(), nullable=False),
        sa.Column("last_page_number", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("completed", sa.Boolean(), nullable=False),
        sa.Column("seen_count", sa.BigInteger(), nullable=False),
        sa.Column("removed_count", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id"),
        sa.UniqueConstraint("sync_id"),
    )
    op.create_table(
        "access_profile_members",
        sa.Column("access_profile_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_profile_id"],
            ["access_profiles.access_profile_id"],
        ),
        sa.PrimaryKeyConstraint("access_profile_id", "user_id"),
    )
    op.create_index("ix_access_profile_members_user_id", "access_profile_members", ["user_id"])
    op.create_table(
        "entitlement_rules",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("max_duration", sa.Float(precision=53), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["apps.app_id"],
        ),
        sa.PrimaryKeyConstraint("app_id"),
    )
    op.create_table(
        "links",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("group_display_name", sa.Text(), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("entra_group_id", sa.Text(), nullable=False),
        sa.Column("entra_app_role_id", sa.Text(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["apps.app_id"],
        ),
        sa.PrimaryKeyConstraint("app_id", "directory_entitlement_id"),
    )
    op.create_table(
        "resource_types",
        sa.Column("resource_type_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["apps.app_id"],
        ),
        sa.PrimaryKeyConstraint("resource_type_id"),
        sa.UniqueConstraint("app_id", "kind"),
    )
    op.create_table(
        "resources",
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("resource_type_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_type_id"],
            ["resource_types.resource_type_id"],
        ),
        sa.PrimaryKeyConstraint("resource_id"),
        sa.UniqueConstraint("resource_type_id", "name_key"),
    )
    op.create_table(
        "rule_access_profiles",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("access_profile_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_profile_id"],
            ["access_profiles.access_profile_id"],
        ),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["entitlement_rules.app_id"],
        ),
        sa.PrimaryKeyConstraint("app_id", "access_profile_id"),
    )
    op.create_table(
        "rule_resource_types",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("resource_type_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["entitlement_rules.app_id"],
        ),
        sa.ForeignKeyConstraint(
            ["resource_type_id"],
            ["resource_types.resource_type_id"],
        ),
        sa.PrimaryKeyConstraint("app_id", "resource_type_id"),
    )
    op.create_table(
        "entitlements",
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("resource_type_id", sa.Text(), nullable=False),
        sa.Column("resource_kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("search_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("fulfilment", sa.JSON(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["apps.app_id"],
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"],
            ["resources.resource_id"],
        ),
        sa.ForeignKeyConstraint(
            ["resource_type_id"],
            ["resource_types.resource_type_id"],
        ),
        sa.PrimaryKeyConstraint("entitlement_id"),
    )
    op.create_index("ix_entitlements_app_id", "entitlements", ["app_id"])
    op.create_index("ix_entitlements_resource_id", "entitlements", ["resource_id"])
    op.create_index("ix_entitlements_resource_type_id", "entitlements", ["resource_type_id"])
    op.create_table(
        "bindings",
        sa.Column("binding_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.Column("directory_display_name", sa.Text(), nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["apps.app_id"],
        ),
        sa.ForeignKeyConstraint(
            ["entitlement_id"],
            ["entitlements.entitlement_id"],
        ),
        sa.PrimaryKeyConstraint("binding_id"),
        sa.UniqueConstraint("app_id", "directory_entitlement_id"),
    )
    op.create_index("ix_bindings_entitlement_id", "bindings", ["entitlement_id"])
    # The built-in audience: rules can name it, and nobody else can have its name.
    op.bulk_insert(
        access_profiles,
        [
            {
                "access_profile_id": "apr_everyone",
                "display_name": "Everyone",
                "name_key": "everyone",
                "description": "Each enabled person of the directory.",
                "create_time": datetime.now(UTC),
                "version": 1,
            }
        ],
    )


def downgrade() -> None:
    for table in (
        "bindings",
        "entitlements",
        "rule_resource_types",
        "rule_access_profiles",
        "resources",
        "resource_types",
        "links",
        "entitlement_rules",
        "access_profile_members",
        "syncs",
        "quarantine",
        "outbox",
        "ledger_head",
        "inbox",
        "idempotency_keys",
        "directory_users",
        "directory_memberships",
        "directory_groups",
        "directory_assignments",
        "audit_records",
        "apps",
        "access_profiles",
    ):
        op.drop_table(table)
