"""The chain of audit records shows any tampering."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from libs.db import audit
from libs.db.engine import Database
from libs.domain.callers import Caller, Person, Service
from libs.domain.changes import AuditEntry, Change
from tests.integration.libs.things import ADA, committing, ledger

TABLE = ledger.audit
Tampering = Callable[[Connection], object]
COUNT = 1005  # more than are read at once


def _rows(connection: Connection, sequence: int) -> dict[str, Any]:
    query = select(TABLE).where(TABLE.c.sequence == sequence)
    return dict(connection.execute(query).mappings().one())


def _edit(**values: Any) -> Tampering:
    statement = update(TABLE).where(TABLE.c.sequence == 1002).values(**values)
    return lambda connection: bool(connection.execute(statement))


def _drop(sequence: int) -> Tampering:
    statement = delete(TABLE).where(TABLE.c.sequence == sequence)
    return lambda connection: bool(connection.execute(statement))


def _swap(connection: Connection) -> None:
    one, other = _rows(connection, 10), _rows(connection, 11)
    connection.execute(delete(TABLE).where(TABLE.c.sequence.in_([10, 11])))
    connection.execute(insert(TABLE), [one | {"sequence": 11}, other | {"sequence": 10}])


def _rewritten(connection: Connection) -> None:
    """An edit by somebody who computes the record's own hash anew."""
    row = _rows(connection, 20)
    entry = AuditEntry(ADA, "thing.forged", "x")
    (forged,) = audit.chained([entry], row["record_time"], 19, row["previous_hash"])
    connection.execute(delete(TABLE).where(TABLE.c.sequence == 20))
    connection.execute(insert(TABLE).values(forged))


def _rewritten_to_the_end(connection: Connection) -> None:
    """A last record by somebody who computes its hash anew, and leaves the head."""
    row = _rows(connection, COUNT)
    (forged,) = audit.chained(
        [AuditEntry(ADA, "thing.forged", "x")],
        row["record_time"],
        COUNT - 1,
        row["previous_hash"],
    )
    connection.execute(delete(TABLE).where(TABLE.c.sequence == COUNT))
    connection.execute(insert(TABLE).values(forged))


def _truncate(connection: Connection) -> None:
    connection.execute(delete(TABLE).where(TABLE.c.sequence > 1000))


def _empty(connection: Connection) -> None:
    connection.execute(delete(TABLE))


TAMPERINGS: list[tuple[str, Tampering, int]] = [
    ("actor", _edit(actor='{"service":"x"}'), 1002),
    ("action", _edit(action="x"), 1002),
    ("resource", _edit(resource_id="x"), 1002),
    ("reason", _edit(reason="x"), 1002),
    ("details", _edit(details="{}"), 1002),
    ("time", _edit(record_time=datetime.now(UTC) + timedelta(days=1)), 1002),
    ("hash", _edit(hash="0" * 64), 1002),
    ("previous hash", _edit(previous_hash="0" * 64), 1002),
    ("number", _edit(sequence=2000), 1003),
    ("drop the first", _drop(1), 2),
    ("drop one", _drop(500), 501),
    ("drop the last", _drop(COUNT), COUNT),
    ("swap", _swap, 10),
    ("rewrite", _rewritten, 21),
    ("rewrite the last", _rewritten_to_the_end, COUNT),
    ("truncate", _truncate, 1001),
    ("empty", _empty, 1),
]


class _Undo(Exception):
    """Ends a transaction without a trace."""


async def _tampered(database: Database, tamper: Tampering) -> audit.Verification:
    """What the walk finds after a tampering, which is then undone."""
    found: list[audit.Verification] = []

    def work(connection: Connection) -> None:
        tamper(connection)
        found.append(audit.verify(connection, ledger))
        raise _Undo

    with pytest.raises(_Undo):
        await database.write(work)
    return found[0]


async def test_every_tampering_is_found(database: Database) -> None:
    """Edited, dropped, moved, rewritten or cut off: the walk says where the chain first breaks."""
    async with committing(database) as committer:
        entries = (
            AuditEntry(ADA, "thing.changed", f"t{n}", "because ☂", {"n": n, "text": "Ä"})
            for n in range(COUNT)
        )
        await asyncio.gather(*(committer.commit(Change(entry, ())) for entry in entries))
    whole = await database.read(lambda c: audit.verify(c, ledger))
    assert whole == audit.Verification(COUNT)
    assert whole.intact

    for name, tamper, broken in TAMPERINGS:
        found = await _tampered(database, tamper)
        assert not found.intact, name
        assert found.first_broken_sequence == broken, name
    assert (await database.read(lambda c: audit.verify(c, ledger))).intact


async def test_empty_chain_is_intact(database: Database) -> None:
    """Where nothing was done nothing is missing."""
    assert await database.read(lambda c: audit.verify(c, ledger)) == audit.Verification(0)


def test_actor_survives_its_form() -> None:
    """Who did it is read back as it was written; roles are not part of who somebody is."""
    callers: list[Caller] = [Service("requests"), Person("t", "o", 'Zoë "Z" ☂')]
    for caller in callers:
        assert audit.actor_from_json(audit.actor_json(caller)) == caller
    assert "Latchkey" not in audit.actor_json(Person("t", "o", "A", frozenset({"Latchkey.Admin"})))
