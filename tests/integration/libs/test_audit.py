"""The chain of audit records and its signed heads, in a database, show any tampering."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Connection, Executable, delete, insert, select, text, update

from latchkey.policy.v1 import events_pb2
from libs.audit.heads import head_fields
from libs.audit.keys import KeyFile, key_id_of
from libs.audit.problems import Kind, Subject, Verification
from libs.db import audit
from libs.db.committer import AuditNotWritten, Committer, EncodedFact
from libs.db.engine import Database
from libs.db.heads import HeadSigner
from libs.domain.callers import Caller, Person, Service
from libs.domain.changes import AuditEntry, Change
from libs.ledger.chain import head_of, head_to_message
from tests.fakes.clock import MachineClock
from tests.integration.libs.things import (
    ADA,
    add,
    assert_numbered,
    change,
    committing,
    kept,
    ledger,
    prepare,
    rows,
)
from tests.support import chain

TABLE, HEADS = ledger.audit, ledger.audit_heads
COUNT = 520  # more than are read at once
SIGNED = (200, 400, COUNT)
Tampering = Callable[[Connection], object]


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key file of the test's own."""
    file = tmp_path / "audit.pem"
    file.write_bytes(chain.key_pem())
    return file


def signing(database: Database, file: Path, told: Callable[[], None] = lambda: None) -> HeadSigner:
    """What signs the heads of this database's chain."""

    def encode(head: Any) -> EncodedFact:
        return EncodedFact("a head", head_to_message(head).SerializeToString())

    return HeadSigner(database, ledger, MachineClock(), KeyFile(file), "policy", encode, told)


async def verified(database: Database, file: Path) -> Verification:
    return await audit.verify(database, ledger, KeyFile(file).public_keys, "policy", MachineClock())


async def write(database: Database, committer: Committer, count: int) -> None:
    entries = (
        AuditEntry(ADA, "thing.changed", f"t{n}", "because ☂", {"n": n, "text": "Ä"})
        for n in range(count)
    )
    await asyncio.gather(*(committer.commit(Change(entry, ())) for entry in entries))


@asynccontextmanager
async def restored(database: Database) -> AsyncIterator[None]:
    """What is done to the chain within the block is undone behind it."""
    tables = (TABLE, HEADS, ledger.head)
    before = {table: await rows(database, table) for table in tables}
    yield

    def work(connection: Connection) -> None:
        for table in tables:
            connection.execute(delete(table))
            if before[table]:
                connection.execute(insert(table), [dict(row) for row in before[table]])

    await database.write(work)


def _execute(statement: Executable, connection: Connection) -> None:
    connection.execute(statement)


def _edit(place: int, **values: Any) -> Tampering:
    statement = update(TABLE).where(TABLE.c.sequence == place).values(**values)
    return lambda connection: bool(connection.execute(statement))


def _drop(sequence: int) -> Tampering:
    statement = delete(TABLE).where(TABLE.c.sequence == sequence)
    return lambda connection: bool(connection.execute(statement))


def _edit_head(sequence: int, **values: Any) -> Tampering:
    statement = update(HEADS).where(HEADS.c.sequence == sequence).values(**values)
    return lambda connection: bool(connection.execute(statement))


def _drop_head(sequence: int) -> Tampering:
    statement = delete(HEADS).where(HEADS.c.sequence == sequence)
    return lambda connection: bool(connection.execute(statement))


def _swap(connection: Connection) -> None:
    one, other = (
        dict(connection.execute(select(TABLE).where(TABLE.c.sequence == n)).mappings().one())
        for n in (10, 11)
    )
    connection.execute(delete(TABLE).where(TABLE.c.sequence.in_([10, 11])))
    connection.execute(insert(TABLE), [one | {"sequence": 11}, other | {"sequence": 10}])


def _truncate(connection: Connection) -> None:
    connection.execute(delete(TABLE).where(TABLE.c.sequence > 500))


def _truncate_cleverly(connection: Connection) -> None:
    """With the head of the ledger put back; the signed heads are left."""
    _truncate(connection)
    row = connection.execute(select(TABLE).where(TABLE.c.sequence == 500)).mappings().one()
    connection.execute(update(ledger.head).values(audit_sequence=500, audit_hash=row["hash"]))


def _chained_from(first: int, count: int) -> Tampering:
    """Other records from a place on, chained as they have to be, and the ledger's head to them."""

    def tamper(connection: Connection) -> None:
        row = (
            connection.execute(select(TABLE).where(TABLE.c.sequence == first - 1)).mappings().one()
        )
        entries = [AuditEntry(ADA, "thing.forged", "x")] * count
        forged = audit.chained(entries, row["record_time"], first - 1, row["hash"])
        connection.execute(delete(TABLE).where(TABLE.c.sequence >= first))
        connection.execute(insert(TABLE), forged)
        connection.execute(
            update(ledger.head).values(
                audit_sequence=first + count - 1, audit_hash=forged[-1]["hash"]
            )
        )

    return tamper


