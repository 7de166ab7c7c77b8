"""Heads of the audit chain are signed, and the audit records protected."""

from libs.db.ledger_versions import add_audit_heads, remove_audit_heads

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_audit_heads()


def downgrade() -> None:
    remove_audit_heads()
