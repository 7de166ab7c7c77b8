"""Brings a database to the form that the code needs, and refuses any other.

A service keeps its migrations in `store/migrations`, one file a version, for Alembic. They serve
PostgreSQL and SQLite alike.

Alembic is loaded only to migrate. To start, a service reads one row and the names of its files:
Alembic is a fifth of a second and eleven megabytes.
"""

import asyncio
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select

from libs.db.engine import Database
from libs.db.grants import grant
from libs.db.ledger import Ledger

if TYPE_CHECKING:
    from alembic.config import Config


# Alembic's own table: the version that a database is in.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32)))


_LOOK_SECONDS = 0.05


class SchemaMismatch(Exception):
    """The database is not in the form that this version of the service needs."""


class Migrations:
    """The migrations of one service."""

    def __init__(self, folder: Path, metadata: MetaData, ledger: Ledger) -> None:
        self.metadata = metadata
        self.folder = folder
        self._ledger = ledger

    @cached_property
    def config(self) -> "Config":
        """Alembic's own."""
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", str(self.folder))
        config.attributes["metadata"] = self.metadata
        return config

    @property
    def newest(self) -> str:
        """The version that the code needs: a file's name begins with the version it brings."""
        return max((file.name[:4] for file in self.folder.glob("[0-9]*_*.py")), default="")

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

    async def check(self, database: Database, patience: float = 0.0) -> None:
        """Does nothing for a database in the newest version.

        `patience`: the seconds that somebody else may take to bring it there.

        Raises:
            SchemaMismatch: it is in another one, still, or in a newer one.
        """
        wanted, deadline = self.newest, asyncio.get_running_loop().time() + patience
        while (found := await database.read(_version)) != wanted:
            if found > wanted or asyncio.get_running_loop().time() >= deadline:
                raise SchemaMismatch(
                    f"the database is at version {found or 'none'}, this service needs {wanted}; "
                    "run it once with the word migrate"
                )
            await asyncio.sleep(_LOOK_SECONDS)

    def _apply(self, connection: Connection) -> None:
        from alembic import command
        from alembic.script import ScriptDirectory

        found = _version(connection)
        scripts = ScriptDirectory.from_config(self.config)
        known = {script.revision for script in scripts.walk_revisions()}
        if found and found not in known:
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


def _version(connection: Connection) -> str:
    """The version that a database is in; empty for one that was never migrated."""
    if not inspect(connection).has_table(_VERSION.name):
        return ""
    return connection.execute(select(_VERSION.c.version_num)).scalar() or ""
