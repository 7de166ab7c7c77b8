"""Owners, overrides, app roles, audiences by group and expression, history, and what is in use."""

import sqlalchemy as sa
from alembic import op

from libs.db.types import Seconds, UtcTime
from libs.domain import ids

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NO_ROLE = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    op.add_column("syncs", sa.Column("complete_time", UtcTime()))
    for column in ("department", "manager_user_id"):
        op.create_index(
            f"directory_users_by_{column.removesuffix('_user_id')}",
            "directory_users",
            [column, "search_name", "user_id"],
        )
    for table in ("directory_memberships", "directory_assignments"):
        op.add_column(table, sa.Column("since_time", UtcTime()))
    for table, principal in (
        ("directory_memberships", "user_id"),
        ("directory_assignments", "principal_id"),
    ):
        op.create_index(f"{table}_by_entitlement", table, ["directory_entitlement_id", principal])
    op.create_table(
        "past_grants",
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("since_time", UtcTime()),
        sa.PrimaryKeyConstraint("directory_entitlement_id", "principal_id", "end_time"),
    )
    op.create_index("past_grants_by_principal", "past_grants", ["principal_id", "end_time"])
    op.create_table(
        "directory_app_owners",
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "user_id"),
    )
    op.create_index("ix_directory_app_owners_user_id", "directory_app_owners", ["user_id"])
    for name in ("own_description", "instructions", "policy_id"):
        op.add_column("apps", _text(name))
    op.add_column("apps", sa.Column("max_duration", Seconds()))
    op.add_column(
        "apps", sa.Column("owners_known", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index("apps_by_connection", "apps", ["connection_id", "search_name", "app_id"])
    op.create_table(
        "owners",
        sa.Column("of_id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("of_id", "owner_id"),
    )
    op.create_index("ix_owners_owner_id", "owners", ["owner_id"])
    for name in ("entra_app_role_id", "policy_id", "emergency_policy_id"):
        op.add_column("entitlements", _text(name))
    for name in ("role_gone", "not_requestable", "locked"):
        op.add_column(
            "entitlements", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    for name in ("max_duration", "emergency_max_duration"):
        op.add_column("entitlements", sa.Column(name, Seconds()))
    op.create_table(
        "entitlement_targets",
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entitlement_id"], ["entitlements.entitlement_id"]),
        sa.PrimaryKeyConstraint("entitlement_id", "directory_entitlement_id"),
    )
    for column in ("directory_entitlement_id", "app_id"):
        op.create_index(f"ix_entitlement_targets_{column}", "entitlement_targets", [column])
    _split_fulfilments()
    _add_app_role_types()
    op.add_column("access_profiles", _text("expression"))
    op.create_table(
        "access_profile_groups",
        sa.Column("access_profile_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["access_profile_id"], ["access_profiles.access_profile_id"]),
        sa.PrimaryKeyConstraint("access_profile_id", "group_id"),
    )
    op.create_index("ix_access_profile_groups_group_id", "access_profile_groups", ["group_id"])
    op.create_index(
        "ix_rule_access_profiles_access_profile_id",
        "rule_access_profiles",
        ["access_profile_id"],
    )
    op.add_column("entitlement_rules", _text("emergency_policy_id"))
    op.add_column("entitlement_rules", sa.Column("emergency_max_duration", Seconds()))
    op.create_table(
        "uses",
        sa.Column("access_request_id", sa.Text(), nullable=False),
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("end_time", UtcTime()),
        sa.PrimaryKeyConstraint("access_request_id"),
    )
    for column in ("entitlement_id", "app_id", "user_id", "lease_id"):
        op.create_index(f"ix_uses_{column}", "uses", [column])
    op.create_table(
        "feed_positions",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("service"),
    )
    op.create_table(
        "unmanaged_access",
        sa.Column("entitlement_id", sa.Text(), nullable=False),
        sa.Column("directory_entitlement_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("first_seen_time", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("entitlement_id", "directory_entitlement_id", "user_id"),
    )
    for column in ("user_id", "app_id"):
        op.create_index(f"ix_unmanaged_access_{column}", "unmanaged_access", [column])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def _split_fulfilments() -> None:
    """Each fulfilment as rows, and of access which role it gives."""
    bind = op.get_bind()
    entitlements = sa.table(
        "entitlements",
        sa.column("entitlement_id"),
        sa.column("app_id"),
        sa.column("resource_kind"),
        sa.column("fulfilment", sa.JSON()),
        sa.column("entra_app_role_id"),
    )
    targets = sa.table(
        "entitlement_targets",
        sa.column("entitlement_id"),
        sa.column("directory_entitlement_id"),
        sa.column("app_id"),
    )
    for row in bind.execute(sa.select(entitlements)).all():
        bind.execute(
            sa.insert(targets),
            [
                {
                    "entitlement_id": row.entitlement_id,
                    "directory_entitlement_id": target["directory_entitlement_id"],
                    "app_id": row.app_id,
                }
                for target in row.fulfilment
            ],
        )
        roles = [
            each["entra_app_role_id"] for each in row.fulfilment if "entra_app_role_id" in each
        ]
        if row.resource_kind == "CREDENTIAL":
            bind.execute(
                sa.update(entitlements)
                .where(entitlements.c.entitlement_id == row.entitlement_id)
                .values(entra_app_role_id=roles[0] if roles else _NO_ROLE)
            )


def _add_app_role_types() -> None:
    """Apps that are managed already get the resource type; the next whole sync brings the roles."""
    bind = op.get_bind()
    types = sa.table(
        "resource_types",
        sa.column("resource_type_id"),
        sa.column("app_id"),
        sa.column("display_name"),
        sa.column("kind"),
    )
    app_ids = bind.execute(sa.select(types.c.app_id).distinct()).scalars().all()
    for app_id in app_ids:
        bind.execute(
            sa.insert(types).values(
                resource_type_id=ids.derived_id("rty", app_id, "APP_ROLE"),
                app_id=app_id,
                display_name="App role",
                kind="APP_ROLE",
            )
        )
