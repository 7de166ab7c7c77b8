"""What a service may do in its PostgreSQL: as much as it needs, and of the audit records no more
than to read them and to add some.

Whoever migrates owns the tables. Where the service runs as another role, even one who has its
password can neither change nor remove an audit record, nor take the triggers away that forbid it.
"""

import structlog
from sqlalchemy import Connection, MetaData, text

from libs.db.engine import Database
from libs.db.ledger import Ledger

_log = structlog.get_logger(__name__)
_ROLE = text(
    "SELECT rolsuper, pg_has_role(rolname, relowner, 'MEMBER') AS owner "
    "FROM pg_roles, pg_class WHERE rolname = :role AND pg_class.oid = 'audit_records'::regclass"
)
_RIGHTS = text(
    "SELECT has_table_privilege('audit_records', 'UPDATE') "
    "OR has_table_privilege('audit_records', 'DELETE')"
)


class WrongRole(Exception):
    """A role can't be held to what a service may do; says why."""


def grant(connection: Connection, metadata: MetaData, ledger: Ledger, role: str) -> None:
    """Grants a role what a service needs of these tables, and takes from it what is more.

    Raises:
        WrongRole: the database has no roles, or not this one, or it is above all grants.
    """
    if connection.dialect.name != "postgresql":
        raise WrongRole(f"{role}: only PostgreSQL has roles")
    found = connection.execute(_ROLE, {"role": role}).one_or_none()
    if found is None:
        raise WrongRole(f"{role}: there is no such role")
    if found.rolsuper or found.owner:
        what = "is a superuser" if found.rolsuper else "owns the tables"
        raise WrongRole(f"{role}: it {what}, so that nothing can be kept from it")
    quote = connection.dialect.identifier_preparer.quote_identifier
    to = quote(role)
    schema, database = connection.exec_driver_sql("SELECT current_schema(), current_catalog").one()
    statements = [
        f"GRANT CONNECT ON DATABASE {quote(database)} TO {to}",
        f"GRANT USAGE ON SCHEMA {quote(schema)} TO {to}",
        f"GRANT SELECT ON alembic_version TO {to}",
    ]
    special = {
        ledger.audit.name: "SELECT, INSERT",
        ledger.audit_heads.name: "SELECT, INSERT",
        # One row, made by the migration; who commits locks it, and moves it on.
        ledger.head.name: "SELECT, UPDATE",
    }
    for table in metadata.sorted_tables:
        rights = special.get(table.name, "SELECT, INSERT, UPDATE, DELETE")
        name = quote(table.name)
        statements += [f"REVOKE ALL ON {name} FROM {to}", f"GRANT {rights} ON {name} TO {to}"]
    for statement in statements:
        connection.exec_driver_sql(statement)


async def warn_of_rights(database: Database) -> None:
    """Says so where a service may change audit records, but for the triggers that refuse it.

    Raises:
        Unavailable: the database does not answer.
    """

    def work(connection: Connection) -> bool:
        if connection.dialect.name != "postgresql":
            return False
        return bool(connection.execute(_RIGHTS).scalar_one())

    if await database.read(work):
        _log.warning("audit_not_protected", way_out="LATCHKEY_DATABASE_ROLE")
