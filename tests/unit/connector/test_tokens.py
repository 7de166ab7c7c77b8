"""The tokens of a connection: fetched once for many, kept while they work, never shown."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.connector.domain.connection import Credential, CredentialKind
from services.connector.entra.clouds import Cloud
from services.connector.entra.credentials.access_token import Token
from services.connector.entra.credentials.http import Heard
from services.connector.entra.credentials.sign_in import (
    Identity,
    Materials,
    SignedIn,
    _problem,
    sign_in,
)
from services.connector.entra.problems import Problem
from services.connector.entra.secrets import SecretsFolder
from services.connector.entra.token import LOOK_SECONDS, TokenSource
from tests.support.eventually import eventually

_MARKER = "m4rker-secret"
# Port 9 of the loopback: nobody listens there.
_NOWHERE = Cloud("test", "https://127.0.0.1:9", "https://127.0.0.1:9", "scope/.default")
_IDENTITY = Identity(
    _NOWHERE, "tenant", "client", Credential(CredentialKind.CLIENT_SECRET, "contoso")
)
_REFUSED = Problem(401, "invalid_client", "no", sent=False, signing_in=True)


class Login:
    """A login endpoint that a test has in its hands, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "contoso"
        self.file.write_text(_MARKER)
        self.secrets = SecretsFolder(folder)
        self.time = 1000.0
        self.threads: list[int] = []
        self.clients: list[str] = []
        self.answer: Callable[[str], Token | Problem] | None = None
        self.go = threading.Event()
        self.go.set()
        self.source = TokenSource(
            _IDENTITY, self.secrets, sign_in=self.sign_in, seconds=5, now=lambda: self.time
        )

    def sign_in(self, identity: Identity, materials: Materials) -> SignedIn:
        """Answers with a token for an hour, unless the test says otherwise."""
        self.threads.append(threading.get_ident())
        self.clients.append(identity.entra_client_id)
        self.go.wait(10)
        material = materials.material(identity.credential)
        found: Token | Problem
        if self.answer is None:
            found = Token(f"token {len(self.threads)}", self.time + 3600, material.digest)
        else:
            found = self.answer(str(material.credential))
        return SignedIn(found, material.digest)

    async def token(self) -> Token:
        found = await self.source.token()
        assert isinstance(found, Token)
        return found

    async def replaced(self, before: Token) -> Token:
        """The token once it is another one."""

        async def other() -> Token | None:
            found = await self.token()
            return None if found is before else found

        after = await eventually(other, 5)
        assert after is not None
        return after

    async def started(self, count: int) -> None:
        """Returns when so many sign-ins have begun."""

        async def begun() -> bool:
            return len(self.threads) >= count

        await eventually(begun, 5)

    async def settled(self, count: int) -> None:
        """Returns when so many sign-ins were made, and are over."""

        async def over() -> bool:
            return len(self.threads) >= count and self.source.is_quiet

        await eventually(over, 5)


@pytest.fixture
async def login(tmp_path: Path) -> AsyncIterator[Login]:
    found = Login(tmp_path)
    yield found
    found.go.set()
    await found.source.close()


