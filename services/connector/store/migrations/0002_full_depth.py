"""credentials of every kind, incremental syncs, attempts and lanes

What connections, syncs and operations lacked gets the value that they meant before.

Revision ID: 0002
Revises: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("connections") as table:
        table.drop_index("ix_connections_client_secret_name")
        table.alter_column("client_secret_name", new_column_name="credential_name")
        table.add_column(_text("credential_kind", "CLIENT_SECRET"))
        table.add_column(_text("mode", "FULL"))
        table.add_column(_number("incremental_interval", sa.Float(53), 15 * 60))
        table.add_column(_number("full_interval", sa.Float(53), 7 * 24 * 3600))
        table.add_column(_flag("sync_paused"))
    op.create_index("ix_connections_credential_name", "connections", ["credential_name"])
    with op.batch_alter_table("syncs") as table:
        table.add_column(_text("kind", "FULL"))
        table.add_column(_number("run", sa.BigInteger(), 0))
        table.add_column(_number("objects_per_second", sa.Float(53), 0))
        table.add_column(_number("expected_count", sa.BigInteger(), 0))
        table.add_column(_number("removed_count", sa.BigInteger(), 0))
        table.add_column(
            sa.Column("held_removals", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
        )
        table.add_column(_flag("removals_confirmed"))
    with op.batch_alter_table("deliveries") as table:
        table.add_column(_flag("emergency"))
        table.add_column(_text("remedy", ""))
    with op.batch_alter_table("assignments") as table:
        table.add_column(_text("remedy", ""))
        table.add_column(sa.Column("add_time", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE assignments SET add_time = update_time WHERE tries > 0")
    with op.batch_alter_table("operations") as table:
        table.add_column(_text("lane", "GRANT"))
        table.add_column(_text("remedy", ""))
    op.execute("UPDATE operations SET lane = 'REVOKE' WHERE kind = 'REMOVE'")
    op.create_table(
        "attempts",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finish_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("graph_request_id", sa.Text(), nullable=False),
        sa.Column("client_request_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.operation_id"]),
        sa.PrimaryKeyConstraint("operation_id", "number"),
    )
    op.create_table(
        "throttles",
        sa.Column("connection_id", sa.Text(), nullable=False),
        sa.Column("until_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.connection_id"]),
        sa.PrimaryKeyConstraint("connection_id"),
    )


def _text(name: str, before: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=before)


def _number(name: str, kind: sa.types.TypeEngine[Any], before: float) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=sa.text(str(before)))


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
