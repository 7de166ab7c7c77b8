"""The one way to write."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, text, update

from libs.db import audit
from libs.db.committer import Committer, IdempotencyKey, Received
from libs.db.engine import Database
from libs.db.guarded import Guarded, Stale
from libs.domain.changes import AuditEntry, Change, Fact
from libs.domain.errors import Unavailable
from tests.fakes.clock import MachineClock
from tests.integration.libs.things import (
    ADA,
    add,
    assert_numbered,
    bump,
    change,
    committing,
    kept,
    ledger,
    prepare,
    rows,
    things,
)
from tests.support.around_database import AroundDatabase
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer


class SlowDatabase(AroundDatabase):
    """A database whose writes wait until the test lets them go, and are counted."""

    def __init__(self, inner: Database) -> None:
        super().__init__(inner)
        self.go = asyncio.Event()
        self.writes = 0

    async def _write(self, work: Callable[[Connection], Any], lasting: bool) -> Any:
        self.writes += 1
        await self.go.wait()
        return await self.inner._write(work, lasting)

    async def _close(self) -> None:
        await self.inner.close()


async def test_change_is_kept_whole(database: Database) -> None:
    """A change, its audit record, its events, its key and its inbox row are there together."""
    key = IdempotencyKey("person:a", "/p.S/M", "key", "f" * 64, b"answer")
    async with committing(database) as committer:
        await committer.commit(add("a"), key=key, received=Received("consumer", "evt_1"))
    assert await kept(database) == {"a": 1}
    (record,) = await rows(database, ledger.audit)
    assert (record["action"], record["resource_id"]) == ("thing.changed", "a")
    assert audit.actor_from_json(record["actor"]) == ADA
    (event,) = await rows(database, ledger.outbox)
    assert (event["payload"], event["resource_id"], event["published"]) == (b"a", "a", False)
    assert isinstance(event["event_time"], datetime)
    assert event["event_time"].tzinfo is not None
    (stored,) = await rows(database, ledger.idempotency)
    assert (stored["key"], stored["answer"]) == ("key", b"answer")
    (inbox,) = await rows(database, ledger.inbox)
    assert (inbox["consumer"], inbox["event_id"]) == ("consumer", "evt_1")
    await assert_numbered(database)


async def test_five_hundred_at_once(database: Database) -> None:
    """Many concurrent commits are all kept, in few transactions, and numbered without gaps."""
    slow = SlowDatabase(database)
    slow.go.set()
    told: list[Change] = []
    async with committing(slow, told.extend) as committer:
        await asyncio.gather(*(committer.commit(add(f"t{n:03}")) for n in range(500)))
    assert len(await kept(database)) == 500
    assert slow.writes < 50
    assert len(told) == 500
    await assert_numbered(database)
    found = await audit.verify(database, ledger, {}, "", MachineClock())
    assert (found.record_count, found.intact) == (500, True)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(bump("absent", 1), id="guard"),
        pytest.param(add("taken"), id="unique key"),
        pytest.param(change(Guarded(text("SELECT nonsense FROM nowhere"))), id="bad statement"),
        pytest.param(
            Change(AuditEntry(ADA, "x", "x", details={"not": object()}), ()), id="bad audit"
        ),
        pytest.param(
            Change(AuditEntry(ADA, "x", "x"), (), (Fact("x", 1, object()),)), id="bad fact"
        ),
    ],
)
async def test_one_bad_member_fails_alone(database: Database, bad: Change) -> None:
    """In a group whose member can't be committed the others are, and leave no gap."""
    slow = SlowDatabase(database)
    slow.go.set()
    async with committing(slow) as committer:
        await committer.commit(add("taken"))
        slow.go.clear()
        first = asyncio.create_task(committer.commit(add("first")))
        await eventually(lambda: slow.writes == 2)
        others = [asyncio.create_task(committer.commit(add(f"t{n}"))) for n in range(3)]
        failing = asyncio.create_task(committer.commit(bad))
        more = [asyncio.create_task(committer.commit(add(f"u{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        slow.go.set()
        await asyncio.gather(first, *others, *more)
        with pytest.raises(Exception) as raised:
            await failing
        assert not isinstance(raised.value, Unavailable)
        await committer.commit(add("later"))
    assert set(await kept(database)) == {
        *("taken", "first", "later"),
        *(f"{letter}{n}" for letter in "tu" for n in range(3)),
    }
    await assert_numbered(database)


async def test_guards(database: Database) -> None:
    """A change that was made from an old state is stale, and nothing of it is kept."""
    async with committing(database) as committer:
        await committer.commit(add("a"))
        await committer.commit(bump("a", 1))
        with pytest.raises(Stale):
            await committer.commit(bump("a", 1))
        with pytest.raises(Stale):
            await committer.commit(add("a"))
        half = change(*add("b").writes, *bump("a", 7).writes)
        with pytest.raises(Stale):
            await committer.commit(half)
    assert await kept(database) == {"a": 2}
    assert len(await rows(database, ledger.audit)) == 2


async def test_of_two_from_one_state_one_wins(database: Database) -> None:
    """Concurrent changes of one version: one is kept, the others are stale."""
    async with committing(database) as committer:
        await committer.commit(add("a"))
        answers = await asyncio.gather(
            *(committer.commit(bump("a", 1)) for _ in range(20)), return_exceptions=True
        )
    assert answers.count(None) == 1
    assert sum(isinstance(answer, Stale) for answer in answers) == 19
    assert await kept(database) == {"a": 2}
    await assert_numbered(database)


async def test_many_rows_of_one_statement(database: Database) -> None:
    """A statement with parameters runs for all of them; with none of them, not at all."""
    many = Guarded(insert(things), parameters=[{"thing_id": f"{n}", "version": n} for n in (1, 2)])
    async with committing(database) as committer:
        await committer.commit(change(many, Guarded(insert(things), parameters=[])))
    assert await kept(database) == {"1": 1, "2": 2}


async def test_every_row_that_is_expected(database: Database) -> None:
    """With parameters and an expectation each of them must touch its row, or nothing is kept."""
    seen = update(things).where(
        things.c.thing_id == bindparam("of"), things.c.version == bindparam("seen")
    )

    def bumped(*pairs: tuple[str, int]) -> Change:
        values = [{"of": of, "seen": version, "version": version + 1} for of, version in pairs]
        return change(Guarded(seen, expects=1, parameters=values))

    async with committing(database) as committer:
        await committer.commit(add("a"))
        await committer.commit(add("b"))
        await committer.commit(bumped(("a", 1), ("b", 1)))
        with pytest.raises(Stale):
            await committer.commit(bumped(("a", 2), ("b", 1)))
    assert await kept(database) == {"a": 2, "b": 2}


async def test_cancelled_caller_leaves_its_change_and_the_committer(database: Database) -> None:
    """Who no longer waits finds the change kept, and everybody else is served."""
    slow = SlowDatabase(database)
    async with committing(slow) as committer:
        under_way = asyncio.create_task(committer.commit(add("under way")))
        await eventually(lambda: slow.writes == 1)
        waiting = asyncio.create_task(committer.commit(add("waiting")))
        failing = asyncio.create_task(committer.commit(bump("absent", 1)))
        await asyncio.sleep(0)
        for task in (under_way, waiting, failing):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        slow.go.set()
        await committer.commit(add("later"))
        assert committer.failure is None
    assert set(await kept(database)) == {"under way", "waiting", "later"}
    await assert_numbered(database)


async def test_killed_committer_fails_who_waits(database: Database) -> None:
    """When the committer's task dies nobody waits for ever, and the process can see it."""
    slow = SlowDatabase(database)
    async with committing(slow) as committer:
        under_way = asyncio.create_task(committer.commit(add("under way")))
        await eventually(lambda: slow.writes == 1)
        waiting = asyncio.create_task(committer.commit(add("waiting")))
        await asyncio.sleep(0)
        (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "committer")
        task.cancel()
        for caller in (under_way, waiting):
            with pytest.raises(Unavailable):
                await caller
        assert isinstance(committer.failure, asyncio.CancelledError)
        with pytest.raises(Unavailable):
            await committer.commit(add("later"))
        slow.go.set()


async def test_failing_listener_ends_the_committer_visibly(database: Database) -> None:
    """What is told of a commit and fails is a fault that ends the process, after the commit."""

    def listener(changes: Any) -> None:
        raise ZeroDivisionError

    async with committing(database, listener) as committer:
        await committer.commit(add("a"))
        await eventually(lambda: isinstance(committer.failure, ZeroDivisionError))
    assert await kept(database) == {"a": 1}


async def test_stopping_commits_what_waits(database: Database) -> None:
    """What was handed over before the end is kept, and nothing is taken after it."""
    committer: Committer
    async with committing(database) as committer:
        tasks = [asyncio.create_task(committer.commit(add(f"t{n}"))) for n in range(10)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert len(await kept(database)) == 10
    with pytest.raises(Unavailable):
        await committer.commit(add("late"))


async def test_two_committers_number_one_chain(database_url: str, database: Database) -> None:
    """Replicas on one database write one chain and one outbox, without a gap."""
    other = Database.open(database_url)
    try:
        async with committing(database) as one, committing(other) as two:
            await asyncio.gather(*((one, two)[n % 2].commit(add(f"t{n:03}")) for n in range(100)))
    finally:
        await other.close()
    assert len(await kept(database)) == 100
    await assert_numbered(database)
    found = await audit.verify(database, ledger, {}, "", MachineClock())
    assert found.intact


async def test_lost_database_is_unavailable_and_comes_back(
    durable_postgres: PostgresServer,
) -> None:
    """While PostgreSQL is away callers hear that it does not answer, nothing is done twice, and
    the committer goes on when it is back."""
    database = Database.open(durable_postgres.url(durable_postgres.create_database()))
    try:
        await prepare(database)
        async with committing(database) as committer:
            await committer.commit(add("before"))
            durable_postgres.kill()
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await committer.commit(add("away"))
                with pytest.raises(Unavailable):
                    await kept(database)
            durable_postgres.start()

            async def back() -> bool:
                try:
                    await committer.commit(add("after"))
                except (Unavailable, Stale):
                    return "after" in await kept(database)
                return True

            await eventually(back, 20)
            durable_postgres.stop()  # an ordered end tells each connection so
            with pytest.raises(Unavailable):
                await committer.commit(add("away again"))
            durable_postgres.start()
            await eventually(lambda: _answers(database), 20)
        assert set(await kept(database)) == {"before", "after"}
        await assert_numbered(database)
    finally:
        await database.close()


async def _answers(database: Database) -> bool:
    try:
        return bool(await kept(database))
    except Unavailable:
        return False
