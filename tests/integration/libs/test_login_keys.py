"""The keys of the login endpoint: fetched, rotated, withdrawn, and what happens without."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.domain.errors import Unauthenticated, Unavailable
from libs.rpc.jwts import LEEWAY_SECONDS
from libs.rpc.login_keys import KEEP_SECONDS, REFRESH_SECONDS, UNKNOWN_KEY_SECONDS
from tests.integration.libs.scene import KINDS, failure_of, serving
from tests.integration.libs.trust import OTHER_TENANT, Login, login
from tests.support.issuer import bearer
from tests.support.token_corpus import corpus


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Login]:
    async with login(tmp_path) as running:
        yield running


def _fetches(running: Login) -> int:
    return sum(
        entry["path"].endswith("/discovery/v2.0/keys")
        for entry in running.simulator.journal.entries()
    )


async def test_keys_are_fetched_once_for_all(running: Login) -> None:
    """The first tokens wait for one fetch together; a new key is fetched when a token names it, and
    the tokens of before go on."""
    old = running.token()
    people = await asyncio.gather(*(running.verifier.verify(old) for _ in range(20)))
    assert len({person.key for person in people}) == 1
    assert _fetches(running) == 1
    running.simulator.keys.rotate(keep=True)
    with pytest.raises(Unauthenticated, match="unknown key"):
        await running.verifier.verify(running.token())
    assert _fetches(running) == 1
    running.time.seconds += UNKNOWN_KEY_SECONDS
    await running.verifier.verify(running.token())
    assert await running.verifier.verify(old) is people[-1]
    assert _fetches(running) == 2


async def test_made_up_keys_ask_for_one_fetch_in_a_while(running: Login) -> None:
    """A hundred unknown key ids are one question to the login endpoint, and none is let in."""
    await running.verifier.verify(running.token())
    running.time.seconds += UNKNOWN_KEY_SECONDS
    for number in range(100):
        with pytest.raises(Unauthenticated, match="unknown key"):
            await running.verifier.verify(running.good().headed(kid=f"key-{number}"))
    assert _fetches(running) == 2


async def test_a_withdrawn_key_stops_counting(running: Login) -> None:
    """At the next fetch in the background, also for tokens that were let in before."""
    token = running.token()
    await running.verifier.verify(token)
    running.simulator.keys.rotate(keep=False)
    await running.keys.refresh()
    await running.verifier.verify(token)
    running.time.seconds += REFRESH_SECONDS
    await running.keys.refresh()
    with pytest.raises(Unauthenticated, match="unknown key"):
        await running.verifier.verify(token)
    await running.verifier.verify(running.token())


async def test_known_keys_go_on_for_a_while(running: Login) -> None:
    """While the login endpoint is away the last keys count, for hours and no longer; then nobody is
    unknown, it just can't be told."""
    token = running.token()
    await running.verifier.verify(token)
    running.simulator.faults.add_json({"kind": "unavailable", "service": "login"})
    running.time.seconds += KEEP_SECONDS - 1
    await running.keys.refresh()
    await running.verifier.verify(token)
    with pytest.raises(Unavailable):
        await running.verifier.verify(running.good().headed(kid="new"))
    running.time.seconds += 2
    with pytest.raises(Unavailable):
        await running.verifier.verify(token)
    running.simulator.faults.clear()
    await running.keys.refresh()
    await running.verifier.verify(token)


async def test_a_tenant_whose_keys_never_came(running: Login) -> None:
    """Nobody of it can be told from anybody, and the people of another come in all the same."""
    there = {"tid": OTHER_TENANT, "iss": f"https://{running.host}/{OTHER_TENANT}/v2.0"}
    with pytest.raises(Unavailable):
        await running.verifier.verify(running.token(claims=there))
    await running.verifier.verify(running.token())


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_of_the_corpus_reaches_a_method(tmp_path: Path, kind: str) -> None:
    """Every token of the corpus is UNAUTHENTICATED on a server, for each kind of method, and no
    handler is reached; a good one is let in."""
    async with login(tmp_path) as found, serving(tmp_path, verifier=found.verifier) as running:
        await running.call(method=kind, metadata=bearer(found.token()))
        running.scene.callers.clear()
        wrong = {}
        for name, metadata in corpus(found.good()).items():
            sendable = tuple((key, value) for key, value in metadata if value.isprintable())
            code, reason, _ = await failure_of(running.call(method=kind, metadata=sendable))
            if (code.name, reason) != ("UNAUTHENTICATED", "CALLER_UNKNOWN"):
                wrong[name] = (code, reason)
        assert wrong == {}
        assert running.scene.callers == []


async def test_a_stream_ends_with_the_token(tmp_path: Path) -> None:
    """Who watches hears when their token is good no more, leeway included, and the handler ends; a
    call that has ended by then has nothing of it."""
    async with login(tmp_path) as found, serving(tmp_path, verifier=found.verifier) as running:
        token = found.token(claims={"exp": int(time.time()) - LEEWAY_SECONDS + 2})
        code, reason, error = await failure_of(
            running.call(asyncio.Event().wait, method="watch", metadata=bearer(token))
        )
        assert (code.name, reason) == ("UNAUTHENTICATED", "CALLER_UNKNOWN")
        assert "has expired" in str(error.details())
        await asyncio.wait_for(running.scene.cancelled.wait(), 5)
        await running.call(method="watch", metadata=bearer(found.token()))


async def test_a_person_comes_in_by_the_simulated_login(tmp_path: Path) -> None:
    """Who the token names is who the handler sees; while no key can be had, that is UNAVAILABLE."""
    async with login(tmp_path) as found, serving(tmp_path, verifier=found.verifier) as running:
        await running.call(metadata=bearer(found.token()))
        tenant = found.simulator.tenant
        user = next(iter(tenant.users))
        assert running.scene.callers[0].key == f"person:{tenant.id}:{user}"
        found.simulator.faults.add_json({"kind": "unavailable", "service": "login"})
        found.time.seconds += KEEP_SECONDS + 1
        code, _, _ = await failure_of(running.call(metadata=bearer(found.token())))
        assert code.name == "UNAVAILABLE"
