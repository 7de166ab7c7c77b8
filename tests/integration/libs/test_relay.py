"""The outbox's way to JetStream: in order, at least once, whatever happens to NATS."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from sqlalchemy import Connection

from libs.db.engine import Database
from libs.events.broker import STREAM, Broker, stream_config
from libs.events.envelope import Event, parse
from libs.events.relay import Relay
from tests.integration.libs.things import add, committing, ledger, prepare, rows
from tests.support.around_database import AroundDatabase
from tests.support.eventually import eventually
from tests.support.nats import NatsServer


class CountedDatabase(AroundDatabase):
    """A database whose reads are counted."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner)
        self.reads = 0

    async def _read(self, work: Callable[[Connection], Any], at_once: bool) -> Any:
        self.reads += 1
        return await super()._read(work, at_once)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """What the relay promises depends on NATS, so that one kind of database is enough here."""
    database = Database.open(sqlite_url)
    await prepare(database)
    yield database
    await database.close()


@asynccontextmanager
async def relaying(database: Database, url: str) -> AsyncIterator[Any]:
    """A relay at work, and the committer that wakes it: commits things by their ids."""
    async with (
        Broker(url, "test") as broker,
        Relay(database, ledger, broker) as relay,
        committing(database, relay=relay) as committer,
    ):

        async def commit(*ids: str) -> None:
            await asyncio.gather(*(committer.commit(add(one)) for one in ids))

        yield commit


async def published(database: Database) -> bool:
    """Whether everything in the outbox is marked as sent."""
    return all(row["published"] for row in await rows(database, ledger.outbox))


async def streamed(url: str) -> list[Event]:
    """Everything that is in the stream, in its order."""
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        last = (await jetstream.stream_info(STREAM)).state.last_seq
        messages = [await jetstream.get_msg(STREAM, n) for n in range(1, last + 1)]
    finally:
        await client.close()
    return [parse(str(m.subject), m.headers, m.data or b"") for m in messages]


async def _jetstream(url: str) -> tuple[Any, JetStreamContext]:
    client = await nats.connect(url)
    return client, client.jetstream()


async def test_events_go_out_in_the_order_of_commits(database: Database, nats_url: str) -> None:
    """Hundreds of events arrive in the order of the outbox, each once, soon after the commit."""
    async with relaying(database, nats_url) as commit:
        await commit(*(f"t{n:03}" for n in range(600)))
        await eventually(lambda: published(database))
    outbox = await rows(database, ledger.outbox)
    events = await streamed(nats_url)
    assert [event.event_id for event in events] == [row["event_id"] for row in outbox]
    assert [event.payload for event in events] == [row["payload"] for row in outbox]
    assert [row["stream_sequence"] for row in outbox] == list(range(1, 601))
    assert '"display_name":"Ada"' in events[0].actor


async def test_what_is_told_is_not_read_again(database: Database, nats_url: str) -> None:
    """What comes right after what went out last goes out as it was told, and to note that it is
    out reads nothing; what another process committed in between is read first, so that the order is
    that of the outbox."""
    counted = CountedDatabase(database)
    async with relaying(counted, nats_url) as commit:
        await commit("a")
        await eventually(lambda: published(database))
        before = counted.reads
        began = asyncio.get_running_loop().time()
        for number in range(40):
            await commit(f"t{number}")
            if number % 4 == 0:
                await eventually(lambda: published(database))
        polls = asyncio.get_running_loop().time() - began
        assert counted.reads <= before + 1 + polls
        async with committing(database) as another:
            await another.commit(add("of another"))
        await commit("b")
        await eventually(lambda: published(database))
    outbox = await rows(database, ledger.outbox)
    events = await streamed(nats_url)
    assert [event.event_id for event in events] == [row["event_id"] for row in outbox]
    assert [event.payload for event in events[-2:]] == [b"of another", b"b"]


async def test_commits_do_not_wait_for_nats(database: Database, nats_server: NatsServer) -> None:
    """Without NATS changes are kept, and their events go out when it is there."""
    url = nats_server.url
    nats_server.stop()
    async with relaying(database, url) as commit:
        async with asyncio.timeout(2):
            await commit("a", "b")
        assert not await published(database)
        nats_server.start()
        await eventually(lambda: published(database), 15)
        nats_server.kill()
        async with asyncio.timeout(2):
            await commit("c")
        nats_server.start()
        await eventually(lambda: published(database), 15)
    assert {event.payload for event in await streamed(url)} == {b"a", b"b", b"c"}


async def test_what_was_left_goes_out_after_a_restart(database: Database, nats_url: str) -> None:
    """A process that dies between commit and publish leaves nothing behind unsent."""
    async with committing(database) as committer:
        await committer.commit(add("a"))
    async with relaying(database, nats_url):
        await eventually(lambda: published(database))
    assert [event.payload for event in await streamed(nats_url)] == [b"a"]


async def test_stopping_sends_what_is_left(database: Database, nats_url: str) -> None:
    """An orderly end sends what was committed before it."""
    async with relaying(database, nats_url) as commit:
        await commit("first")
        await eventually(lambda: published(database))
        await commit(*(f"t{n}" for n in range(50)))
    assert await published(database)


