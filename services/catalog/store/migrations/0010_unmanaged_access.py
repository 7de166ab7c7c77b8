"""What becomes of access to an app that came from outside."""

import sqlalchemy as sa
from alembic import op

from libs.db.types import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "apps",
        sa.Column(
            "unmanaged_access_action",
            sa.Text(),
            nullable=False,
            server_default=sa.text("'UNSPECIFIED'"),
        ),
    )
    op.add_column("apps", sa.Column("unmanaged_access_action_time", UtcTime()))


def downgrade() -> None:
    with op.batch_alter_table("apps") as apps:
        apps.drop_column("unmanaged_access_action_time")
        apps.drop_column("unmanaged_access_action")
