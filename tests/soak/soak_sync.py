"""Tenants of the sizes that companies have, synced whole and then by their changes."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from latchkey.connector.v1 import sync_pb2
from tests.soak.house import Measured, measured_house, report, tenant_of
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.timeout(3000)
FULL, INCREMENTAL = sync_pb2.SYNC_KIND_FULL, sync_pb2.SYNC_KIND_INCREMENTAL
# The catalog's memory is its own affair; what the issue limits is the connector's.
_MOST_MEGABYTES = 200
# No limit of ours or Microsoft's: what is measured is what it takes.
_UNLIMITED = {"UNITS_PER_SECOND": "10000"}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[PostgresServer | None]:
    """A PostgreSQL that waits for its disk, or none for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with PostgresServer(durable=True) as server:
        yield server


def _url(server: PostgresServer | None) -> str | None:
    return None if server is None else server.url(server.create_database())


async def test_ten_thousand_people(tmp_path: Path, database: PostgresServer | None) -> None:
    """10,000 users, 2,000 groups, 100,000 memberships, 200 apps, 30,000 assignments: a full sync
    in at most 300 requests, an idle incremental one in at most 13, under 200 MB."""
    tenant = tenant_of(10_000, 2_000, 100_000, 200, 30_000)
    async with measured_house(
        tmp_path, tenant, database_url=_url(database), connector=_UNLIMITED
    ) as house:
        await house.control("PUT", "/quotas", {"enabled": False})
        full, seconds = await house.sync("full", FULL)
        idle, idle_seconds = await house.sync("idle", INCREMENTAL)
        report(
            f"10,000 people on {'SQLite' if database is None else 'PostgreSQL'}",
            full_requests=full.request_count,
            full_seconds=f"{seconds:.1f}",
            objects=full.object_count,
            rows_per_second=f"{full.object_count / seconds:.0f}",
            idle_requests=idle.request_count,
            idle_seconds=f"{idle_seconds:.2f}",
            idle_objects=idle.object_count,
            connector_peak_MB=f"{house.peak_megabytes('connector'):.0f}",
            catalog_peak_MB=f"{house.peak_megabytes('catalog'):.0f}",
        )
        assert full.object_count >= 10_000 + 2_000 + 100_000 + 200 + 30_000 - 5_000
        assert full.request_count <= 300
        assert idle.request_count <= 13
        assert idle.removed_count == 0
        assert house.peak_megabytes("connector") < _MOST_MEGABYTES


async def test_a_hundred_thousand_people(tmp_path: Path, database: PostgresServer | None) -> None:
    """100,000 users and 1,000,000 memberships: completes, in the same memory, and its rows a second
    stand beside those of the bare statements of the same rows."""
    tenant = tenant_of(100_000, 20_000, 1_000_000, 600, 300_000)
    url = _url(database)
    async with measured_house(tmp_path, tenant, database_url=url, connector=_UNLIMITED) as house:
        del tenant
        await house.control("PUT", "/quotas", {"enabled": False})
        full, seconds = await house.sync("full", FULL)
        peak = house.peak_megabytes("connector")
        idle, idle_seconds = await house.sync("idle", INCREMENTAL)
        bare = await _bare(house, tmp_path, database)
        rate = full.object_count / seconds
        report(
            f"100,000 people on {'SQLite' if database is None else 'PostgreSQL'}",
            full_requests=full.request_count,
            full_seconds=f"{seconds:.0f}",
            objects=full.object_count,
            rows_per_second=f"{rate:.0f}",
            **{f"bare_{name}_rows_per_second": f"{value:.0f}" for name, value in bare.items()},
            **{f"of_{name}": f"{rate / value:.2f}" for name, value in bare.items()},
            idle_requests=idle.request_count,
            idle_seconds=f"{idle_seconds:.2f}",
            connector_peak_MB=f"{peak:.0f}",
            catalog_peak_MB=f"{house.peak_megabytes('catalog'):.0f}",
        )
        assert full.object_count >= 1_000_000
        assert peak < _MOST_MEGABYTES


_COLUMNS = "group_id, user_id, connection_id, round, doomed, directory_entitlement_id"
_TABLE = (
    f"CREATE TABLE bare ({_COLUMNS.replace(', ', ' text, ').replace('round text', 'round bigint')}"
    " text, PRIMARY KEY (group_id, user_id))"
).replace("doomed text", "doomed boolean")


async def _bare(house: Measured, folder: Path, database: PostgresServer | None) -> dict[str, float]:
    """Rows a second of the synced memberships, written without anything around it."""
    if database is None:
        return {"executemany": _bare_sqlite(folder)}
    return await _bare_postgresql(database)


def _bare_sqlite(folder: Path) -> float:
    (catalog,) = (folder / "house").rglob("catalog*.db")
    with sqlite3.connect(catalog) as source:
        rows = source.execute(f"SELECT {_COLUMNS} FROM directory_memberships").fetchall()
    bare = sqlite3.connect(folder / "bare.db")
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute(_TABLE)
    bare.execute("CREATE INDEX bare_by_user ON bare (user_id, directory_entitlement_id)")
    began = time.monotonic()
    for start in range(0, len(rows), 500):
        with bare:
            bare.executemany(
                "INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)", rows[start : start + 500]
            )
    took = time.monotonic() - began
    bare.close()
    return len(rows) / took


async def _bare_postgresql(server: PostgresServer) -> dict[str, float]:
    names = await _catalog_database(server)
    connection = await asyncpg.connect(server.url(names).replace("+asyncpg", ""))
    try:
        found = await connection.fetch(f"SELECT {_COLUMNS} FROM directory_memberships")
        rows = [tuple(row) for row in found]
        rates = {}
        for name in ("executemany", "copy"):
            await connection.execute(_TABLE)
            await connection.execute(
                "CREATE INDEX bare_by_user ON bare (user_id, directory_entitlement_id)"
            )
            began = time.monotonic()
            if name == "copy":
                await connection.copy_records_to_table("bare", records=rows)
            else:
                for start in range(0, len(rows), 500):
                    await connection.executemany(
                        "INSERT INTO bare VALUES ($1, $2, $3, $4, $5, $6)",
                        rows[start : start + 500],
                    )
            rates[name] = len(rows) / (time.monotonic() - began)
            await connection.execute("DROP TABLE bare")
        return rates
    finally:
        await connection.close()


async def _catalog_database(server: PostgresServer) -> str:
    connection = await asyncpg.connect(server.url("postgres").replace("+asyncpg", ""))
    try:
        names = await connection.fetch("SELECT datname FROM pg_database")
        return next(str(row[0]) for row in names if "catalog" in str(row[0]))
    finally:
        await connection.close()
