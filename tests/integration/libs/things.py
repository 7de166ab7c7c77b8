"""A house as small as one can be: things with a version, and the ledger beside them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    RowMapping,
    Table,
    Text,
    insert,
    select,
    update,
)

from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.db.ledger import Ledger
from libs.domain.callers import Person
from libs.domain.changes import AuditEntry, Change, Fact, Write
from libs.events.relay import Relay
from tests.fakes.clock import MachineClock

metadata = MetaData()
ledger = Ledger(metadata)
things = Table(
    "things",
    metadata,
    Column("thing_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
)
TYPE = "latchkey.policy.v1.PolicyCreated"
ADA = Person("11111111-2222-3333-4444-555555555555", "aaaaaaaa-0000-0000-0000-000000000000", "Ada")


async def prepare(database: Database) -> None:
    """Makes the tables, as migrations do."""

    def work(connection: Connection) -> None:
        metadata.create_all(connection)
        connection.execute(
            insert(ledger.head).values(id=1, audit_sequence=0, audit_hash="", outbox_position=0)
        )

    await database.write(work)


def encode(fact: Fact) -> EncodedFact:
    """Facts here are their payloads."""
    assert isinstance(fact.body, bytes)
    return EncodedFact(TYPE, fact.body)


@asynccontextmanager
async def committing(
    database: Database, *listeners: Callable[[Any], None], relay: Relay | None = None
) -> AsyncIterator[Committer]:
    """A committer at work, with a relay for its events if there shall be one."""
    async with Committer(database, ledger, MachineClock(), encode) as committer:
        if relay is not None:
            committer.on_events(relay.committed)
        for listener in listeners:
            committer.on_commit(listener)
        yield committer


def change(*writes: Write, thing_id: str = "thing", facts: tuple[bytes, ...] = ()) -> Change:
    """A change by Ada, with one event for each payload."""
    return Change(
        audit=AuditEntry(ADA, "thing.changed", thing_id, details={"writes": len(writes)}),
        writes=writes,
        facts=tuple(Fact(thing_id, number + 1, body) for number, body in enumerate(facts)),
    )


def add(thing_id: str) -> Change:
    """A new thing, with an event whose payload is its id."""
    statement = insert(things).values(thing_id=thing_id, version=1)
    return change(Guarded(statement), thing_id=thing_id, facts=(thing_id.encode(),))


def bump(thing_id: str, seen: int) -> Change:
    """The next version of a thing that was seen in one."""
    statement = (
        update(things)
        .where(things.c.thing_id == thing_id, things.c.version == seen)
        .values(version=seen + 1)
    )
    return change(Guarded(statement, expects=1), thing_id=thing_id, facts=(b"bumped",))


async def rows(database: Database, table: Table) -> list[RowMapping]:
    """All rows of a table, in the order of its first column."""
    query = select(table).order_by(next(iter(table.c)))
    return list(await database.read(lambda c: c.execute(query).mappings().all()))


async def kept(database: Database) -> dict[str, int]:
    """The things that are there, with their versions."""
    return {row["thing_id"]: row["version"] for row in await rows(database, things)}


async def assert_numbered(database: Database) -> None:
    """The audit chain and the outbox are numbered without a gap, and the head says how far."""
    audit, outbox = await rows(database, ledger.audit), await rows(database, ledger.outbox)
    (head,) = await rows(database, ledger.head)
    assert [row["sequence"] for row in audit] == list(range(1, len(audit) + 1))
    assert [row["position"] for row in outbox] == list(range(1, len(outbox) + 1))
    assert (head["audit_sequence"], head["outbox_position"]) == (len(audit), len(outbox))
    assert head["audit_hash"] == (audit[-1]["hash"] if audit else "")
