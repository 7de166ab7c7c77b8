"""What the databases say when something is wrong."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError

from libs.db.engine import Database
from libs.domain.errors import Unavailable
from tests.integration.libs.things import kept, ledger, things


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
