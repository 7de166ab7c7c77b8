"""When an app was unmanaged last: what it offered then may not be over yet."""

import sqlalchemy as sa
from alembic import op

from libs.db.types import UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("apps", sa.Column("unmanage_time", UtcTime()))