def _added(connection: Connection) -> None:
    row = connection.execute(select(TABLE).where(TABLE.c.sequence == COUNT)).mappings().one()
    entry = AuditEntry(ADA, "thing.forged", "x")
    connection.execute(
        insert(TABLE), audit.chained([entry], row["record_time"], COUNT, row["hash"])
    )


def _foreign_head(connection: Connection) -> None:
    row = connection.execute(select(TABLE).where(TABLE.c.sequence == 400)).mappings().one()
    forged = chain.head(audit.record_of(row), 200, key=2, service="policy")
    connection.execute(update(HEADS).where(HEADS.c.sequence == 400).values(head_fields(forged)))


RECORD, HEAD = Subject.RECORD, Subject.HEAD
TAMPERINGS: list[tuple[str, Tampering, Kind, Subject, int]] = [
    ("actor", _edit(502, actor='{"service":"x"}'), Kind.EDITED, RECORD, 502),
    ("time", _edit(502, record_time=datetime(2020, 1, 1, tzinfo=UTC)), Kind.EDITED, RECORD, 502),
    ("hash", _edit(1, hash="0" * 64), Kind.EDITED, RECORD, 1),
    ("number", _edit(502, sequence=600), Kind.REORDERED, RECORD, 502),
    ("drop one", _drop(500), Kind.MISSING, RECORD, 500),
    ("drop the last", _drop(COUNT), Kind.TRUNCATED, RECORD, COUNT),
    ("swap", _swap, Kind.REORDERED, RECORD, 10),
    ("truncate", _truncate, Kind.TRUNCATED, RECORD, 501),
    ("truncate cleverly", _truncate_cleverly, Kind.TRUNCATED, RECORD, 501),
    ("empty", lambda c: c.execute(delete(TABLE)), Kind.TRUNCATED, RECORD, 1),
    ("rechain", _chained_from(300, 221), Kind.RECHAINED, RECORD, 300),
    ("roll back", _chained_from(300, 10), Kind.TRUNCATED, RECORD, 310),
    ("add", _added, Kind.ADDED, RECORD, COUNT + 1),
    ("drop a head", _drop_head(200), Kind.MISSING, HEAD, 200),
    ("edit a head", _edit_head(400, hash="0" * 64), Kind.EDITED, HEAD, 400),
    ("edit a head's time", _edit_head(400, head_time="never"), Kind.EDITED, HEAD, 400),
    ("sign with another key", _foreign_head, Kind.FOREIGN, HEAD, 400),
]


async def test_every_tampering_is_found(database: Database, key_file: Path) -> None:
    """Edited, dropped, moved, cut off, added, chained anew without the key, and heads too: the walk
    names the record or head, over more rows than are read at once."""
    signer = signing(database, key_file)
    async with committing(database) as committer:
        before = 0
        for signed in SIGNED:
            await write(database, committer, signed - before)
            await signer.sign()
            before = signed
    whole = Verification(COUNT, len(SIGNED), COUNT)
    assert await verified(database, key_file) == whole

    for name, tamper, kind, subject, sequence in TAMPERINGS:
        async with restored(database):
            await database.write(tamper)
            found = await verified(database, key_file)
            assert any(it.kind is kind and it.covers(subject, sequence) for it in found.problems), (
                name,
                [*map(str, found.problems)],
            )
    assert await verified(database, key_file) == whole


async def test_what_is_no_record_at_all_is_named_too(sqlite_url: str, key_file: Path) -> None:
    """SQLite takes anything in any column: such a row is broken, and breaks nothing else."""
    database = Database.open(sqlite_url)
    await prepare(database)
    async with committing(database) as committer:
        await write(database, committer, 5)
    await signing(database, key_file).sign()
    for column, value in (
        ("record_time", "'never'"),
        ("reason", "x'ff'"),
        ("details", "NULL + 1.5"),
        ("sequence", "'three'"),
    ):
        async with restored(database):
            wrong = text(
                f"UPDATE audit_records SET {column} = coalesce({value}, 1.5) WHERE sequence = 3"
            )
            await database.write(partial(_execute, wrong))
            found = await verified(database, key_file)
            assert any(it.covers(RECORD, 3) for it in found.problems), column
    await database.close()


async def test_an_empty_chain_is_intact(database: Database, key_file: Path) -> None:
    """Where nothing was done nothing is missing, and nothing is signed."""
    await signing(database, key_file).sign()
    assert await verified(database, key_file) == Verification(0)


