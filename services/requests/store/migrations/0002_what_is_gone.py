"""What is not over of an app is found without looking at what is."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "access_requests_app_id", "access_requests", ["app_id", "state", "access_request_id"]
    )
    op.create_index("leases_app_id", "leases", ["app_id", "state", "lease_id"])


def downgrade() -> None:
    op.drop_index("leases_app_id", "leases")
    op.drop_index("access_requests_app_id", "access_requests")
