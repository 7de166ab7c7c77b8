"""Audit records and signed heads are added, and never changed or removed: by nobody through the
database, and least of all by the role that a service runs as."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, insert, select, text
from sqlalchemy.exc import DBAPIError

from libs.audit.heads import head_fields
from libs.db.__main__ import migrate, migrations_of
from libs.db.engine import Database
from libs.db.grants import WrongRole
from services.policy.store.tables import ledger
from tests.support import chain
from tests.support.postgres import PostgresServer
from tools.dev.child import ROOT
from tools.dev.issuer import SERVICES

ROLE = "latchkey_service"
REFUSED = [
    "UPDATE {table} SET hash = 'x'",
    "UPDATE {table} SET sequence = sequence + 1 WHERE sequence = 1",
    "DELETE FROM {table}",
]
ON_SQLITE = [
    "INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
    "REPLACE INTO {table} SELECT * FROM {table}",
]
ON_POSTGRESQL = ["TRUNCATE {table}"]
# What would take the protection away, or go around it.
BY_THE_ROLE = [
    *ON_POSTGRESQL,
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "DROP TRIGGER {table}_only_added ON {table}",
    "DROP TABLE {table}",
    "ALTER TABLE {table} OWNER TO latchkey_service",
    "CREATE OR REPLACE FUNCTION rows_are_only_added() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RETURN OLD; END $$",
    "SET session_replication_role = replica",
]


def _execute(statement: Executable, connection: Connection) -> None:
    connection.execute(statement)


def _rows(query: Executable, connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(query).all()]


async def _filled(database: Database) -> None:
    (record,) = chain.records(1)
    signed = chain.head(record, 0, service="policy")

    def work(connection: Connection) -> None:
        connection.execute(insert(ledger.audit).values(chain.row(record)))
        connection.execute(insert(ledger.audit_heads).values(head_fields(signed)))

    await database.write(work)


async def _kept(database: Database) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for table in (ledger.audit, ledger.audit_heads):
        found += await database.read(partial(_rows, select(table)))
    return found


async def _all_refused(database: Database, statements: list[str]) -> None:
    before = await _kept(database)
    assert len(before) == 2
    for table in ("audit_records", "audit_heads"):
        for statement in statements:
            with pytest.raises(DBAPIError):
                await database.write(partial(_execute, text(statement.format(table=table))))
    assert await _kept(database) == before


async def test_nobody_changes_what_is_recorded(database_url: str) -> None:
    """Not even the owner of the tables, on either kind of database."""
    await migrate({"policy": database_url})
    database = Database.open(database_url)
    try:
        await _filled(database)
        more = ON_SQLITE if database_url.startswith("sqlite") else ON_POSTGRESQL
        await _all_refused(database, REFUSED + more)
    finally:
        await database.close()


@pytest.fixture
async def granted(postgres_server: PostgresServer) -> AsyncIterator[tuple[str, str]]:
    """The URLs of one database for its owner and for the role of its service."""
    postgres_server.create_role(ROLE)
    name = postgres_server.create_database()
    yield postgres_server.url(name), postgres_server.url(name, ROLE)
    postgres_server.drop_database(name)


@pytest.mark.parametrize("service", SERVICES)
async def test_the_role_of_a_service_reads_and_adds(service: str, granted: tuple[str, str]) -> None:
    """It is granted all that it needs of every table of its service, and of audit records and heads
    to read and to add; twice without harm. What would take the protection away is refused too."""
    owners, its_own = granted
    for _ in range(2):
        await migrate({service: owners}, {service: ROLE})
    database = Database.open(its_own)
    try:
        await migrations_of(service).check(database)
        await _filled(database)
        await _all_refused(database, REFUSED + BY_THE_ROLE)
        rights = text(
            "SELECT tablename, has_table_privilege(tablename, 'SELECT'), "
            "has_table_privilege(tablename, 'INSERT'), has_table_privilege(tablename, 'UPDATE'), "
            "has_table_privilege(tablename, 'DELETE') FROM pg_tables WHERE schemaname = 'public'"
        )
        every = await database.read(partial(_rows, rights))
        found = {name: allowed for name, *allowed in every}
        special = {
            "alembic_version": [True, False, False, False],
            "audit_records": [True, True, False, False],
            "audit_heads": [True, True, False, False],
            "ledger_head": [True, False, True, False],
        }
        assert found == dict.fromkeys(found, [True] * 4) | special
        assert found.keys() >= migrations_of(service).metadata.tables.keys()
    finally:
        await database.close()


async def test_a_role_that_can_not_be_held_to_it_is_refused(
    granted: tuple[str, str], sqlite_url: str, postgres_server: PostgresServer
) -> None:
    """A superuser, the owner or somebody in its place, nobody, and a database without roles: the
    command names it, with status 2; the database is migrated all the same."""
    owners, _ = granted
    for url, role, says in (
        (owners, "latchkey", "is a superuser"),
        (owners, "nobody_at_all", "there is no such role"),
        (sqlite_url, ROLE, "only PostgreSQL has roles"),
    ):
        with pytest.raises(WrongRole, match=says):
            await migrate({"policy": url}, {"policy": role})
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LATCHKEY_")}
    environment |= {"LATCHKEY_POLICY_DATABASE_URL": owners}
    for role, status in (("nobody_at_all", 2), (ROLE, 0)):
        ended = subprocess.run(
            [sys.executable, "-m", "libs.db", "migrate"],
            cwd=ROOT,
            env=environment | {"LATCHKEY_POLICY_DATABASE_ROLE": role},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == status, ended.stderr
    database = Database.open(owners)
    try:
        own = text(f"ALTER TABLE audit_records OWNER TO {ROLE}")
        await database.write(partial(_execute, own))
    finally:
        await database.close()
    with pytest.raises(WrongRole, match="owns the tables"):
        await migrate({"policy": owners}, {"policy": ROLE})
