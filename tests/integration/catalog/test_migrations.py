"""The database that the migrations make is the one that the code means."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, insert, or_, select, text, update

from libs.db.engine import Database
from services.catalog.store import MIGRATIONS
from services.catalog.store.tables import directory_memberships
from tests.support.eventually import eventually

NOW = datetime(2026, 3, 1, tzinfo=UTC)


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


AT_FIRST: dict[str, dict[str, Any]] = {
    "syncs": {
        "connection_id": "con_1",
        "sync_id": "syn_1",
        "entra_tenant_id": "tenant",
        "last_page_number": 6,
        "checkpoint": "somewhere",
        "completed": True,
        "seen_count": 21,
        "removed_count": 2,
        "version": 9,
    },
    "directory_users": {
        "user_id": "usr_1",
        "connection_id": "con_1",
        "sync_id": "syn_1",
        "entra_tenant_id": "tenant",
        "entra_object_id": "ada",
        "display_name": "Ada",
        "search_name": "ada",
        "user_principal_name": "",
        "mail": "",
        "department": "",
        "job_title": "",
        "manager_user_id": "",
        "account_enabled": True,
        "sync_time": NOW,
    },
    "directory_groups": {
        "group_id": "grp_1",
        "connection_id": "con_1",
        "sync_id": "syn_1",
        "directory_entitlement_id": "den_1",
        "entra_tenant_id": "tenant",
        "entra_object_id": "staff",
        "display_name": "Staff",
        "search_name": "staff",
        "description": "",
        "unwritable_reason": "UNSPECIFIED",
    },
    "directory_memberships": {
        "group_id": "grp_1",
        "user_id": "usr_1",
        "connection_id": "con_1",
        "sync_id": "syn_1",
        "directory_entitlement_id": "den_1",
    },
    "directory_assignments": {
        "app_id": "app_1",
        "principal_id": "grp_1",
        "entra_app_role_id": "role",
        "connection_id": "con_1",
        "sync_id": "syn_1",
        "principal_kind": "GROUP",
        "directory_entitlement_id": "den_2",
    },
    "apps": {
        "app_id": "app_1",
        "connection_id": "con_1",
        "sync_id": "syn_1",
        "entra_tenant_id": "tenant",
        "entra_service_principal_id": "sp",
        "entra_app_id": "client",
        "display_name": "Tool",
        "search_name": "tool",
        "description": "",
        "account_enabled": True,
        "is_protected": False,
        "app_roles": [],
        "digest": "d",
        "create_time": NOW,
        "manage_time": NOW,
        "removed": False,
        "version": 2,
    },
}


async def test_rounds_carry_over_what_was_there(database_url: str) -> None:
    """Every row stays, seen in no round; the next sync reads everything, and back is a way too."""
    database = Database.open(database_url)

    def reflected(connection: Connection) -> MetaData:
        metadata = MetaData()
        metadata.reflect(connection)
        return metadata

    def to(version: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            MIGRATIONS.config.attributes["connection"] = connection
            go = command.upgrade if version > "0001" else command.downgrade
            go(MIGRATIONS.config, version)

        return work

    def fill(connection: Connection) -> None:
        MIGRATIONS.config.attributes["connection"] = connection
        command.upgrade(MIGRATIONS.config, "0001")
        metadata = reflected(connection)
        for name, row in AT_FIRST.items():
            connection.execute(insert(metadata.tables[name]), row)

    def kept(connection: Connection) -> dict[str, dict[str, Any]]:
        metadata = reflected(connection)
        return {
            name: dict(connection.execute(select(metadata.tables[name])).mappings().one())
            for name in AT_FIRST
        }

    try:
        await database.write(fill)
        before = await database.read(kept)
        await database.write(to("0002"))
        after = await database.read(kept)
        mirror = {"round": 0, "doomed": False}
        news: dict[str, dict[str, Any]] = {
            **dict.fromkeys(AT_FIRST, mirror),
            "syncs": {"round": 0, "run": 0, "groups_only": False, "checkpoint": ""},
            "apps": {**mirror, "assignments_digest": ""},
        }
        for name, row in before.items():
            expected = {**row, **news[name]}
            if name != "syncs":
                del expected["sync_id"]
            assert after[name] == expected
        await database.write(to("0001"))
        assert (await database.read(kept))["apps"] == {**before["apps"], "sync_id": ""}
        await MIGRATIONS.apply(database)
        await MIGRATIONS.check(database)
    finally:
        await database.close()


async def test_a_round_of_a_row_touches_no_index(postgres_url: str) -> None:
    """PostgreSQL keeps the new version of a membership beside the old: an update that is "hot"."""
    database = Database.open(postgres_url)
    rows = [
        {"group_id": f"grp_{n % 7}", "user_id": f"usr_{n}", "connection_id": "con_1"}
        | {"round": 1, "doomed": False, "directory_entitlement_id": f"den_{n % 7}"}
        for n in range(2000)
    ]

    def seen_again(connection: Connection) -> None:
        connection.execute(update(directory_memberships).values(round=2))

    async def all_hot() -> bool:
        query = text(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
            " WHERE relname = 'directory_memberships'"
        )
        found = await database.read(lambda connection: connection.execute(query).one())
        return tuple(found) == (2000, 2000)

    try:
        await MIGRATIONS.apply(database)
        await database.write(lambda c: c.execute(insert(directory_memberships), rows))
        await database.write(seen_again)
        await eventually(all_hot, 20)
    finally:
        await database.close()


async def test_whether_something_is_doomed_is_found_by_index(database_url: str) -> None:
    """The words of the question are those of the partial index, on either kind of database."""
    database = Database.open(database_url)
    table = directory_memberships
    asked = select(table.c.user_id).where(table.c.connection_id == "con_1", or_(table.c.doomed))

    def plan(connection: Connection) -> str:
        words = asked.compile(connection.engine, compile_kwargs={"literal_binds": True})
        if connection.dialect.name == "sqlite":
            return str(connection.execute(text(f"EXPLAIN QUERY PLAN {words}")).all())
        connection.execute(text("SET enable_seqscan = off"))
        return str(connection.execute(text(f"EXPLAIN {words}")).all())

    try:
        await MIGRATIONS.apply(database)
        assert "directory_memberships_doomed" in await database.read(plan)
    finally:
        await database.close()
