"""Where a policy is named is found by it, in the order of the list."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_APP = ["app_id"]
_ENTITLEMENT = ["app_id", "entitlement_id"]
_INDEXES = (
    ("apps", "policy", "policy_id", _APP),
    ("entitlement_rules", "policy", "policy_id", _APP),
    ("entitlement_rules", "emergency_policy", "emergency_policy_id", _APP),
    ("entitlements", "policy", "policy_id", _ENTITLEMENT),
    ("entitlements", "emergency_policy", "emergency_policy_id", _ENTITLEMENT),
)


def upgrade() -> None:
    for table, by, column, key in _INDEXES:
        op.create_index(f"{table}_by_{by}", table, [column, *key])


def downgrade() -> None:
    for table, by, _, _ in _INDEXES:
        op.drop_index(f"{table}_by_{by}", table)
