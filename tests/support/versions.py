"""Databases in older versions of their tables, with something in them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from alembic import command
from sqlalchemy import Connection, MetaData, insert

from libs.db.migrations import Migrations


def to_version(migrations: Migrations, version: str) -> Callable[[Connection], None]:
    """Work that brings a database up to a version."""

    def work(connection: Connection) -> None:
        migrations.config.attributes["connection"] = connection
        command.upgrade(migrations.config, version)

    return work


def filled(rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> Callable[[Connection], None]:
    """Work that puts rows into tables as they are, in this order."""

    def work(connection: Connection) -> None:
        metadata = MetaData()
        metadata.reflect(connection, only=[*rows])
        for name, of_it in rows.items():
            for row in of_it:
                connection.execute(insert(metadata.tables[name]), dict(row))

    return work
