"""JetStream's way to a use case: each event has its effect, once, whatever happens."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import nats
import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from libs.db.committer import Committer, Received
from libs.db.engine import Database
from libs.db.writes import Writes
from libs.domain.changes import Outcome
from libs.domain.errors import Conflict, Unavailable
from libs.events import consumer as consumer_module
from libs.events.broker import STREAM, Broker
from libs.events.consumer import Consumer, Follow, Hopeless
from libs.events.envelope import Event
from libs.events.relay import Relay
from tests.fakes.clock import MachineClock
from tests.integration.libs.things import (
    TYPE,
    add,
    bump,
    change,
    committing,
    kept,
    ledger,
    prepare,
    rows,
)
from tests.support.eventually import eventually
from tests.support.nats import NatsServer

Handle = Callable[[Event, Received], Awaitable[None]]
_TIME = datetime(2025, 11, 23, tzinfo=UTC)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """What the consumer promises depends on NATS, so that one kind of database is enough here."""
    database = Database.open(sqlite_url)
    await prepare(database)
    yield database
    await database.close()


@pytest.fixture
async def source(tmp_path: Any, nats_url: str) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """Another service that publishes events: of things, by their ids."""
    database = Database.open(f"sqlite:///{tmp_path / 'source.db'}")
    await prepare(database)
    async with (
        Broker(nats_url, "source") as broker,
        Relay(database, ledger, broker) as relay,
        committing(database, relay=relay) as committer,
    ):

        async def publish(*ids: str) -> None:
            for one in ids:
                await committer.commit(
                    change(thing_id=one, facts=(one.encode(),))  # only the event matters
                )

        yield publish
    await database.close()


@asynccontextmanager
async def following(database: Database, url: str, handle: Handle) -> AsyncIterator[Consumer]:
    """A consumer at work."""
    async with Broker(url, "test") as broker:
        consumer = Consumer(
            service="test",
            follow=Follow(TYPE, handle),
            broker=broker,
            database=database,
            ledger=ledger,
            clock=MachineClock(),
        )
        async with consumer:
            yield consumer


def adding(database: Database, committer: Committer, calls: Counter[str]) -> Handle:
    """Adds the thing that the event is about, as the effect of the event."""
    writes = Writes(database, ledger, committer)

    async def handle(event: Event, received: Received) -> None:
        calls[event.resource_id] += 1

        async def use_case() -> Outcome[None]:
            return Outcome(None, add(event.resource_id))

        await writes.effect(received, use_case)

    return handle


async def _nothing_pending(url: str) -> bool:
    client = await nats.connect(url)
    try:
        (info,) = await client.jetstream().consumers_info(STREAM)
    finally:
        await client.close()
    return info.num_pending == 0 and info.num_ack_pending == 0


async def test_every_event_has_its_effect(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """Events from before and after the consumer began have their effect and are acknowledged."""
    calls: Counter[str] = Counter()
    await source(*(f"a{n}" for n in range(50)))
    async with (
        committing(database) as committer,
        following(database, nats_url, adding(database, committer, calls)),
    ):
        await source(*(f"b{n}" for n in range(50)))
        await eventually(lambda: _all_kept(database, 100), 15)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    assert set(calls.values()) == {1}
    assert len(await rows(database, ledger.inbox)) == 100


async def _all_kept(database: Database, count: int) -> bool:
    return len(await kept(database)) == count


async def test_second_delivery_has_no_second_effect(
    database: Database,
    nats_url: str,
    source: Callable[..., Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An event whose ack is lost comes again, and finds its effect done."""
    monkeypatch.setattr(consumer_module, "_ACK_WAIT_SECONDS", 0.5)
    calls: Counter[str] = Counter()
    ack, lost = Msg.ack, 1

    async def forgetful(self: Msg) -> None:
        nonlocal lost
        if lost:
            lost -= 1
            raise TimeoutError
        await ack(self)

    monkeypatch.setattr(Msg, "ack", forgetful)
    async with (
        committing(database) as committer,
        following(database, nats_url, adding(database, committer, calls)),
    ):
        await source("a")
        await eventually(lambda: calls["a"] == 2, 15)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    assert await kept(database) == {"a": 1}
    assert len(await rows(database, ledger.inbox)) == 1