async def test_heads_are_signed_once_and_published(database: Database, key_file: Path) -> None:
    """However often and by however many replicas: one head where records were added, none where
    none were; each is an event of the same content, and names the one before."""
    told: list[int] = []
    signers = [signing(database, key_file, lambda: told.append(1)) for _ in range(2)]
    async with committing(database) as committer:
        await committer.commit(add("a"))
        await asyncio.gather(*(signer.sign() for signer in signers))
        await signers[0].sign()
        await committer.commit(add("b"))
        await committer.commit(add("c"))
        await signers[1].sign_last()
    heads = [audit.head_of(row) for row in await rows(database, HEADS)]
    assert [(it.sequence, it.previous_sequence) for it in heads] == [(1, 0), (3, 1)]
    assert len(told) == 2
    events = [row for row in await rows(database, ledger.outbox) if row["type"] == "a head"]
    sent = [events_pb2.AuditHeadSigned.FromString(row["payload"]).head for row in events]
    assert [head_of(message) for message in sent] == heads
    assert [(row["resource_id"], row["resource_version"]) for row in events] == [
        ("policy", 1),
        ("policy", 3),
    ]
    await assert_numbered(database)
    assert await verified(database, key_file) == Verification(3, 2, 3)


async def test_a_key_is_replaced_while_it_is_used(database: Database, key_file: Path) -> None:
    """The next head is signed with the new one; older heads are checked with the former ones that
    the file has; a file that is broken for a moment changes nothing."""
    signer = signing(database, key_file)
    async with committing(database) as committer:
        await committer.commit(add("a"))
        await signer.sign()
        key_file.write_bytes(chain.key_pem()[:50])
        await committer.commit(add("b"))
        with structlog.testing.capture_logs() as logs:
            await signer.sign()
        assert {log["event"] for log in logs} == {"audit_key_unreadable"}
        key_file.write_bytes(chain.key_pem(2, 1))
        await committer.commit(add("c"))
        await signer.sign()
    used = [row["key_id"] for row in await rows(database, HEADS)]
    first, second = (key_id_of(chain.signing_key(n).public_key()) for n in (1, 2))
    assert used == [first, first, second]
    assert (await verified(database, key_file)).intact
    key_file.write_bytes(chain.key_pem(2))
    found = await verified(database, key_file)
    assert [(it.kind, it.sequence) for it in found.problems] == [
        (Kind.FOREIGN, 1),
        (Kind.FOREIGN, 2),
    ]


async def test_a_rewritten_chain_is_reported_when_it_is_signed(
    database: Database, key_file: Path
) -> None:
    """Nobody has to ask: the next minute says that what was signed is no longer there."""
    signer = signing(database, key_file)
    async with committing(database) as committer:
        await write(database, committer, 5)
        await signer.sign()
        await database.write(_chained_from(3, 3))
        await committer.commit(add("a"))
        with structlog.testing.capture_logs() as logs:
            await signer.sign()
    assert [log["event"] for log in logs] == ["audit_chain_differs"]


async def test_missing_heads_are_a_problem_after_a_while(
    database: Database, key_file: Path
) -> None:
    """Records that are older than a few minutes have to be signed; younger ones do not yet."""
    async with committing(database) as committer:
        await write(database, committer, 3)
    assert (await verified(database, key_file)).intact

    class Later(MachineClock):
        def now(self) -> datetime:
            return super().now() + timedelta(minutes=10)

    keys = KeyFile(key_file).public_keys
    found = await audit.verify(database, ledger, keys, "policy", Later())
    assert [(it.kind, it.sequence, it.last_sequence) for it in found.problems] == [
        (Kind.UNSIGNED, 1, 3)
    ]


async def test_no_audit_no_change(database: Database) -> None:
    """A change whose audit record the database refuses is not made, and neither it nor its event
    nor its key is kept; those after it are, once records are taken again."""
    async with committing(database) as committer:
        await committer.commit(add("a"))
        (row,) = await rows(database, TABLE)
        beside = dict(row) | {"sequence": 2}
        await database.write(lambda c: c.execute(insert(TABLE).values(beside)))
        failed = await asyncio.gather(
            *(committer.commit(add(name)) for name in "bcd"), return_exceptions=True
        )
        assert [type(error) for error in failed] == [AuditNotWritten] * 3
        assert await kept(database) == {"a": 1}
        assert len(await rows(database, ledger.outbox)) == 1
        with pytest.raises(AuditNotWritten):
            await committer.commit(change())
        await database.write(lambda c: c.execute(delete(TABLE).where(TABLE.c.sequence == 2)))
        await committer.commit(add("b"))
    assert await kept(database) == {"a": 1, "b": 1}
    await assert_numbered(database)


def test_actor_survives_its_form() -> None:
    """Who did it is read back as it was written; roles are not part of who somebody is."""
    callers: list[Caller] = [Service("requests"), Person("t", "o", 'Zoë "Z" ☂')]
    for caller in callers:
        assert audit.actor_from_json(audit.actor_json(caller)) == caller
    assert "Latchkey" not in audit.actor_json(Person("t", "o", "A", frozenset({"Latchkey.Admin"})))
