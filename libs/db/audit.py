"""The audit records and signed heads of a service, as rows."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import Connection, RowMapping, Table, Text, select, type_coerce

from libs.audit.heads import Head
from libs.audit.keys import PublicKeys
from libs.audit.problems import Verification
from libs.audit.records import Record, digest, time_text
from libs.audit.walk import Walk
from libs.db.engine import Database
from libs.db.ledger import Ledger
from libs.domain.callers import Caller, Person, Service
from libs.domain.changes import AuditEntry
from libs.domain.clock import Clock

# What is hashed at once holds up no other call for long.
_BATCH = 500


def actor_fields(actor: Caller) -> dict[str, str]:
    """An actor as what JSON has, for a column."""
    if isinstance(actor, Person):
        return {
            "entra_tenant_id": actor.entra_tenant_id,
            "entra_object_id": actor.entra_object_id,
            "display_name": actor.display_name,
        }
    return {"service": actor.name}


def actor_of(fields: Mapping[str, Any]) -> Caller:
    """The actor that `actor_fields` told of."""
    return Service(fields["service"]) if "service" in fields else Person(**fields)


def actor_json(actor: Caller) -> str:
    """An actor as canonical JSON, for a column."""
    return rfc8785.dumps(actor_fields(actor)).decode()


def actor_from_json(text: str) -> Caller:
    """The actor that `actor_json` wrote."""
    return actor_of(json.loads(text))


def chained(
    entries: Iterable[AuditEntry], time: datetime, sequence: int, previous_hash: str
) -> list[dict[str, Any]]:
    """The rows of entries that follow the record `sequence` with `previous_hash`."""
    rows = []
    for entry in entries:
        sequence += 1
        row: dict[str, Any] = {
            "sequence": sequence,
            "record_time": time,
            "actor": actor_json(entry.actor),
            "action": entry.action,
            "resource_id": entry.resource_id,
            "reason": entry.reason,
            "details": rfc8785.dumps(dict(entry.details)).decode(),
            "previous_hash": previous_hash,
        }
        row["hash"] = previous_hash = digest(record_of({**row, "hash": ""}))
        rows.append(row)
    return rows


def record_of(row: Mapping[str, Any] | RowMapping) -> Record:
    """A row as it is hashed, also one that somebody else wrote."""
    time, sequence = row["record_time"], row["sequence"]
    if isinstance(time, str):
        try:
            # SQLite's own form, which has no zone and is UTC.
            time = datetime.fromisoformat(f"{time}+00:00")
        except ValueError:
            time = None
    return Record(
        **{
            **row,
            "sequence": sequence if isinstance(sequence, int) else -1,
            "record_time": time_text(time) if isinstance(time, datetime) else "",
        }
    )


def head_of(row: Mapping[str, Any] | RowMapping) -> Head:
    """A row as it was signed."""
    sequence = row["sequence"]
    return Head(**{**row, "sequence": sequence if isinstance(sequence, int) else -1})


async def rows_after(
    database: Database,
    table: Table,
    sequence: Any,
    *,
    most: int = _BATCH,
    until: int | None = None,
    resource_id: str = "",
) -> list[RowMapping]:
    """The rows of the records, or of the heads, that come next behind a place in the chain; up to
    another place, or of one resource, where that is given.

    Raises:
        Unavailable: the database does not answer.
    """
    query = select(table).where(table.c.sequence > sequence)
    if until is not None:
        query = query.where(table.c.sequence <= until)
    if resource_id:
        query = query.where(table.c.resource_id == resource_id)
    query = query.order_by(table.c.sequence).limit(most)

    def work(connection: Connection) -> list[RowMapping]:
        asked = query
        if connection.dialect.name == "sqlite":
            # Any text may stand for a time there, and whoever edits may have written any.
            as_kept = [type_coerce(c, Text) if c.key == "record_time" else c for c in table.c]
            asked = query.with_only_columns(*as_kept)
        return list(connection.execute(asked).mappings().all())

    return await database.read(work)


async def verify(
    database: Database, ledger: Ledger, keys: PublicKeys, service: str, clock: Clock
) -> Verification:
    """Walks the whole chain and all its heads, beside all other work, and says what does not hold.

    Records and heads may be added meanwhile. A head is read before the records that it is about,
    and where the chain ends is asked before the first and after the last record, so that nothing
    that is missing then may be.

    Raises:
        Unavailable: the database does not answer.
    """
    walk, time = Walk(keys, service=service), clock.now()
    begin = await _written(database, ledger)
    records, heads = ledger.audit, ledger.audit_heads
    after_record: Any = 0
    after_head: Any = 0
    walk.written(*begin)
    heads_left = True
    while heads_left:
        found = await rows_after(database, heads, after_head)
        heads_left = bool(found)
        if found:
            after_head = found[-1]["sequence"]
        waiting = [head_of(row) for row in found]
        while True:
            until = waiting[-1].sequence if waiting else None
            rows = await rows_after(database, records, after_record, until=until)
            if rows:
                after_record = rows[-1]["sequence"]
            # Hashing takes longer than reading, and would keep all other calls waiting.
            waiting = await asyncio.to_thread(_walked, walk, rows, waiting)
            if not rows:
                break
    end, _ = await _written(database, ledger)
    walk.written(*begin, at_most=end)
    return await asyncio.to_thread(walk.finish, time)


async def _written(database: Database, ledger: Ledger) -> tuple[int, str]:
    query = select(ledger.head.c.audit_sequence, ledger.head.c.audit_hash)
    row = await database.read(lambda connection: connection.execute(query).one())
    return row.audit_sequence, row.audit_hash


def _walked(walk: Walk, rows: list[RowMapping], heads: list[Head]) -> list[Head]:
    """Goes on along these records, with those of the heads that are about them; returns the rest.
    Without records it is the end, as far as these heads go."""
    done = 0
    for row in rows:
        record = record_of(row)
        while done < len(heads) and heads[done].sequence < record.sequence:
            walk.head(heads[done])
            done += 1
        walk.record(record)
    rest = heads[done:]
    if not rows:
        for head in rest:
            walk.head(head)
        return []
    return rest
