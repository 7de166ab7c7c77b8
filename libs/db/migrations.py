"""Brings a database to the form that the code needs, and refuses any other.

A service keeps its migrations in `store/migrations`, one file a version, for Alembic. They serve
PostgreSQL and SQLite alike.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, insert, select

from libs.db.engine import Database
from libs.db.grants import grant
from libs.db.ledger import Ledger


class SchemaMismatch(Exception):
    """The database is not in the form that this version of the service needs."""


class Migrations:
    """The migrations of one service."""

    def __init__(self, folder: Path, metadata: MetaData, ledger: Ledger) -> None:
        self.metadata = metadata
        self._ledger = ledger
        self.config = Config()
        self.config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
        self.config.set_main_option("path_separator", "newline")
        self.config.set_main_option("version_locations", str(folder))
        self.config.attributes["metadata"] = metadata

    @property
    def newest(self) -> str:
        """The version that the code needs."""
        return ScriptDirectory.from_config(self.config).get_current_head() or ""

    async def apply(self, database: Database, role: str | None = None) -> None:
        """Brings the database to the newest version, and gives the ledger its first head.

        `role`: the role of PostgreSQL that the service runs as, where it is not the one that
        migrates; it is granted what the service needs and no more.

        Raises:
            SchemaMismatch: it is in a version that this code does not know, a newer one perhaps.
            WrongRole: the role can't be held to that.
        """
        await database.migrate(self._apply)
        if role is not None:
            # In a transaction of its own: that a role is wrong need not undo a migration.
            await database.write(lambda c: grant(c, self.metadata, self._ledger, role))

    async def check(self, database: Database) -> None:
        """Does nothing for a database in the newest version.

        Raises:
            SchemaMismatch: it is in another one.
        """
        wanted = self.newest
        found = await database.read(
            lambda connection: MigrationContext.configure(connection).get_current_revision()
        )
        if found != wanted:
            raise SchemaMismatch(
                f"the database is at version {found or 'none'}, this service needs {wanted}; "
                "run it once with the word migrate"
            )

    def _apply(self, connection: Connection) -> None:
        found = MigrationContext.configure(connection).get_current_revision()
        known = {
            script.revision for script in ScriptDirectory.from_config(self.config).walk_revisions()
        }
        if found is not None and found not in known:
            raise SchemaMismatch(
                f"the database is at version {found}, this code knows none above {self.newest}"
            )
        self.config.attributes["connection"] = connection
        command.upgrade(self.config, "head")
        head = self._ledger.head
        if connection.execute(select(head.c.id)).one_or_none() is None:
            connection.execute(
                insert(head).values(id=1, audit_sequence=0, audit_hash="", outbox_position=0)
            )