async def test_lost_stream_is_filled_again(database: Database, nats_server: NatsServer) -> None:
    """A stream that is gone, and one that is another of the same name, get everything again,
    under the same ids and in the same order."""
    async with relaying(database, nats_server.url) as commit:
        await commit("a", "b")
        await eventually(lambda: published(database))

    # NATS comes back with an empty folder: acknowledged is not kept.
    url = nats_server.url
    nats_server.kill()
    shutil.rmtree(nats_server.folder / "store")
    nats_server.start()
    async with relaying(database, url) as commit:
        await commit("c")
        await eventually(lambda: published(database), 15)
        outbox = await rows(database, ledger.outbox)
        events = await streamed(url)
        assert [event.event_id for event in events] == [row["event_id"] for row in outbox]
    assert len(events) == 3


async def test_shortened_stream_is_filled_again(
    database: Database, nats_server: NatsServer
) -> None:
    """A stream that lost its end, as after a power cut, gets the end again."""
    url = nats_server.url
    async with relaying(database, url) as commit:
        await commit("a")
        await eventually(lambda: published(database))
        nats_server.stop()
        saved = nats_server.folder / "saved"
        shutil.copytree(nats_server.folder / "store", saved)
        nats_server.start()
        await commit("b", "c")
        await eventually(lambda: published(database), 15)
        nats_server.kill()
        shutil.rmtree(nats_server.folder / "store")
        saved.rename(nats_server.folder / "store")
        nats_server.start()
        await eventually(lambda: _holds(url, 3), 15)
    assert sorted(event.payload for event in await streamed(url)) == [b"a", b"b", b"c"]


async def _holds(url: str, count: int) -> bool:
    return len(await streamed(url)) >= count


async def test_deleted_stream_is_declared_and_filled_again(
    database: Database, nats_url: str
) -> None:
    """A stream that somebody deletes while we run is made anew, with everything in it."""
    async with relaying(database, nats_url) as commit:
        await commit("a")
        await eventually(lambda: published(database))
        client, jetstream = await _jetstream(nats_url)
        try:
            await jetstream.delete_stream(STREAM)
            await commit("b")
            await eventually(lambda: _stream_exists(jetstream), 15)
            await eventually(lambda: _holds(nats_url, 2), 15)
        finally:
            await client.close()
        await eventually(lambda: published(database))
    assert {event.payload for event in await streamed(nats_url)} == {b"a", b"b"}


async def _stream_exists(jetstream: JetStreamContext) -> bool:
    try:
        await jetstream.stream_info(STREAM)
    except NotFoundError:
        return False
    return True


async def test_unknown_publish_is_sent_again_and_stored_once(
    database: Database, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publish whose ack is lost is unknown: it is sent again under its id, which JetStream
    stores once, and what came behind it in its batch is not marked before it."""
    publish = JetStreamContext.publish
    lost = 2

    async def forgetful(self: JetStreamContext, *args: Any, **more: Any) -> Any:
        nonlocal lost
        ack = await publish(self, *args, **more)
        if lost and more["headers"]["ce-subject"] == "b":
            lost -= 1
            raise TimeoutError
        return ack

    monkeypatch.setattr(JetStreamContext, "publish", forgetful)
    async with committing(database) as committer:
        for one in ("a", "b", "c"):
            await committer.commit(add(one))
    async with relaying(database, nats_url):
        await eventually(lambda: published(database), 15)
    assert lost == 0
    assert [event.payload for event in await streamed(nats_url)] == [b"a", b"b", b"c"]
    sequences = [row["stream_sequence"] for row in await rows(database, ledger.outbox)]
    assert sequences == [1, 2, 3]


async def test_unforeseen_failure_does_not_end_the_relay(
    database: Database, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails once while sending, the events go out afterwards."""
    publish, failures = JetStreamContext.publish, 1

    async def failing(self: JetStreamContext, *args: Any, **more: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise ZeroDivisionError
        return await publish(self, *args, **more)

    monkeypatch.setattr(JetStreamContext, "publish", failing)
    async with relaying(database, nats_url) as commit:
        await commit("a")
        await eventually(lambda: published(database))


async def test_stream_is_as_we_need_it(nats_url: str) -> None:
    """The stream refuses rather than drops, keeps on disk, and lets nobody delete from it."""
    async with Broker(nats_url, "test") as broker:
        jetstream = await broker.ready()
        found = (await jetstream.stream_info(STREAM)).config
    wanted = stream_config()
    for name in ("subjects", "retention", "storage", "discard", "deny_delete", "deny_purge"):
        assert getattr(found, name) == getattr(wanted, name)


async def test_broker_survives_what_nobody_thought_of(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of NATS that we do not understand delays events; it does not end them."""
    declare, faults = Broker._declare, [ZeroDivisionError("odd"), KeyError("config")]

    async def oddly(self: Broker) -> None:
        if faults:
            raise faults.pop()
        await declare(self)

    monkeypatch.setattr(Broker, "_declare", oddly)
    async with Broker(nats_url, "test") as broker, asyncio.timeout(10):
        await broker.ready()
    assert not faults
