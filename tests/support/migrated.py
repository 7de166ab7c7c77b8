"""Databases in the newest version, copied from one of their kind that was migrated once.

To migrate one takes ten times as long as to copy one, and nearly every test begins with one.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import asyncpg
from sqlalchemy import URL, make_url

from libs.db.engine import Database
from libs.db.migrations import Migrations
from tests.support.postgres import PostgresServer

_folder = tempfile.TemporaryDirectory(prefix="latchkey-migrated-")
_numbers = count(1)
_files: dict[Path, Path] = {}
_databases: dict[tuple[Path, str | None, int | None], str] = {}
_spares: dict[tuple[str | None, int | None], list[str]] = {}


@asynccontextmanager
async def migrated(url: str, migrations: Migrations) -> AsyncIterator[Database]:
    """An empty database in the newest version, closed with the block."""
    is_copied = await copied(url, migrations)
    database = Database.open(url)
    try:
        if not is_copied:
            await migrations.apply(database)
        yield database
    finally:
        await database.close()


async def copied(url: str, migrations: Migrations) -> bool:
    """Whether an empty database could be brought to the newest version by copying one; one that is
    not empty, or has an order of texts of its own, is left to be migrated."""
    found = make_url(url)
    if found.drivername == "sqlite":
        return await _copied_file(Path(str(found.database)), migrations)
    return await _copied_database(found, migrations)


def emptied(server: PostgresServer) -> str:
    """The name of an empty database; if there is one, one that a copy took the place of in an
    earlier test: to make it and to drop it takes as long as to copy."""
    url = make_url(server.url("postgres"))
    spares = _spares.get((url.host, url.port))
    return spares.pop() if spares else server.create_database()


async def _copied_file(path: Path, migrations: Migrations) -> bool:
    if path.exists():
        return False
    if (template := _files.get(migrations.folder)) is None:
        template = Path(_folder.name) / f"{next(_numbers)}.db"
        await _migrate(f"sqlite:///{template}", migrations)
        _files[migrations.folder] = template
    shutil.copyfile(template, path)
    return True


async def _copied_database(url: URL, migrations: Migrations) -> bool:
    name = str(url.database)
    if not await _is_plain(url):
        return False
    key = (migrations.folder, url.host, url.port)
    server = await _connected(url.set(database="postgres"))
    try:
        if (template := _databases.get(key)) is None:
            template = f"{name}_migrated"
            await server.execute(f"CREATE DATABASE {template}")
            migrated = url.set(database=template).render_as_string(hide_password=False)
            await _migrate(migrated, migrations)
            _databases[key] = template
        spare = f"empty_{next(_numbers)}"
        await server.execute(f"ALTER DATABASE {name} RENAME TO {spare}")
        _spares.setdefault((url.host, url.port), []).append(spare)
        await server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    finally:
        await server.close()
    return True


async def _is_plain(url: URL) -> bool:
    connection = await _connected(url)
    try:
        return bool(
            await connection.fetchval(
                "SELECT (SELECT datlocprovider FROM pg_database WHERE datname = current_database())"
                " = (SELECT datlocprovider FROM pg_database WHERE datname = 'template1')"
                " AND NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')"
            )
        )
    finally:
        await connection.close()


async def _connected(url: URL) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(
        host=url.host, port=url.port, user=url.username, database=url.database
    )


async def _migrate(url: str, migrations: Migrations) -> None:
    database = Database.open(url)
    try:
        await migrations.apply(database)
    finally:
        await database.close()
