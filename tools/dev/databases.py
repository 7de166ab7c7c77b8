"""A database for each service: a SQLite file in the house's folder, or one on a PostgreSQL."""

from pathlib import Path

import asyncpg
from sqlalchemy import URL, make_url


async def database_urls(
    services: tuple[str, ...], folder: Path, server_url: str | None
) -> dict[str, str]:
    """The URL of each service's database; those on PostgreSQL are created when they are missing.

    `server_url` names a database that exists, `postgresql+asyncpg://user:password@host/name`;
    the services get `name_catalog` and so on beside it.

    Raises:
        ValueError: it is no such URL.
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the server can't be reached, or
            refuses.
    """
    if server_url is None:
        return {service: f"sqlite:///{folder / service}.db" for service in services}
    if not server_url.startswith("postgresql+asyncpg://"):
        raise ValueError("it must begin with postgresql+asyncpg://; without it SQLite is used")
    server = make_url(server_url)
    urls = {service: server.set(database=f"{server.database}_{service}") for service in services}
    connection = await asyncpg.connect(_plain(server))
    try:
        rows = await connection.fetch("SELECT datname FROM pg_database")
        there = {row["datname"] for row in rows}
        for url in urls.values():
            if url.database not in there:
                quoted = str(url.database).replace('"', '""')
                await connection.execute(f'CREATE DATABASE "{quoted}"')
    finally:
        await connection.close()
    return {service: _plain(url, driver=True) for service, url in urls.items()}


def _plain(url: URL, *, driver: bool = False) -> str:
    if not driver:
        url = url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)
