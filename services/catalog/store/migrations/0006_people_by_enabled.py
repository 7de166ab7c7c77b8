"""The people who can sign in, or can't, are found in the order of their list."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "directory_users_by_enabled",
        "directory_users",
        ["account_enabled", "search_name", "user_id"],
    )


def downgrade() -> None:
    op.drop_index("directory_users_by_enabled", "directory_users")
