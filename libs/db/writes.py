"""Runs use cases: once per idempotency key, once per event, again when somebody else was first."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from google.protobuf.message import Message
from sqlalchemy import Connection, Row, Select, bindparam, delete, select, tuple_

from libs.db.committer import Committer, IdempotencyKey, Received
from libs.db.engine import Database
from libs.db.gathered import Gathered
from libs.db.guarded import Stale
from libs.db.ledger import Ledger
from libs.domain.callers import Caller
from libs.domain.changes import Change, Outcome, Refused
from libs.domain.clock import Clock
from libs.domain.errors import Conflict, Invalid, LatchkeyError

_TRIES = 5
KEPT = timedelta(days=7)
_log = structlog.get_logger(__name__)

T = TypeVar("T")
M = TypeVar("M", bound=Message)
UseCase = Callable[[], Awaitable[Outcome[T] | Refused]]


class Writes:
    """Runs use cases and commits what they return."""

    def __init__(self, database: Database, ledger: Ledger, committer: Committer) -> None:
        self._database = database
        self._ledger = ledger
        self._committer = committer
        self._answers = _by_key(database, select(ledger.idempotency), ("caller", "method", "key"))
        self._inbox = _by_key(database, select(ledger.inbox), ("consumer", "event_id"))

    async def run(self, use_case: UseCase[T]) -> T:
        """Runs a use case of our own, with no caller and no event behind it.

        Raises:
            Conflict: others kept changing the same thing.
        """
        for _ in range(_TRIES):
            outcome = await use_case()
            if outcome.change is None or await self._committed(outcome.change):
                return _result(outcome)
        raise _conflict()

    async def answer(
        self,
        use_case: UseCase[T],
        respond: Callable[[T], M],
        response_type: type[M],
        key: IdempotencyKey | None,
    ) -> M:
        """Runs a use case for a call, and answers a repeated key as the first time.

        Raises:
            Invalid: IDEMPOTENCY_KEY_REUSED when the key was used for another request.
            Conflict: others kept changing the same thing.
        """
        for _ in range(_TRIES):
            if key is not None and (stored := await self._answered(key)) is not None:
                return response_type.FromString(stored)
            try:
                outcome = await use_case()
            except LatchkeyError:
                # The same call may have been answered beside this one, and be why it is refused.
                if key is not None and (stored := await self._answered(key)) is not None:
                    return response_type.FromString(stored)
                raise
            if isinstance(outcome, Refused):
                # It answers no key: the caller may be right the next time.
                if await self._committed(outcome.change):
                    raise outcome.error
                continue
            response = respond(outcome.result)
            if outcome.change is None:
                return response
            with_answer = None if key is None else replace(key, answer=response.SerializeToString())
            if await self._committed(outcome.change, with_answer):
                return response
        raise _conflict()

    async def _committed(
        self,
        change: Change,
        key: IdempotencyKey | None = None,
        received: Received | None = None,
    ) -> bool:
        """Commits, unless somebody else was first."""
        try:
            await self._committer.commit(change, key=key, received=received)
        except Stale as stale:
            _log.info("use_case_again", cause=str(stale))
            return False
        return True

    async def effect(self, received: Received, use_case: UseCase[T]) -> T | None:
        """Runs a use case as the effect of an event, unless the event had its effect before.

        Of a fresh event it is asked only when its effect can't be committed: then it may be that
        the event had it.

        Raises:
            Conflict: others kept changing the same thing.
        """
        for attempt in range(_TRIES):
            if (attempt or not received.fresh) and await self._received(received):
                return None
            outcome = await use_case()
            if outcome.change is None or await self._committed(outcome.change, received=received):
                return _result(outcome)
        raise _conflict()

    async def forget(self, clock: Clock) -> None:
        """Forgets keys and events that nobody will repeat any more."""
        before = clock.now() - KEPT

        def work(connection: Connection) -> None:
            keys, inbox = self._ledger.idempotency, self._ledger.inbox
            connection.execute(delete(keys).where(keys.c.create_time < before))
            connection.execute(delete(inbox).where(inbox.c.receive_time < before))

        await self._database.write(work)

    async def _answered(self, key: IdempotencyKey) -> bytes | None:
        row = await self._answers.get((key.caller, key.method, key.key))
        if row is None:
            return None
        if row.fingerprint != key.fingerprint:
            raise Invalid.field(
                "idempotency_key",
                f"{key.key!r} was used for another request; use a new key for a new wish",
                reason="IDEMPOTENCY_KEY_REUSED",
                idempotency_key=key.key,
            )
        answer: bytes = row.answer
        return answer

    async def _received(self, received: Received) -> bool:
        return await self._inbox.get((received.consumer, received.event_id)) is not None


def _by_key(
    database: Database, query: Select[Any], columns: Sequence[str]
) -> Gathered[tuple[str, ...], Row[Any]]:
    """Rows of a table by their key of several columns."""
    key = tuple_(*(query.selected_columns[name] for name in columns))
    query = query.where(key.in_(bindparam("keys", expanding=True)))

    async def read(keys: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Row[Any]]:
        rows = await database.read(lambda c: c.execute(query, {"keys": keys}).all())
        return {tuple(getattr(row, name) for name in columns): row for row in rows}

    return Gathered(read)


def _result(outcome: Outcome[T] | Refused) -> T:
    if isinstance(outcome, Refused):
        raise outcome.error
    return outcome.result


def _conflict() -> Conflict:
    return Conflict("CONFLICT", "Others keep changing the same thing. Try again.")


def key_of(caller: Caller, method: str, request: Message) -> IdempotencyKey | None:
    """The idempotency key of a request that has one.

    The fingerprint is of the whole request, so that the same key with another body shows.
    """
    key: str = request.idempotency_key.strip()  # type: ignore[attr-defined]
    if not key:
        return None
    body = request.SerializeToString(deterministic=True)
    return IdempotencyKey(caller.key, method, key, hashlib.sha256(body).hexdigest())
