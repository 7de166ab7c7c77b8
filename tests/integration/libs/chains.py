"""What signs and walks the audit chain of the `things`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from libs.audit.keys import KeyFile
from libs.audit.problems import Verification
from libs.db import audit
from libs.db.committer import Committer, EncodedFact
from libs.db.engine import Database
from libs.db.heads import HeadSigner
from libs.domain.changes import AuditEntry, Change
from libs.ledger.chain import head_to_message
from tests.fakes.clock import MachineClock
from tests.integration.libs.things import (
    ADA,
    ledger,
    rows,
)


def signing(database: Database, file: Path, told: Callable[[], None] = lambda: None) -> HeadSigner:
    """What signs the heads of this database's chain."""

    def encode(head: Any) -> EncodedFact:
        return EncodedFact("a head", head_to_message(head).SerializeToString())

    return HeadSigner(database, ledger, MachineClock(), KeyFile(file), "policy", encode, told)


async def verified(database: Database, file: Path) -> Verification:
    """What walking it finds."""
    return await audit.verify(database, ledger, KeyFile(file).public_keys, "policy", MachineClock())


async def write(committer: Committer, count: int) -> None:
    """So many changes, each with its record."""
    entries = (
        AuditEntry(ADA, "thing.changed", f"t{n}", "because ☂", {"n": n, "text": "Ä"})
        for n in range(count)
    )
    await asyncio.gather(*(committer.commit(Change(entry, ())) for entry in entries))


@asynccontextmanager
async def restored(database: Database) -> AsyncIterator[None]:
    """What is done to the chain within the block is undone behind it."""
    tables = (ledger.audit, ledger.audit_heads, ledger.head)
    before = {table: await rows(database, table) for table in tables}
    yield

    def work(connection: Connection) -> None:
        for table in tables:
            connection.execute(delete(table))
            if before[table]:
                connection.execute(insert(table), [dict(row) for row in before[table]])

    await database.write(work)


def chained_from(first: int, count: int) -> Callable[[Connection], None]:
    """Other records from a place on, chained as they have to be, and the ledger's head to them."""

    def tamper(connection: Connection) -> None:
        row = (
            connection.execute(select(ledger.audit).where(ledger.audit.c.sequence == first - 1))
            .mappings()
            .one()
        )
        entries = [AuditEntry(ADA, "thing.forged", "x")] * count
        forged = audit.chained(entries, row["record_time"], first - 1, row["hash"])
        connection.execute(delete(ledger.audit).where(ledger.audit.c.sequence >= first))
        connection.execute(insert(ledger.audit), forged)
        connection.execute(
            update(ledger.head).values(
                audit_sequence=first + count - 1, audit_hash=forged[-1]["hash"]
            )
        )

    return tamper
