"""The tokens of one connection.

Whatever is wrong with what would replace it, a token that works is used on: a secret that somebody
is just writing, or that Entra does not know yet, must not end what the one before it still may.
It is given up as soon as a newer one is there, and at once when Entra does not take it (401), or
when the same credential is refused that it was got with.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from services.connector.entra.credentials.access_token import Token
from services.connector.entra.credentials.sign_in import (
    SIGN_IN_SECONDS,
    Identity,
    Materials,
    SignedIn,
    sign_in,
)
from services.connector.entra.problems import Problem
from services.connector.entra.threads import in_own_thread

__all__ = ["Token", "TokenSource"]

# How often it is looked whether a file has changed, at most; nobody waits for it.
LOOK_SECONDS = 3.0
# Until what failed is tried again, while there is a token that works.
_AGAIN_SECONDS = 30.0
# When the login endpoint has had enough and does not say for how long.
_PAUSE = timedelta(seconds=5)
# A token is used for this long, however soon it ends: who gave it would give the same again.
_LEAST_SECONDS = 5.0
# Within this a token carries what is permitted now.
_JUST_ISSUED_SECONDS = 2.0
# The sign-in bounds itself; this is for what it does not bound, as a name that is not resolved.
_GRACE_SECONDS = 5.0
_log = structlog.get_logger(__name__)

SignIn = Callable[[Identity, Materials], SignedIn]


class TokenSource:
    """The tokens of one application in one tenant of one cloud."""

    def __init__(
        self,
        identity: Identity,
        materials: Materials,
        *,
        sign_in: SignIn = sign_in,
        seconds: float = SIGN_IN_SECONDS + _GRACE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sign_in` blocks, for `seconds` at most; `now` only goes forward, in seconds."""
        self._identity = identity
        self._materials = materials
        self._sign_in = sign_in
        self._seconds = seconds
        self._now = now
        self._token: Token | None = None
        self._issued_at = float("-inf")
        self._refreshing: asyncio.Task[Token | Problem] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look_at = float("-inf")
        self._again_at = float("-inf")
        self._refused_digest: bytes | None = None
        self._pause: Problem | None = None
        self._pause_until = float("-inf")

    def use(self, identity: Identity) -> None:
        """Has everything from now on done as `identity`; tokens of another are forgotten."""
        if identity != self._identity:
            self._identity = identity
            self._token = self._refreshing = self._pause = self._refused_digest = None
            self._again_at = self._look_at = float("-inf")

    async def token(self, *, anew: bool = False) -> Token | Problem:
        """A token that can be used for a while. Asked for by many, it is fetched once.

        What a token permits was settled when it was issued; one that is fetched `anew` tells how
        it is now.
        """
        if anew and self._refreshing is not None:
            # What is under way may have begun before what is to be seen.
            await asyncio.wait({self._refreshing})
        while True:
            identity = self._identity
            held = self._token
            if held is not None and self._is_usable(held) and not anew:
                self._look_after(held)
                return held
            if (pause := self._paused()) is not None:
                return pause
            # Who waits may be cancelled; the others still want it.
            found = await asyncio.shield(self._begin())
            if identity == self._identity:
                return found

    async def replaced(self, token: Token, *, refused: bool) -> bool:
        """Sees to another token than one that Entra does not accept, or may permit too little.

        One that is `refused` is forgotten. Any other is kept until there is a newer one, which is
        fetched where it may permit more. Returns whether the next token is another one.
        """
        if self._token is token and refused:
            self._token = None
        elif self._token is token and self._age() > _JUST_ISSUED_SECONDS and self._may_sign_in():
            await asyncio.shield(self._begin())
        return self._token is not token

    async def close(self) -> None:
        """Leaves what is under way to its end, without anybody who hears of it."""
        tasks = [task for task in (self._refreshing, self._looking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def is_quiet(self) -> bool:
        """Whether neither a sign-in nor a look at the file is under way."""
        return self._refreshing is None and self._looking is None

    def _age(self) -> float:
        return self._now() - self._issued_at

    def _is_usable(self, held: Token) -> bool:
        return self._age() < _LEAST_SECONDS or held.is_usable(self._now(), self._issued_at)

    def _may_sign_in(self) -> bool:
        """Whether it is not too soon after a sign-in that failed."""
        return self._now() >= self._again_at and self._paused() is None

    def _look_after(self, held: Token) -> None:
        """Renews a token before it ends, and soon after its file has changed."""
        now = self._now()
        is_due = self._age() >= _LEAST_SECONDS and held.is_due(now, self._issued_at)
        if is_due and self._may_sign_in():
            self._begin()
        elif held.digest and now >= self._look_at and self._looking is None:
            self._look_at = now + LOOK_SECONDS
            self._looking = asyncio.create_task(self._look(held), name="look at a secret")
            self._looking.add_done_callback(self._looked)

    async def _look(self, held: Token) -> None:
        identity = self._identity
        digest = await in_own_thread(
            lambda: self._materials.digest(identity.credential), "look at a secret"
        )
        if digest is None or digest == held.digest or identity != self._identity:
            return
        known = digest == self._refused_digest and self._now() < self._again_at
        if not known and self._paused() is None:
            self._begin()

    def _looked(self, task: "asyncio.Task[None]") -> None:
        self._looking = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("secret_unreadable", problem=type(error).__name__)

    def _paused(self) -> Problem | None:
        """What the login endpoint said, while it asks not to be called."""
        if self._pause is None or self._now() >= self._pause_until:
            return None
        left = timedelta(seconds=self._pause_until - self._now())
        return Problem(
            self._pause.status,
            self._pause.code,
            self._pause.message,
            left,
            sent=False,
            signing_in=True,
        )

    def _begin(self) -> "asyncio.Task[Token | Problem]":
        if self._refreshing is None:
            task = asyncio.create_task(self._refresh(self._identity), name="sign in")
            self._refreshing = task
            task.add_done_callback(self._refreshed)
        return self._refreshing

    def _refreshed(self, task: "asyncio.Task[Token | Problem]") -> None:
        if self._refreshing is task:
            self._refreshing = None

    async def _refresh(self, identity: Identity) -> Token | Problem:
        try:
            async with asyncio.timeout(self._seconds):
                done = await in_own_thread(
                    lambda: self._sign_in(identity, self._materials), "sign in"
                )
        except TimeoutError:
            done = SignedIn(_problem(0, "timeout", "no answer in time"), b"")
        except Exception as error:
            # Neither its text nor its trace is shown: nobody knows what they hold.
            _log.error("sign_in_fault", error=type(error).__name__)
            done = SignedIn(_problem(400, "fault", f"a fault of ours: {type(error).__name__}"), b"")
        if identity == self._identity:
            self._settle(done)
        return done.found

    def _settle(self, done: SignedIn) -> None:
        """What follows from a sign-in for the token that is held."""
        held, found, file = self._token, done.found, self._identity.credential.name
        if isinstance(found, Token):
            if held is not None and held.digest != found.digest:
                _log.info("credential_changed", file=file)
            self._token, self._issued_at = found, self._now()
            self._pause = self._refused_digest = None
            self._again_at = float("-inf")
            return
        self._again_at = self._now() + _AGAIN_SECONDS
        self._refused_digest = done.digest
        _log.warning("sign_in_failed", file=file, problem=str(found), goes_on=held is not None)
        if found.status in (429, 503) and (found.retry_after or found.status == 429):
            pause = found.retry_after or _PAUSE
            self._pause, self._pause_until = found, self._now() + pause.total_seconds()
        elif held is not None and found.status == 401 and done.digest == held.digest:
            self._token = None


def _problem(status: int, code: str, text: str) -> Problem:
    return Problem(status, code, text, sent=False, signing_in=True)
