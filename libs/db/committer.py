"""The one way to write: changes are grouped, numbered and committed here.

A transaction costs far more than what is written in it, so whatever waits while one transaction
commits goes into the next one together. A group whose member fails is rolled back and run again
without that member, or one by one where it can't be told which member it was: one conflict fails
one caller. Within the transaction the head row is locked,
and the audit chain and the outbox are numbered from it. Only the signing of the chain's head, in
`heads`, does so too, under the same lock.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from libs.db import audit
from libs.db.engine import Database
from libs.db.guarded import Culprit, Stale, run_all
from libs.db.ledger import Ledger
from libs.domain.changes import Change, Fact
from libs.domain.clock import Clock
from libs.domain.errors import Unavailable
from libs.domain.ids import new_id
from libs.domain.meanwhile import unheeded

_MOST_IN_A_GROUP = 128
_log = structlog.get_logger(__name__)


class AuditNotWritten(Exception):
    """The database refuses the audit record of a change, and so the change."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key for one method, the fingerprint of the request, and the answer to it."""

    caller: str
    method: str
    key: str
    fingerprint: str
    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Received:
    """An event that a change is the effect of, as a consumer received it.

    `fresh`: nothing says that it may have had its effect. Should it have had it all the same, its
    row of the inbox, which commits with the effect, keeps out a second one.
    """

    consumer: str
    event_id: str
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class EncodedFact:
    """A fact as its publisher's message: the full name, and the message serialized."""

    type: str
    payload: bytes


def outbox_row(
    position: int, fact: Fact, encoded: EncodedFact, actor: str, time: datetime
) -> dict[str, Any]:
    """A fact on its way out, as a row."""
    return {
        "position": position,
        "event_id": new_id("evt"),
        "type": encoded.type,
        "resource_id": fact.resource_id,
        "resource_version": fact.resource_version,
        "event_time": time,
        "actor": actor,
        "payload": encoded.payload,
        "published": False,
    }


@dataclass(slots=True)
class _Member:
    change: Change
    key: IdempotencyKey | None
    received: Received | None
    done: "asyncio.Future[None]"


