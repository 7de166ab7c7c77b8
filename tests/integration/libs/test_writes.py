"""Use cases, once per key and once per event, and again when somebody else was first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from datetime import timedelta

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from latchkey.policy.v1 import policy_pb2
from libs.db.committer import IdempotencyKey, Received
from libs.db.engine import Database
from libs.db.writes import KEPT, Writes, key_of
from libs.domain.callers import Service
from libs.domain.changes import Outcome
from libs.domain.errors import AlreadyExists, Conflict, Invalid, NotFound
from tests.fakes.clock import FakeClock
from tests.integration.libs.things import (
    ADA,
    add,
    bump,
    committing,
    kept,
    ledger,
    rows,
)

KEY = IdempotencyKey("person:a", "/p.S/M", "key", "f" * 64)
UseCase = Callable[[], Awaitable[Outcome[str]]]


@pytest.fixture
async def writes(database: Database) -> AsyncIterator[Writes]:
    async with committing(database) as committer:
        yield Writes(database, ledger, committer)


def adding(thing_id: str) -> UseCase:
    """Adds a thing and answers its id; there can be one of each."""

    async def use_case() -> Outcome[str]:
        return Outcome(thing_id, add(thing_id))

    return use_case


def bumping(database: Database, thing_id: str) -> UseCase:
    """Looks at a thing, and gives it its next version."""

    async def use_case() -> Outcome[str]:
        seen = (await kept(database))[thing_id]
        return Outcome(str(seen + 1), bump(thing_id, seen))

    return use_case


def refusing(error: Exception) -> UseCase:
    async def use_case() -> Outcome[str]:
        raise error

    return use_case


async def answer(writes: Writes, use_case: UseCase, key: IdempotencyKey | None = KEY) -> str:
    response = await writes.answer(
        use_case, lambda result: StringValue(value=result), StringValue, key
    )
    return response.value


async def test_key_answers_as_the_first_time(writes: Writes, database: Database) -> None:
    """A repeated key is answered with the first answer, and its use case is not run."""
    assert await answer(writes, adding("a")) == "a"
    assert await answer(writes, refusing(ZeroDivisionError())) == "a"
    assert len(await rows(database, ledger.audit)) == 1


async def test_key_at_once_has_one_effect(writes: Writes, database: Database) -> None:
    """Calls with one key that run beside each other have one effect and one answer."""
    await answer(writes, adding("a"), None)
    answers = await asyncio.gather(*(answer(writes, bumping(database, "a")) for _ in range(20)))
    assert set(answers) == {"2"}
    assert await kept(database) == {"a": 2}


async def test_key_at_once_is_not_refused_by_itself(writes: Writes, database: Database) -> None:
    """A call that finds its twin's effect in its way gets its twin's answer, not a refusal."""
    looked, go = asyncio.Event(), asyncio.Event()

    async def slow() -> Outcome[str]:
        looked.set()
        await go.wait()
        if "a" in await kept(database):
            raise AlreadyExists("NAME_TAKEN", "Taken.")
        return Outcome("a", add("a"))

    late = asyncio.create_task(answer(writes, slow))
    await looked.wait()
    await answer(writes, adding("a"))
    go.set()
    assert await late == "a"


async def test_key_of_another_request_is_refused(writes: Writes, database: Database) -> None:
    """The same key with another body is refused, and has no effect."""
    await answer(writes, adding("a"))
    other = IdempotencyKey(KEY.caller, KEY.method, KEY.key, "0" * 64)
    with pytest.raises(Invalid) as raised:
        await answer(writes, adding("b"), other)
    assert raised.value.reason == "IDEMPOTENCY_KEY_REUSED"
    assert [violation.field for violation in raised.value.violations] == ["idempotency_key"]
    assert await kept(database) == {"a": 1}


async def test_keys_are_of_one_caller_and_method(writes: Writes, database: Database) -> None:
    """Two callers, or two methods, may choose the same key."""
    await answer(writes, adding("a"))
    await answer(writes, adding("b"), IdempotencyKey("person:b", KEY.method, "key", "f" * 64))
    await answer(writes, adding("c"), IdempotencyKey(KEY.caller, "/p.S/N", "key", "f" * 64))
    assert set(await kept(database)) == {"a", "b", "c"}


async def test_failed_call_leaves_its_key_free(writes: Writes, database: Database) -> None:
    """A refused call can be repeated under its key when it is no longer refused."""
    with pytest.raises(NotFound):
        await answer(writes, refusing(NotFound("X", "Not there.")))
    assert await answer(writes, adding("a")) == "a"


async def test_use_case_runs_again_when_somebody_was_first(
    writes: Writes, database: Database
) -> None:
    """A change from an old state is made anew from the new one, and nothing is lost."""
    await writes.run(adding("a"))
    await asyncio.gather(*(writes.run(bumping(database, "a")) for _ in range(5)))
    assert await kept(database) == {"a": 6}


async def test_giving_up_is_a_conflict(writes: Writes) -> None:
    """What never fits is given up in words, whoever asked."""
    tries = 0

    async def hopeless() -> Outcome[str]:
        nonlocal tries
        tries += 1
        return Outcome("x", bump("absent", 1))

    for run in (
        writes.run(hopeless),
        answer(writes, hopeless),
        writes.effect(Received("c", "evt_1"), hopeless),
    ):
        tries = 0
        with pytest.raises(Conflict) as raised:
            await run
        assert raised.value.reason == "CONFLICT"
        assert tries == 5


async def test_nothing_to_change_is_answered(writes: Writes, database: Database) -> None:
    """A use case that changes nothing writes nothing."""

    async def nothing() -> Outcome[str]:
        return Outcome("as it was")

    assert await writes.run(nothing) == "as it was"
    assert await answer(writes, nothing) == "as it was"
    assert await writes.effect(Received("c", "evt_1"), nothing) == "as it was"
    assert await rows(database, ledger.audit) == []
    assert await rows(database, ledger.idempotency) == []


@pytest.mark.parametrize("fresh", [False, True])
async def test_event_has_one_effect(writes: Writes, database: Database, fresh: bool) -> None:
    """An event that comes again, or twice at once, has its effect once; for each consumer. Also
    when nothing said that it may have had it: its row of the inbox commits with the effect."""
    await writes.run(adding("a"))
    received = Received("consumer", "evt_1", fresh)

    async def effect(use_case: UseCase) -> str | None:
        return await writes.effect(received, use_case)

    twins = (effect(bumping(database, "a")) for _ in range(10))
    assert set(await asyncio.gather(*twins)) == {"2", None}
    assert await effect(bumping(database, "a")) is None
    assert await kept(database) == {"a": 2}
    with nullcontext() if not fresh else pytest.raises(NotFound):
        assert await effect(refusing(NotFound("X", "Not there."))) is None
    await writes.effect(Received("other", "evt_1", fresh), bumping(database, "a"))
    assert await kept(database) == {"a": 3}


async def test_event_that_is_not_as_new_as_it_seems_harms_no_other(
    writes: Writes, database: Database
) -> None:
    """Others that are committed together with an event that had its effect have theirs."""
    await writes.effect(Received("c", "evt_0"), adding("a0"))
    events = [f"evt_{n}" for n in range(8)]

    async def effect(event_id: str) -> str | None:
        use_case = adding(f"b{event_id}")
        return await writes.effect(Received("c", event_id, True), use_case)

    found = await asyncio.gather(*map(effect, events))
    assert found == [None, *(f"b{id}" for id in events[1:])]
    assert set(await kept(database)) == {"a0", *(f"b{id}" for id in events[1:])}
    assert len(await rows(database, ledger.inbox)) == 8


async def test_old_keys_and_events_are_forgotten(writes: Writes, database: Database) -> None:
    """What nobody repeats any more is forgotten after seven days, and not before."""
    await answer(writes, adding("a"))
    await writes.effect(Received("consumer", "evt_1"), adding("b"))
    (stored,) = await rows(database, ledger.idempotency)
    clock = FakeClock(stored["create_time"] + KEPT - timedelta(seconds=1))
    await writes.forget(clock)
    assert len(await rows(database, ledger.idempotency)) == 1
    clock.time += timedelta(minutes=1)
    await writes.forget(clock)
    assert await rows(database, ledger.idempotency) == []
    assert await rows(database, ledger.inbox) == []
    assert len(await rows(database, ledger.audit)) == 2


def test_key_of_a_request() -> None:
    """A key is of its caller, method and whole request; a request without one has none."""
    request = policy_pb2.CreatePolicyRequest(
        policy=policy_pb2.Policy(display_name="A"), idempotency_key=" key "
    )
    key = key_of(ADA, "/p.S/M", request)
    assert key is not None
    assert (key.caller, key.method, key.key) == (ADA.key, "/p.S/M", "key")
    assert key_of(ADA, "/p.S/M", request) == key
    other = policy_pb2.CreatePolicyRequest(
        policy=policy_pb2.Policy(display_name="B"), idempotency_key="key"
    )
    different = key_of(Service("requests"), "/p.S/M", other)
    assert different is not None
    assert different.fingerprint != key.fingerprint
    for blank in ("", "  "):
        empty = policy_pb2.CreatePolicyRequest(idempotency_key=blank)
        assert key_of(ADA, "/p.S/M", empty) is None
