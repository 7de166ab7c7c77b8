"""Locks that end with their holder, on both databases."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from libs.db.locks import Locks
from tests.support.eventually import eventually

_HOLDER = """
import asyncio, sys
from libs.db.locks import Locks
async def main():
    locks = Locks.of(sys.argv[1])
    print(await locks.acquire("tenant"), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_one_holds_it(database_url: str) -> None:
    """Who asks second has it only when the first has let go."""
    first, second = Locks.of(database_url), Locks.of(database_url)
    try:
        assert await first.acquire("tenant")
        assert not await second.acquire("tenant")
        assert first.holds("tenant") and not second.holds("tenant")
        await first.release("tenant")
        assert await second.acquire("tenant")
        assert not await first.acquire("tenant")
    finally:
        await first.close()
        await second.close()


async def test_names_are_locks_of_their_own(database_url: str) -> None:
    """Two names don't stand in each other's way, and one process may hold both."""
    first, second = Locks.of(database_url), Locks.of(database_url)
    try:
        assert await first.acquire("a") and await first.acquire("b")
        assert await first.acquire("a"), "what is held may be asked for again"
        await first.release("a")
        assert await second.acquire("a") and not await second.acquire("b")
    finally:
        await first.close()
        await second.close()


async def test_closing_frees_all(database_url: str) -> None:
    """A process that stops leaves everything to others at once."""
    first, second = Locks.of(database_url), Locks.of(database_url)
    assert await first.acquire("a") and await first.acquire("b")
    await first.close()
    assert not first.holds("a")
    assert await second.acquire("a") and await second.acquire("b")
    await second.close()


async def test_kill_frees_it(database_url: str) -> None:
    """Nobody waits for a time to run out after kill -9."""
    locks = Locks.of(database_url)
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, database_url], stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert (await asyncio.to_thread(holder.stdout.readline)).strip() == "True"
            assert not await locks.acquire("tenant")
            holder.kill()
            await eventually(lambda: locks.acquire("tenant"), timeout=2.0)
        finally:
            holder.kill()
            await locks.close()


async def test_a_lost_session_is_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A holder whose session the server ended hears of it at once, for others may hold it then."""
    monkeypatch.setattr("libs.db.locks._LOOK_SECONDS", 60.0)
    locks, other = Locks.of(postgres_url), Locks.of(postgres_url)
    lost = asyncio.Event()
    try:
        assert await locks.acquire("tenant", lost.set)
        admin = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'latchkey locks'"
        )
        await admin.close()
        async with asyncio.timeout(5):
            await lost.wait()
        assert not locks.holds("tenant")
        assert await other.acquire("tenant")
        assert not await locks.acquire("tenant"), "it asks again, in a new session"
    finally:
        await locks.close()
        await other.close()


async def test_what_the_url_sets_holds_for_locks_too(postgres_url: str) -> None:
    """Settings of the driver are not taken for settings of the server."""
    locks = Locks.of(f"{postgres_url}?ssl=disable&prepared_statement_cache_size=0")
    assert await locks.acquire("tenant")
    await locks.close()


@pytest.mark.parametrize("url", ["postgresql+asyncpg://latchkey@127.0.0.1:9/none"])
async def test_no_database_no_lock(url: str) -> None:
    """While the database is away nobody has a lock, and asking raises nothing."""
    locks = Locks.of(url)
    assert not await locks.acquire("tenant")
    await locks.close()
