"""What a sync reads waits beside the mirror until the sync is complete."""

import sqlalchemy as sa
from alembic import op

from libs.db.types import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staged_users",
        _text("user_id"),
        *_seen(),
        *map(
            _text,
            (
                "entra_tenant_id",
                "entra_object_id",
                "display_name",
                "search_name",
                "user_principal_name",
                "mail",
                "department",
                "job_title",
                "manager_user_id",
            ),
        ),
        sa.Column("account_enabled", sa.Boolean(), nullable=False),
        _time("sync_time"),
        sa.PrimaryKeyConstraint("user_id"),
    )
    op.create_table(
        "staged_groups",
        _text("group_id"),
        *_seen(),
        *map(
            _text,
            (
                "directory_entitlement_id",
                "entra_tenant_id",
                "entra_object_id",
                "display_name",
                "search_name",
                "description",
                "unwritable_reason",
            ),
        ),
        sa.PrimaryKeyConstraint("group_id"),
    )
    op.create_table(
        "staged_memberships",
        _text("group_id"),
        _text("user_id"),
        *_seen(),
        _text("directory_entitlement_id"),
        _time("since_time"),
        sa.PrimaryKeyConstraint("group_id", "user_id"),
    )
    op.create_index("staged_memberships_by_user", "staged_memberships", ["user_id"])
    op.create_table(
        "staged_assignments",
        _text("app_id"),
        _text("principal_id"),
        _text("entra_app_role_id"),
        *_seen(),
        _text("principal_kind"),
        _text("directory_entitlement_id"),
        _time("since_time"),
        sa.PrimaryKeyConstraint("app_id", "principal_id", "entra_app_role_id"),
    )
    op.create_index("staged_assignments_by_principal", "staged_assignments", ["principal_id"])
    op.create_table(
        "staged_apps",
        _text("app_id"),
        *_seen(),
        *map(
            _text,
            (
                "entra_tenant_id",
                "entra_service_principal_id",
                "entra_app_id",
                "display_name",
                "search_name",
                "description",
            ),
        ),
        sa.Column("account_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_protected", sa.Boolean(), nullable=False),
        sa.Column("app_roles", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        _text("assignments_digest"),
        sa.Column("owners_known", sa.Boolean(), nullable=False),
        _time("create_time"),
        sa.PrimaryKeyConstraint("app_id"),
    )
    op.create_table(
        "staged_app_owners",
        _text("app_id"),
        _text("user_id"),
        _text("connection_id"),
        sa.PrimaryKeyConstraint("app_id", "user_id"),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, UtcTime(), nullable=False)


def _seen() -> tuple[sa.Column[str], sa.Column[int]]:
    return _text("connection_id"), sa.Column("round", sa.BigInteger(), nullable=False)
