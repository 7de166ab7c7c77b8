"""Steps of migrations that change the tables of the ledger, the same for every service.

A migration that has run somewhere does not change any more, and so neither does a step: what
changes later is a new one.
"""

import sqlalchemy as sa
from alembic import op

_TABLES = ("audit_records", "audit_heads")


def add_audit_heads() -> None:
    """Makes the table of signed heads. From then on rows of it and of the audit records are added,
    and neither changed nor removed, whoever asks: also not by the owner of the tables, unless he
    takes the triggers away first."""
    op.create_table(
        "audit_heads",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("previous_sequence", sa.BigInteger(), nullable=False),
        sa.Column("head_time", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for name, when in _on_sqlite(table).items():
                op.execute(
                    f"CREATE TRIGGER {table}_{name} BEFORE {when} "
                    f"BEGIN SELECT RAISE(ABORT, '{table}: rows are only added'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION rows_are_only_added() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%: rows are only added', TG_TABLE_NAME "
        "USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION rows_are_only_added()"
        )


def remove_audit_heads() -> None:
    """Undoes `add_audit_heads`."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in _TABLES:
        for name in _on_sqlite(table) if sqlite else ():
            op.execute(f"DROP TRIGGER {table}_{name}")
        if not sqlite:
            op.execute(f"DROP TRIGGER {table}_only_added ON {table}")
    if not sqlite:
        op.execute("DROP FUNCTION rows_are_only_added()")
    op.drop_table("audit_heads")


def _on_sqlite(table: str) -> dict[str, str]:
    """What is refused there, by the name of its trigger: `INSERT OR REPLACE` removes a row without
    any trigger on DELETE."""
    taken = f"EXISTS (SELECT 1 FROM {table} WHERE sequence = NEW.sequence)"
    return {
        "not_updated": f"UPDATE ON {table}",
        "not_deleted": f"DELETE ON {table}",
        "not_replaced": f"INSERT ON {table} WHEN {taken}",
    }
