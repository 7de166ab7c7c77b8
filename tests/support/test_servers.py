"""The real servers that tests talk to: fresh, killable, and what was acknowledged stays."""

import sqlite3

import asyncpg
import nats
import pytest
from sqlalchemy.engine import make_url

from tests.support.nats import NatsError, NatsServer
from tests.support.postgres import PostgresMissing, PostgresServer, find_binaries


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))


class TestNats:
    async def test_keeps_what_it_acknowledged_over_a_kill(self, nats_server: NatsServer) -> None:
        """JetStream is on, stores in files, and comes back on the same port."""
        before = (nats_server.url, nats_server.pid)
        client = await nats.connect(nats_server.url)
        jetstream = client.jetstream()
        await jetstream.add_stream(name="facts", subjects=["latchkey.>"])
        await jetstream.publish("latchkey.test", b"it happened")
        await client.close()

        nats_server.kill()
        nats_server.start()

        assert nats_server.url == before[0]
        assert nats_server.pid != before[1]
        async with await nats.connect(nats_server.url) as client:
            message = await client.jetstream().get_last_msg("facts", "latchkey.test")
            assert message.data == b"it happened"

    async def test_url_is_of_the_running_server(self, nats_url: str) -> None:
        """The two fixtures speak of one server."""
        async with await nats.connect(nats_url) as client:
            assert client.is_connected

    def test_says_why_it_did_not_start(self, nats_server: NatsServer) -> None:
        """A port that is taken is an error with the server's own words, not a hang."""
        second = NatsServer(nats_server.folder / "second", port=int(nats_server.url.split(":")[-1]))
        with pytest.raises(NatsError, match="address already in use"):
            second.start()
        assert second.pid is None


class TestPostgres:
    async def test_database_is_empty_and_of_the_tests_own(self, postgres_url: str) -> None:
        """Nothing that another test made is there."""
        connection = await _connect(postgres_url)
        count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert await connection.fetchval(count) == 0
        await connection.execute("CREATE TABLE left_behind (id int)")
        await connection.close()

    async def test_database_is_gone_after_the_test(
        self, postgres_server: PostgresServer, request: pytest.FixtureRequest
    ) -> None:
        """Two databases of one server never share a table, and a dropped one is not there."""
        first, second = postgres_server.create_database(), postgres_server.create_database()
        connection = await _connect(postgres_server.url(first))
        await connection.execute("CREATE TABLE left_behind (id int)")
        other = await _connect(postgres_server.url(second))
        assert await other.fetchval("SELECT to_regclass('left_behind')") is None
        await connection.close()
        await other.close()
        for name in (first, second):
            postgres_server.drop_database(name)
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            await _connect(postgres_server.url(first))

    async def test_durable_server_keeps_commits_over_a_kill(
        self, durable_postgres: PostgresServer
    ) -> None:
        """It waits for the disk, its connections die with it, and commits are there after."""
        url = durable_postgres.url(durable_postgres.create_database())
        connection = await _connect(url)
        assert await connection.fetchval("SHOW fsync") == "on"
        await connection.execute("CREATE TABLE kept (id int)")
        await connection.execute("INSERT INTO kept VALUES (1)")

        durable_postgres.kill()
        with pytest.raises((asyncpg.PostgresError, OSError, asyncpg.InterfaceError)):
            await connection.fetchval("SELECT 1")
        durable_postgres.start()

        connection = await _connect(url)
        assert await connection.fetchval("SELECT id FROM kept") == 1
        await connection.close()

    def test_without_binaries_the_message_names_the_package(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A machine without PostgreSQL is told what to install."""
        monkeypatch.setattr("pathlib.Path.exists", lambda _: False)
        with pytest.raises(PostgresMissing, match=r"apt-get install .*postgresql"):
            find_binaries()


def test_database_url_names_both_kinds(database_url: str) -> None:
    """A test with `database_url` runs on SQLite and on PostgreSQL."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        sqlite3.connect(url.database).close()
    else:
        assert url.drivername == "postgresql+asyncpg"
