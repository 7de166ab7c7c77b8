"""What the databases say when something is wrong."""

import asyncio
import sqlite3
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from libs.db.engine import Database
from libs.domain.errors import Unavailable
from libs.domain.ids import new_id
from tests.integration.libs.things import kept, ledger, prepare, things
from tests.support.meanwhile import meanwhile


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(text("SELECT nonsense FROM nowhere"), id="nonsense"),
        pytest.param(insert(things).values(thing_id="a", version=None), id="null"),
        pytest.param(select(ledger.audit).where(ledger.audit.c.sequence > 2**70), id="too large"),
    ],
)
async def test_mistakes_of_ours_are_not_the_databases(
    database: Database, statement: object
) -> None:
    """A statement that is wrong is an error of ours, which trying again does not help."""

    def work(connection: Connection) -> None:
        connection.execute(statement)  # type: ignore[call-overload]

    verbs: list[Callable[[Callable[[Connection], None]], object]] = [
        database.read,
        database.write,
    ]
    for verb in verbs:
        with pytest.raises((DBAPIError, OverflowError)):
            await verb(work)  # type: ignore[misc]


async def test_only_what_need_not_last_does_not_wait_for_the_disk(database: Database) -> None:
    """It is kept as anything else is; and what is written next waits for the disk again."""

    def work(connection: Connection) -> str:
        connection.execute(insert(things).values(thing_id=new_id("thg"), version=1))
        if connection.dialect.name == "sqlite":
            level = connection.execute(text("PRAGMA synchronous")).scalar_one()
            return {1: "off", 2: "on"}[level]
        # The tests' server waits for nothing by its command line; here it is who said so.
        source = "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'"
        return "off" if connection.execute(text(source)).scalar_one() == "client" else "on"

    assert await database.write(work, lasting=False) == "off"
    assert await database.write(work) == "on"
    assert await database.write(work, lasting=False) == "off"
    assert len(await kept(database)) == 3