class TestOneForMany:
    async def test_many_who_ask_cause_one_sign_in(self, login: Login) -> None:
        """One refresh is under way at a time, off the event loop, and a fresh token is kept."""
        found = await asyncio.gather(*(login.source.token() for _ in range(50)))
        assert len(set(map(id, found))) == 1
        await login.source.token()
        assert len(login.threads) == 1 and login.threads[0] != threading.get_ident()

    async def test_who_gives_up_waiting_does_not_stop_the_others(self, login: Login) -> None:
        """A cancelled caller leaves the sign-in to those who still wait."""
        login.go.clear()
        first, second = (asyncio.create_task(login.source.token()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        login.go.set()
        assert isinstance(await second, Token)
        assert len(login.threads) == 1

    async def test_who_waits_when_all_ends_is_let_go(self, login: Login) -> None:
        """A sign-in that hangs does not hold up a process that ends."""
        login.go.clear()
        waiting = asyncio.create_task(login.source.token())
        await login.started(1)
        await login.source.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert login.source.is_quiet

    async def test_a_failure_is_not_kept(self, login: Login) -> None:
        """The next who asks tries again."""
        login.answer = lambda _: _REFUSED
        assert await login.source.token() is _REFUSED
        login.answer = None
        assert isinstance(await login.source.token(), Token)

    async def test_one_that_hangs_is_given_up_and_holds_nobody_else_up(
        self, tmp_path: Path
    ) -> None:
        """However many hang, another connection signs in meanwhile."""
        hanging = []
        for number in range(20):
            (tmp_path / str(number)).mkdir()
            login = Login(tmp_path / str(number))
            login.go.clear()
            login.source = TokenSource(_IDENTITY, login.secrets, sign_in=login.sign_in, seconds=0.5)
            hanging.append(login)
        waiting = [asyncio.create_task(login.source.token()) for login in hanging]
        await asyncio.sleep(0)
        assert isinstance(await Login(tmp_path).source.token(), Token)
        assert not any(task.done() for task in waiting)
        for found in await asyncio.gather(*waiting):
            assert isinstance(found, Problem)
            assert found.is_passing and not found.sent and found.code == "timeout"
        for login in hanging:
            login.go.set()

    async def test_a_fault_is_told_without_its_words(self, login: Login) -> None:
        """Nobody knows what they hold."""

        def fails(_: str) -> Token:
            raise KeyError(_MARKER)

        login.answer = fails
        found = await login.source.token()
        assert isinstance(found, Problem)
        assert "KeyError" in found.message and _MARKER not in repr(found)


class TestRenewal:
    async def test_is_renewed_before_it_ends_and_nobody_waits(self, login: Login) -> None:
        """In its last minutes it is handed out while the next one is being fetched."""
        before = await login.token()
        login.time += 3400
        login.go.clear()
        assert await login.token() is before
        login.go.set()
        assert await login.replaced(before) is not before

    @pytest.mark.parametrize("seconds", [0, 4, 40, 200, 400])
    async def test_one_that_ends_soon_is_not_renewed_with_each_call(
        self, login: Login, seconds: int
    ) -> None:
        """A machine hands out what it has, for as long as that lasts."""
        login.answer = lambda _: Token("short", login.time + seconds, b"")
        for _ in range(400):
            assert isinstance(await login.source.token(), Token)
            await login.settled(1)
            login.time += 1
        assert len(login.threads) <= 1 + 400 / max(5, 0.8 * seconds)

    async def test_is_used_on_while_the_login_endpoint_is_away(self, login: Login) -> None:
        """And it is asked again only after a while; at the end of the token there is none."""
        before = await login.token()
        login.answer = lambda _: Problem(0, "ConnectError", "no answer", sent=False)
        login.time += 3400
        for _ in range(5):
            assert await login.token() is before
            await login.settled(2)
        assert len(login.threads) == 2
        login.time += 31
        assert await login.token() is before
        await login.settled(3)
        login.time += 200
        assert isinstance(await login.source.token(), Problem)

    async def test_the_same_secret_refused_is_a_secret_revoked(self, login: Login) -> None:
        """What was got with it is not used on."""
        before = await login.token()
        login.answer = lambda _: _REFUSED
        login.time += 3400
        assert await login.token() is before
        await login.settled(2)
        assert await login.source.token() is _REFUSED

    async def test_one_that_entra_refused_is_not_handed_out_again(self, login: Login) -> None:
        """Nor one that may permit too little, unless it was issued just now."""
        before = await login.token()
        assert not await login.source.replaced(before, refused=False)
        assert await login.token() is before
        assert await login.source.replaced(before, refused=True)
        second = await login.token()
        assert second is not before
        assert await login.source.replaced(before, refused=True)
        assert await login.token() is second
        login.time += 60
        assert await login.source.replaced(second, refused=False)
        assert await login.token() is not second

    async def test_one_that_permits_too_little_is_kept_until_there_is_another(
        self, login: Login
    ) -> None:
        """It is used on while the login endpoint is away, which is not asked each time."""
        before = await login.token()
        login.answer = lambda _: Problem(503, "unavailable", "later", signing_in=True)
        login.time += 60
        for _ in range(3):
            assert not await login.source.replaced(before, refused=False)
            assert await login.token() is before
        assert len(login.threads) == 2
        login.answer = None
        login.time += 31
        assert await login.source.replaced(before, refused=False)
        assert await login.token() is not before

    async def test_anew_is_anew_and_does_not_break_what_works(self, login: Login) -> None:
        """A test of a connection that fails for the moment leaves the token that works."""
        before = await login.token()
        login.answer = lambda _: Problem(0, "ConnectError", "no answer", sent=False)
        assert isinstance(await login.source.token(anew=True), Problem)
        assert await login.token() is before
        login.answer = None
        after = await login.source.token(anew=True)
        assert after is not before and await login.token() is after

    @pytest.mark.parametrize(("asked", "seconds"), [(timedelta(seconds=60), 60), (None, 5)])
    async def test_is_not_asked_for_while_the_login_endpoint_has_enough(
        self, login: Login, asked: timedelta | None, seconds: int
    ) -> None:
        """A 429 is answered from memory until its time is over, with what is left of it."""
        login.answer = lambda _: Problem(429, "throttled", "later", asked, signing_in=True)
        await login.source.token()
        login.answer = None
        login.time += seconds - 2
        for anew in (False, True):
            found = await login.source.token(anew=anew)
            assert isinstance(found, Problem)
            assert found.status == 429 and found.retry_after == timedelta(seconds=2)
        assert len(login.threads) == 1
        login.time += 2
        assert isinstance(await login.source.token(), Token)


class TestChangedFiles:
    async def test_a_new_secret_is_used_soon_and_without_waiting(self, login: Login) -> None:
        """The token of the one before goes as soon as that of the new one is there."""
        before = await login.token()
        login.file.write_text("another")
        assert await login.token() is before
        login.time += LOOK_SECONDS + 1
        after = await login.replaced(before)
        assert after.digest != before.digest
        assert len(login.threads) == 2

    @pytest.mark.parametrize("moment", ["half written", "empty", "gone"])
    async def test_what_is_not_whole_ends_nothing(self, login: Login, moment: str) -> None:
        """Neither while it is being written, nor when it is moved away first."""
        before = await login.token()
        login.answer = lambda text: (
            Token("new", login.time + 3600, b"new") if text == "another" else _REFUSED
        )
        if moment == "gone":
            login.file.unlink()
        else:
            login.file.write_text("" if moment == "empty" else "anoth")
        for _ in range(3):
            login.time += LOOK_SECONDS + 1
            assert await login.token() is before
            await login.settled(1)
        login.file.write_text("another")
        login.time += LOOK_SECONDS + 1
        assert (await login.replaced(before)).digest == b"new"

    async def test_a_new_one_that_is_refused_is_tried_again_now_and_then(
        self, login: Login
    ) -> None:
        """Entra may not know it yet; the one before is used meanwhile."""
        before = await login.token()
        login.answer = lambda _: _REFUSED
        login.file.write_text("another")
        login.time += LOOK_SECONDS + 1
        assert await login.token() is before
        await login.settled(2)
        for _ in range(3):
            login.time += LOOK_SECONDS + 1
            assert await login.token() is before
            await login.settled(2)
        assert len(login.threads) == 2
        login.answer = None
        login.time += 30
        assert await login.replaced(before) is not before


class TestChangedConnections:
    async def test_tokens_of_another_application_are_forgotten(self, login: Login) -> None:
        """Also one that was being fetched: who waits for it gets one of the new application."""
        before = await login.token()
        other = Identity(_NOWHERE, "tenant", "other", _IDENTITY.credential)
        login.source.use(other)
        assert await login.token() is not before
        assert login.clients == ["client", "other"]
        login.go.clear()
        waiting = asyncio.create_task(login.source.token(anew=True))
        await login.started(3)
        login.source.use(_IDENTITY)
        login.go.set()
        assert isinstance(await waiting, Token)
        assert login.clients == ["client", "other", "other", "client"]


class TestNothingShown:
    async def test_a_missing_secret_is_a_problem(self, tmp_path: Path) -> None:
        """It is said which, and nothing is sent."""
        problem = await TokenSource(_IDENTITY, SecretsFolder(tmp_path)).token()
        assert isinstance(problem, Problem)
        assert problem.signing_in and not problem.sent and "contoso" in problem.message

    async def test_an_authority_that_does_not_answer_is_passing(self, tmp_path: Path) -> None:
        """Nobody listens there: it may well work later, and the secret is in no text."""
        (tmp_path / "contoso").write_text(_MARKER)
        done = await asyncio.to_thread(sign_in, _IDENTITY, SecretsFolder(tmp_path))
        assert isinstance(done.found, Problem)
        assert done.found.is_passing and not done.found.sent and _MARKER not in repr(done)

    @pytest.mark.parametrize("status", [0, 408, 429, 500, 503])
    def test_a_login_endpoint_that_has_no_time_refuses_nobody(self, status: int) -> None:
        """What it says then is not that the secret is wrong."""
        found = _problem(Heard(status=status), "some_error", "later", managed=False)
        assert found.is_passing and found.status == status

    def test_permissions_are_read_and_nonsense_is_unknown(self) -> None:
        """The roles claim; what is no token of Entra says nothing."""
        claims = base64.urlsafe_b64encode(json.dumps({"roles": ["A", "B"]}).encode()).decode()
        assert Token(f"x.{claims.rstrip('=')}.y", 0.0).permissions() == frozenset("AB")
        assert (
            Token(f"x.{base64.urlsafe_b64encode(b'{}').decode()}.y", 0.0).permissions()
            == frozenset()
        )
        for text in ("", "a.b.c", "a.b", f"x.{base64.urlsafe_b64encode(b'[1]').decode()}.y"):
            assert Token(text, 0.0).permissions() is None
        assert "secret" not in repr(Token("secret", 0.0)) + str(Token("secret", 0.0))
