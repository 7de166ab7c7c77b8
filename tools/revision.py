"""`python -m tools.revision <service> <message>` writes a migration: what changed in the tables.

It compares the tables with a database that has all earlier migrations. Read what it wrote before
you keep it: a rename looks like a loss and a gain.
"""

import asyncio
import importlib
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

from libs.db.engine import Database
from libs.db.migrations import Migrations


async def write(service: str, message: str) -> None:
    """Writes the next migration of a service."""
    migrations: Migrations = importlib.import_module(f"services.{service}.store").MIGRATIONS
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'now.db'}")

        def work(connection: Connection) -> None:
            config = migrations.config
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            locations = config.get_main_option("version_locations") or ""
            number = len(list(Path(locations).glob("[0-9]*.py"))) + 1
            command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")

        try:
            await database.write(work)
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], " ".join(sys.argv[2:])))
