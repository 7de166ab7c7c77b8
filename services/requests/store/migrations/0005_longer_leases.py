"""Leases that last longer, are reminded of, and are late."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from libs.db.types import UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ALARMED = {
    "leases_alarm_time": ["lease_id"],
    "leases_alarm_time_subject": ["subject_user_id", "lease_id"],
}
_LATE_UNTOLD = "state = 'ENDING' AND alarm_time IS NULL"


def upgrade() -> None:
    with op.batch_alter_table("access_requests") as table:
        table.add_column(
            sa.Column("extends_lease_id", sa.Text(), server_default=sa.text("''"), nullable=False)
        )
    with op.batch_alter_table("leases") as table:
        table.add_column(sa.Column("remind_time", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("alarm_time", sa.DateTime(timezone=True), nullable=True))
    op.create_index("leases_remind_time", "leases", ["remind_time", "lease_id"])
    op.create_index(
        "leases_late",
        "leases",
        ["state", "end_time", "lease_id"],
        postgresql_where=sa.text(_LATE_UNTOLD),
        sqlite_where=sa.text(_LATE_UNTOLD),
    )
    for name, columns in _ALARMED.items():
        op.create_index(
            name,
            "leases",
            columns,
            postgresql_where=sa.text("alarm_time IS NOT NULL"),
            sqlite_where=sa.text("alarm_time IS NOT NULL"),
        )
    _remind()


def _remind() -> None:
    """Leases that are active are reminded of as if they began now: a tenth of what is left before
    the end, within three days and a quarter of an hour, and not at all within the last hour."""
    connection, now = op.get_bind(), datetime.now(UTC)
    leases = sa.table(
        "leases",
        sa.column("lease_id", sa.Text()),
        sa.column("state", sa.Text()),
        sa.column("end_time", UtcTime()),
        sa.column("remind_time", UtcTime()),
    )
    active = sa.select(leases.c.lease_id, leases.c.end_time).where(
        leases.c.state == "ACTIVE", leases.c.end_time >= now + timedelta(hours=1)
    )
    before = [
        {
            "id": lease_id,
            "time": end_time
            - min(timedelta(days=3), max(timedelta(minutes=15), (end_time - now) / 10)),
        }
        for lease_id, end_time in connection.execute(active)
    ]
    if before:
        one = sa.update(leases).where(leases.c.lease_id == sa.bindparam("id"))
        connection.execute(one.values(remind_time=sa.bindparam("time")), before)


def downgrade() -> None:
    for name in _ALARMED:
        op.drop_index(name, "leases")
    op.drop_index("leases_late", "leases")
    op.drop_index("leases_remind_time", "leases")
    with op.batch_alter_table("leases") as table:
        table.drop_column("alarm_time")
        table.drop_column("remind_time")
    with op.batch_alter_table("access_requests") as table:
        table.drop_column("extends_lease_id")
