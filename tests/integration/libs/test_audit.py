"""The chain of audit records and its signed heads, in a database, show any tampering."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, delete, insert, select, text, update

from libs.audit.heads import head_fields
from libs.audit.problems import Kind, Subject, Verification
from libs.db import audit
from libs.db.committer import AuditNotWritten
from libs.db.engine import Database
from libs.domain.callers import Caller, Person, Service
from libs.domain.changes import AuditEntry
from tests.integration.libs.chains import chained_from, restored, signing, verified, write
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
    ("rechain", chained_from(300, 221), Kind.RECHAINED, RECORD, 300),
    ("roll back", chained_from(300, 10), Kind.TRUNCATED, RECORD, 310),
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
            await write(committer, signed - before)
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
        await write(committer, 5)
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
