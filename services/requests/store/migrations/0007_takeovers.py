"""Leases that take over what was in Entra before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("access_requests", "leases"):
        op.add_column(
            name,
            sa.Column("takes_over", sa.Boolean(), server_default=sa.false(), nullable=False),
        )


def downgrade() -> None:
    for name in ("leases", "access_requests"):
        with op.batch_alter_table(name) as batch:
            batch.drop_column("takes_over")
