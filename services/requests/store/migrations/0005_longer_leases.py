"""Leases that last longer, are reminded of, and are late."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("access_requests") as table:
        table.add_column(
            sa.Column("extends_lease_id", sa.Text(), server_default=sa.text("''"), nullable=False)
        )
    with op.batch_alter_table("leases") as table:
        table.add_column(sa.Column("remind_time", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("alarm_time", sa.DateTime(timezone=True), nullable=True))
    op.create_index("leases_remind_time", "leases", ["remind_time"])
    op.create_index("leases_alarm_time", "leases", ["alarm_time", "lease_id"])


def downgrade() -> None:
    op.drop_index("leases_alarm_time", "leases")
    op.drop_index("leases_remind_time", "leases")
    with op.batch_alter_table("leases") as table:
        table.drop_column("alarm_time")
        table.drop_column("remind_time")
    with op.batch_alter_table("access_requests") as table:
        table.drop_column("extends_lease_id")