class Committer:
    """Commits changes. One per process."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        encode: Callable[[Fact], EncodedFact],
    ) -> None:
        self._database = database
        self._clock = clock
        self._encode = encode
        self._kept = _Statements(ledger)
        self._waiting: list[_Member] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._failed: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[Sequence[Change]], None]] = []
        self._event_listeners: list[Callable[[Sequence[Mapping[str, Any]]], None]] = []

    def on_commit(self, listener: Callable[[Sequence[Change]], None]) -> None:
        """Has `listener` told, on the event loop, of changes that are committed."""
        self._listeners.append(listener)

    def on_events(self, listener: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        """Has `listener` told, on the event loop, of events that are committed: their rows of the
        outbox, in order."""
        self._event_listeners.append(listener)

    async def __aenter__(self) -> "Committer":
        self._task = asyncio.create_task(self._run(), name="committer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commits what waits, then stops."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def failure(self) -> BaseException | None:
        """What ended the committer before its time, if anything did."""
        return self._failed

    async def commit(
        self,
        change: Change,
        *,
        key: IdempotencyKey | None = None,
        received: Received | None = None,
    ) -> None:
        """Commits a change, its audit record and its events, whole or not at all.

        A caller that is cancelled while waiting may find the change committed.

        Raises:
            Stale: a guard or a unique key says that the change was made from an old state.
            Unavailable: the database does not answer, or the committer has stopped. The change
                may have been committed.
            AuditNotWritten: the database refuses the audit record. Nothing was changed.
        """
        if self._stopping or self._failed is not None:
            raise Unavailable("the committer", "it has stopped")
        member = _Member(change, key, received, asyncio.get_running_loop().create_future())
        # Nobody may be left waiting for it; its failure is then nobody's to see.
        unheeded(member.done)
        self._waiting.append(member)
        self._wake.set()
        await asyncio.shield(member.done)

    async def _run(self) -> None:
        group: list[_Member] = []
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    group = self._waiting[:_MOST_IN_A_GROUP]
                    del self._waiting[:_MOST_IN_A_GROUP]
                    await self._commit_group(group)
                    group = []
                if self._stopping:
                    return
        except BaseException as error:
            self._failed = error
            raise
        finally:
            abandoned, self._waiting = group + self._waiting, []
            for member in abandoned:
                _fail(member, Unavailable("the committer", "it stopped before the change was kept"))

    async def _commit_group(self, group: list[_Member]) -> None:
        if not group:
            return
        try:
            events = await self._database.write(lambda connection: self._apply(connection, group))
        except Unavailable as error:
            # Nobody knows whether it was kept, so nothing is run a second time.
            for member in group:
                _fail(member, error)
            return
        except Culprit as found:
            # Everything was rolled back. The others go again; who stood in the way is told after
            # them, since a new try made before they are committed would be as stale.
            await self._commit_group([*group[: found.at], *group[found.at + 1 :]])
            _fail(group[found.at], _as_stale(found.error))
            return
        except Exception as error:
            if len(group) == 1:
                _fail(group[0], _as_stale(error))
                return
            _log.info("group_split", members=len(group), cause=type(error).__name__)
            for member in group:
                await self._commit_group([member])
            return
        for member in group:
            if not member.done.done():
                member.done.set_result(None)
        changes = [member.change for member in group]
        for listener in self._listeners:
            listener(changes)
        if events:
            for tell in self._event_listeners:
                tell(events)

    def _apply(self, connection: Connection, group: Sequence[_Member]) -> list[dict[str, Any]]:
        kept, now = self._kept, self._clock.now()
        head = connection.execute(kept.lock_head).mappings().one()
        run_all(connection, [member.change.writes for member in group])
        records = audit.chained(
            (each for it in group for each in (it.change.audit, *it.change.also)),
            now,
            head["audit_sequence"],
            head["audit_hash"],
        )
        events = []
        position: int = head["outbox_position"]
        for member in group:
            actor = audit.actor_json(member.change.audit.actor)
            for fact in member.change.facts:
                position += 1
                events.append(outbox_row(position, fact, self._encode(fact), actor, now))
        keys = [
            {
                "caller": member.key.caller,
                "method": member.key.method,
                "key": member.key.key,
                "fingerprint": member.key.fingerprint,
                "answer": member.key.answer,
                "create_time": now,
            }
            for member in group
            if member.key is not None
        ]
        inbox = [
            {
                "consumer": member.received.consumer,
                "event_id": member.received.event_id,
                "receive_time": now,
            }
            for member in group
            if member.received is not None
        ]
        try:
            connection.execute(kept.add_records, records)
        except IntegrityError as error:
            # Nobody was first: the head is locked, so somebody wrote to the chain beside us.
            raise AuditNotWritten(f"after record {head['audit_sequence']}") from error
        for statement, rows in (
            (kept.add_events, events),
            (kept.add_keys, keys),
            (kept.add_received, inbox),
        ):
            if rows:
                connection.execute(statement, rows)
        connection.execute(
            kept.move_head,
            {
                "sequence": records[-1]["sequence"],
                "hash": records[-1]["hash"],
                "position": position,
            },
        )
        return events


class _Statements:
    """Made once: to make a statement costs more than to run it."""

    def __init__(self, ledger: Ledger) -> None:
        self.lock_head = select(ledger.head).with_for_update()
        self.add_records = insert(ledger.audit)
        self.add_events = insert(ledger.outbox)
        self.add_keys = insert(ledger.idempotency)
        self.add_received = insert(ledger.inbox)
        self.move_head = update(ledger.head).values(
            audit_sequence=bindparam("sequence"),
            audit_hash=bindparam("hash"),
            outbox_position=bindparam("position"),
        )


def _as_stale(error: Exception) -> Exception:
    """A broken unique key means that somebody else was first, as a failed guard does."""
    return Stale(str(error.orig)) if isinstance(error, IntegrityError) else error


def _fail(member: _Member, error: BaseException) -> None:
    if not member.done.done():
        member.done.set_exception(error)