async def test_failed_work_leaves_nothing(database: Database) -> None:
    """What fails half way through is undone, whatever it failed with."""

    def work(connection: Connection) -> None:
        connection.execute(insert(things).values(thing_id="a", version=1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(work)
    assert await kept(database) == {}


async def test_a_cancelled_write_is_finished(database: Database) -> None:
    """Who cancels a write finds it done."""
    await database.write(lambda connection: None)
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(connection: Connection) -> None:
        loop.call_soon_threadsafe(began.set)
        connection.execute(insert(things).values(thing_id="a", version=1))

    task = asyncio.create_task(database.write(work))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while await kept(database) != {"a": 1}:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("verb", ["read", "write"])
async def test_closing_waits_for_what_was_cancelled(database_url: str, verb: str) -> None:
    """Nothing goes on behind a closed database, on a connection that nobody closes."""
    closing = Database.open(database_url)
    await closing.read(lambda connection: None)
    began, ended = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(connection: Connection) -> None:
        loop.call_soon_threadsafe(began.set)
        for _ in range(300):
            connection.execute(text("SELECT 1"))
        loop.call_soon_threadsafe(ended.set)

    task = asyncio.create_task(getattr(closing, verb)(work))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await closing.close()
    await asyncio.sleep(0)  # what a thread has said is heard
    assert ended.is_set()


async def test_reading_at_once_is_of_one_moment(database: Database) -> None:
    """What is committed between two statements of one reading is seen by neither of them."""
    loop = asyncio.get_running_loop()
    await database.write(lambda c: c.execute(insert(things).values(thing_id="a", version=1)))

    async def change() -> None:
        await database.write(lambda c: c.execute(things.update().values(version=2)))

    def work(connection: Connection) -> list[int]:
        seen = [connection.execute(select(things.c.version)).scalar_one()]
        meanwhile(loop, change())
        return [*seen, connection.execute(select(things.c.version)).scalar_one()]

    assert await database.read(work, at_once=True) == [1, 1]
    assert await kept(database) == {"a": 2}


async def test_reading_at_once_writes_nothing(postgres_url: str) -> None:
    """PostgreSQL refuses to write in such a reading, and the next user of the connection can."""
    database = Database.open(postgres_url)
    try:
        await prepare(database)
        statement = insert(things).values(thing_id="a", version=1)
        with pytest.raises(DBAPIError):
            await database.read(lambda c: c.execute(statement), at_once=True)
        await database.write(lambda c: c.execute(statement))
        assert await kept(database) == {"a": 1}
    finally:
        await database.close()


async def test_who_is_silent_in_a_transaction_loses_it(postgres_url: str) -> None:
    """A replica that is heard of no more does not keep the others from writing for hours."""
    database = Database.open(postgres_url)
    setting = "idle_in_transaction_session_timeout"

    def silent(connection: Connection) -> None:
        connection.execute(text(f"SET LOCAL {setting} = '100ms'"))
        await_only(asyncio.sleep(0.5))
        connection.execute(text("SELECT 1"))

    try:
        found = await database.read(lambda c: c.execute(text(f"SHOW {setting}")).scalar_one())
        assert found == "30s"
        with pytest.raises(Unavailable):
            await database.write(silent)
        await database.write(lambda c: c.execute(text("SELECT 1")))
    finally:
        await database.close()


async def test_errors_do_not_list_parameters(database: Database) -> None:
    """A statement's parameters are what people wrote, and its errors go into the log."""
    statement = insert(things).values(thing_id="a", version=None)
    with pytest.raises(DBAPIError) as raised:
        await database.write(lambda c: c.execute(statement))
    assert "parameters hidden" in str(raised.value)


async def test_nobody_there_is_unavailable(tmp_path: object) -> None:
    """A server that is not there, and a folder that is not there, do not answer."""
    for url in ("postgresql+asyncpg://a@127.0.0.1:1/x", f"sqlite:///{tmp_path}/no/where.db"):
        database = Database.open(url)
        try:
            with pytest.raises(Unavailable):
                await database.read(lambda connection: None)
            with pytest.raises(Unavailable):
                await database.write(lambda connection: None)
        finally:
            await database.close()


def test_other_databases_are_refused() -> None:
    """A URL that we do not know is refused by name, without its password."""
    with pytest.raises(ValueError, match="database_url begins with mysql://") as raised:
        Database.open("mysql://user:hunter2@host/name")
    assert "hunter2" not in str(raised.value)


async def test_a_table_that_others_refer_to_is_made_anew(sqlite_url: str) -> None:
    """In a migration the old one may go while rows refer to it. What then refers to nothing is
    refused and undone, and afterwards each write is looked at again."""

    def run(*statements: str) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            for each in statements:
                connection.execute(text(each))

        return work

    child = "INSERT INTO child VALUES (1, {})"
    anew = (
        "CREATE TABLE anew (id INTEGER PRIMARY KEY, more TEXT)",
        "INSERT INTO anew SELECT id, '' FROM parent",
        "DROP TABLE parent",
        "ALTER TABLE anew RENAME TO parent",
    )
    database = Database.open(sqlite_url)
    try:
        await database.write(
            run(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
                "CREATE TABLE child (id INTEGER PRIMARY KEY, of INTEGER REFERENCES parent (id))",
                "INSERT INTO parent VALUES (1)",
                child.format(1),
            )
        )
        with pytest.raises(DBAPIError):
            await database.write(run(*anew))
        with pytest.raises(sqlite3.IntegrityError, match="child"):
            await database.migrate(run(*anew, "DELETE FROM parent"))
        await database.migrate(run(*anew))
        found = await database.read(lambda c: c.execute(text("SELECT more FROM parent")).all())
        assert len(found) == 1
        with pytest.raises(DBAPIError):
            await database.write(run("INSERT INTO child VALUES (2, 7)"))
    finally:
        await database.close()
