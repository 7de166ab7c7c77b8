"""The database that the migrations make is the one that the code means."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from libs.db.engine import Database
from services.catalog.store import MIGRATIONS


async def test_migrations_make_the_tables(database_url: str) -> None:
    """Alembic finds nothing between them, on either kind of database."""
    database = Database.open(database_url)
    try:
        await MIGRATIONS.apply(database)
        await MIGRATIONS.apply(database)
        await MIGRATIONS.check(database)

        def differences(connection: Connection) -> list[object]:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, MIGRATIONS.metadata))

        assert await database.read(differences) == []
    finally:
        await database.close()