async def test_event_sent_twice_has_one_effect(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """The same event on two places of the stream, as after a loss, has one effect."""
    calls: Counter[str] = Counter()
    await source("a")
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        first = await eventually(lambda: _message(jetstream, 1), 10)
        headers = {key: value for key, value in first.headers.items() if key.startswith("ce-")}
        await jetstream.publish(TYPE, first.data, headers=headers)
    finally:
        await client.close()
    async with (
        committing(database) as committer,
        following(database, nats_url, adding(database, committer, calls)),
    ):
        await eventually(lambda: calls["a"] == 2, 10)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    assert await kept(database) == {"a": 1}


async def _message(jetstream: JetStreamContext, sequence: int) -> Any:
    try:
        return await jetstream.get_msg(STREAM, sequence)
    except NotFoundError:
        return None


async def test_events_do_not_wait_for_those_before_them(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """One that takes long holds up no other, until as many are in hand as may be."""
    go, begun, ended = asyncio.Event(), Counter[str](), Counter[str]()

    async def handle(event: Event, received: Received) -> None:
        begun[event.resource_id] += 1
        await go.wait()
        ended[event.resource_id] += 1

    async with following(database, nats_url, handle):
        for name in ("first", "second", "third"):
            await source(name)
            await eventually(partial(begun.__contains__, name), 10)
        await source(*(f"a{n}" for n in range(100)))
        await eventually(lambda: len(begun) == 64, 10)
        assert not ended
        go.set()
        await eventually(lambda: len(ended) == 103, 10)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    assert set(begun.values()) == {1}


async def test_consumer_that_was_removed_is_made_anew(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """It hears all of the stream again then; what had its effect has no second one."""
    calls: Counter[str] = Counter()
    async with (
        committing(database) as committer,
        following(database, nats_url, adding(database, committer, calls)) as consumer,
    ):
        await source("a")
        await eventually(lambda: _all_kept(database, 1), 10)
        await eventually(lambda: _nothing_pending(nats_url), 10)
        client = await nats.connect(nats_url)
        try:
            await client.jetstream().delete_consumer(STREAM, consumer.name)
        finally:
            await client.close()
        await source("b")
        await eventually(lambda: _all_kept(database, 2), 10)
        await eventually(lambda: calls["a"] == 2, 10)
    assert await kept(database) == {"a": 1, "b": 1}


async def test_what_fails_for_now_comes_again(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """An event that fails is tried again after a pause, foreseen or not, and others pass it."""
    calls: Counter[str] = Counter()

    async def handle(event: Event, received: Received) -> None:
        calls[event.resource_id] += 1
        if event.resource_id == "later" and calls["later"] == 1:
            raise Unavailable("requests", "away")
        if event.resource_id == "broken" and calls["broken"] == 1:
            raise ZeroDivisionError

    async with following(database, nats_url, handle):
        await source("later", "broken", "fine")
        await eventually(lambda: calls == {"later": 2, "broken": 2, "fine": 1}, 10)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    assert await rows(database, ledger.quarantine) == []


async def test_what_keeps_failing_is_put_aside(
    database: Database,
    nats_url: str,
    source: Callable[..., Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After many tries an event is kept in quarantine, with why, and not delivered again."""
    monkeypatch.setattr(consumer_module, "_MOST_DELIVERIES", 3)
    calls: Counter[str] = Counter()

    async def handle(event: Event, received: Received) -> None:
        calls[event.resource_id] += 1
        raise ZeroDivisionError

    async with following(database, nats_url, handle):
        await source("bad")
        await eventually(lambda: _quarantined(database, 1), 15)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    (row,) = await rows(database, ledger.quarantine)
    assert calls == {"bad": 3}
    assert (row["type"], row["payload"]) == (TYPE, b"bad")
    assert row["problem"] == "given up: ZeroDivisionError"


@pytest.mark.parametrize("error", [Unavailable("a peer", "away"), Conflict("CONFLICT", "others")])
async def test_what_is_no_fault_of_the_event_is_waited_out(
    database: Database,
    nats_url: str,
    source: Callable[..., Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    """Somebody who is away for long costs time: no event is put aside for it."""
    monkeypatch.setattr(consumer_module, "_MOST_DELIVERIES", 2)
    monkeypatch.setattr(consumer_module, "_LONGEST_PAUSE_SECONDS", 0.1)
    calls: Counter[str] = Counter()

    async def handle(event: Event, received: Received) -> None:
        calls[event.resource_id] += 1
        if calls[event.resource_id] < 6:
            raise error

    async with following(database, nats_url, handle):
        await source("a")
        await eventually(lambda: calls["a"] == 6, 15)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    assert await rows(database, ledger.quarantine) == []


async def _quarantined(database: Database, count: int) -> bool:
    return len(await rows(database, ledger.quarantine)) == count


async def test_garbage_is_put_aside(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """What is no event of ours, and what can never have an effect, harms nothing behind it."""
    calls: Counter[str] = Counter()

    async def handle(event: Event, received: Received) -> None:
        calls[event.resource_id] += 1
        if event.resource_id == "hopeless":
            raise Hopeless("it speaks of nothing")

    async with following(database, nats_url, handle):
        await source("hopeless")
        await eventually(lambda: calls["hopeless"] == 1, 10)
        client = await nats.connect(nats_url)
        try:
            jetstream = client.jetstream()
            await jetstream.publish(TYPE, b"\x00\xffgarbage")
            await jetstream.publish(TYPE, b"", headers={"ce-id": "x", "ce-type": "other"})
            await jetstream.publish(TYPE, b"", headers={"ce-specversion": "1.0"})
        finally:
            await client.close()
        await source("fine")
        await eventually(lambda: calls["fine"] == 1, 10)
        await eventually(lambda: _quarantined(database, 4), 10)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    problems = {row["problem"] for row in await rows(database, ledger.quarantine)}
    assert {"it speaks of nothing", "the header ce-id is missing"} <= problems


async def test_what_a_database_does_not_take_is_put_aside(
    postgres_url: str, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """PostgreSQL keeps no NUL: an event that says it is of such a type ends in quarantine like any
    other that is none, and does not come again and again."""
    calls: Counter[str] = Counter()

    async def handle(event: Event, received: Received) -> None:
        calls[event.resource_id] += 1

    database = Database.open(postgres_url)
    await prepare(database)
    async with following(database, nats_url, handle):
        await source("first")
        await eventually(lambda: calls["first"] == 1, 10)
        await _publish_raw(nats_url, Event("x", "latchkey.a\0b", "s", 1, _TIME, "", b""))
        await eventually(lambda: _quarantined(database, 1), 10)
        await eventually(lambda: _nothing_pending(nats_url), 10)
    (row,) = await rows(database, ledger.quarantine)
    assert row["problem"] == f"it says it is latchkey.a\ufffdb and came on {TYPE}"
    await database.close()


async def _publish_raw(url: str, event: Event) -> None:
    """Publishes an event with headers as they are, which no client would send."""
    where = urlsplit(url)
    head = "".join(f"{name}: {value}\r\n" for name, value in event.headers().items())
    head = f"NATS/1.0\r\n{head}\r\n"
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(b'CONNECT {"verbose":false,"headers":true}\r\n')
        writer.write(f"HPUB {TYPE} {len(head)} {len(head)}\r\n{head}\r\nPING\r\n".encode())
        await writer.drain()
        await reader.readuntil(b"PONG\r\n")
    finally:
        writer.close()
        await writer.wait_closed()


async def test_quarantine_that_can_not_be_written_is_tried_again(
    database: Database,
    nats_url: str,
    source: Callable[..., Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that is away when garbage arrives neither ends the consumer nor loses it."""
    monkeypatch.setattr(consumer_module, "_ACK_WAIT_SECONDS", 0.5)
    write, away = database.write, 2

    async def sometimes(work: Any) -> Any:
        nonlocal away
        if away:
            away -= 1
            raise Unavailable("the database", "away")
        return await write(work)

    monkeypatch.setattr(database, "write", sometimes)

    async def handle(event: Event, received: Received) -> None:
        raise Hopeless("never")

    async with following(database, nats_url, handle):
        await source("a")
        await eventually(lambda: _quarantined(database, 1), 15)
        await eventually(lambda: _nothing_pending(nats_url), 10)


async def test_nats_may_be_killed(
    database: Database, nats_server: NatsServer, source: Callable[..., Awaitable[None]]
) -> None:
    """While NATS is away nothing happens; when it is back everything goes on, by itself."""
    calls: Counter[str] = Counter()
    async with committing(database) as committer:
        handle = adding(database, committer, calls)
        async with following(database, nats_server.url, handle):
            await source("a")
            await eventually(lambda: _all_kept(database, 1), 10)
            for count in (3, 5):
                nats_server.kill()
                await source(f"away{count}")
                nats_server.start()
                await source(f"back{count}")
                await eventually(partial(_all_kept, database, count), 20)
    assert set(await kept(database)) == {"a", "away3", "back3", "away5", "back5"}


async def test_consumer_begins_before_nats(
    database: Database, nats_server: NatsServer, source: Callable[..., Awaitable[None]]
) -> None:
    """A service that starts first follows as soon as NATS is there."""
    url = nats_server.url
    nats_server.stop()
    calls: Counter[str] = Counter()
    async with (
        committing(database) as committer,
        following(database, url, adding(database, committer, calls)),
    ):
        await source("a")
        nats_server.start()
        await eventually(lambda: _all_kept(database, 1), 20)


async def test_stopping_finishes_what_is_in_hand(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """An event whose effect has begun has it before the end; the next process goes on behind."""
    began, calls = asyncio.Event(), Counter[str]()
    async with committing(database) as committer:
        inner = adding(database, committer, calls)

        async def slow(event: Event, received: Received) -> None:
            began.set()
            await asyncio.sleep(0.3)
            await inner(event, received)

        async with following(database, nats_url, slow):
            await source("a")
            await began.wait()
        assert await kept(database) == {"a": 1}
        async with following(database, nats_url, inner):
            await source("b")
            await eventually(lambda: _all_kept(database, 2), 10)
    assert calls == {"a": 1, "b": 1}


async def test_two_processes_share_the_events(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """Replicas follow together: every event has one effect, whoever takes it."""
    calls: Counter[str] = Counter()
    async with committing(database) as committer:
        handle = adding(database, committer, calls)
        async with (
            following(database, nats_url, handle),
            following(database, nats_url, handle),
        ):
            await source(*(f"t{n}" for n in range(100)))
            await eventually(lambda: _all_kept(database, 100), 15)
    assert len(await rows(database, ledger.inbox)) == 100


async def test_effect_and_inbox_are_one(
    database: Database, nats_url: str, source: Callable[..., Awaitable[None]]
) -> None:
    """An effect that can't be committed leaves no inbox row, so that the event has it later."""
    calls: Counter[str] = Counter()
    async with committing(database) as committer:
        writes = Writes(database, ledger, committer)

        async def handle(event: Event, received: Received) -> None:
            calls["a"] += 1

            async def use_case() -> Outcome[None]:
                return Outcome(None, bump("a", 1) if calls["a"] == 1 else add("a"))

            await writes.effect(received, use_case)

        async with following(database, nats_url, handle):
            await source("a")
            await eventually(lambda: _all_kept(database, 1), 10)
    assert calls["a"] == 2
    assert len(await rows(database, ledger.inbox)) == 1
