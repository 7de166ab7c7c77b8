"""A database with something in each table comes from every older version to the newest."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    select,
)
from sqlalchemy.types import JSON, TypeEngine

from libs.db.__main__ import migrations_of
from libs.db.engine import Database
from tests.support.versions import to_version
from tools.dev.issuer import SERVICES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_VALUES: list[tuple[type[TypeEngine[Any]], Any]] = [
    (Boolean, True),
    (DateTime, NOW),
    (Float, 3600.0),
    (Integer, 1),
    (LargeBinary, b"bytes"),
    (JSON, [{"directory_entitlement_id": "den_1"}]),
]
# What a migration has to forget: the next sync then reads everything.
FORGOTTEN = {("catalog", "syncs", "checkpoint")}


def _older() -> Iterator[tuple[str, str]]:
    for service in SERVICES:
        scripts = ScriptDirectory.from_config(migrations_of(service).config)
        newest = scripts.get_current_head()
        for each in scripts.walk_revisions():
            if each.revision != newest:
                yield service, each.revision


def _row(table: Table) -> dict[str, Any]:
    """A value for each column, the same for all columns of a name: what refers finds."""

    def value(name: str, kind: TypeEngine[Any]) -> Any:
        if isinstance(kind, JSON) and name in ("subject", "requester", "plan"):
            return {"display_name": "Ada"}
        found = (value for each, value in _VALUES if isinstance(kind, each))
        return next(found, f"{name} 1")

    def name(column: Column[Any]) -> str:
        return next((each.column.name for each in column.foreign_keys), column.name)

    return {column.name: value(name(column), column.type) for column in table.columns}


def _plain(value: Any) -> Any:
    """SQLite keeps no time zone."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _fill(connection: Connection) -> dict[str, dict[str, Any]]:
    """One row in each table, where the migrations left none; returns what is there."""
    metadata = MetaData()
    metadata.reflect(connection)
    kept = {}
    for table in metadata.sorted_tables:
        if table.name == "alembic_version":
            continue
        there = connection.execute(select(table)).mappings().first()
        if there is None or table.name in ("access_profiles", "policies"):
            connection.execute(insert(table), _row(table))
        kept[table.name] = dict(there or _row(table))
    return kept


@pytest.mark.parametrize(("service", "version"), list(_older()))
async def test_nothing_is_lost(service: str, version: str, database_url: str) -> None:
    """Each row is there after it as it was before it, in the columns that there still are; and the
    service, which checks the version first, can read every table."""
    migrations = migrations_of(service)
    database = Database.open(database_url)

    def read(connection: Connection) -> dict[str, Any]:
        found = {}
        for table in migrations.metadata.sorted_tables:
            connection.execute(select(table)).all()
        metadata = MetaData()
        metadata.reflect(connection)
        for name, row in kept.items():
            table = metadata.tables[name]
            keys = [each for each in table.primary_key.columns if each.name in row]
            query = select(table).where(*(each == row[each.name] for each in keys))
            found[name] = connection.execute(query).mappings().one()
        counts = {
            name: connection.execute(select(func.count()).select_from(metadata.tables[name]))
            for name in kept
        }
        assert all(count.scalar_one() >= 1 for count in counts.values())
        return found

    try:
        await database.migrate(to_version(migrations, version))
        kept = await database.write(_fill)
        await migrations.apply(database)
        await migrations.check(database)
        for name, row in (await database.read(read)).items():
            for column in row.keys() & kept[name].keys():
                if (service, name, column) not in FORGOTTEN:
                    assert _plain(row[column]) == _plain(kept[name][column]), (name, column)
        await migrations.apply(database)
    finally:
        await database.close()
