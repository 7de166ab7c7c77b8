"""The chain of audit records.

Each record carries the SHA-256 of the one before it and of its own canonical JSON (RFC 8785), so
that an edited, dropped or moved record shows.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785
from sqlalchemy import Connection, RowMapping, select

from libs.db.ledger import Ledger
from libs.domain.callers import Caller, Person, Service
from libs.domain.changes import AuditEntry

_BATCH = 1000


def actor_json(actor: Caller) -> str:
    """An actor as canonical JSON, for a column."""
    if isinstance(actor, Person):
        fields = {
            "entra_tenant_id": actor.entra_tenant_id,
            "entra_object_id": actor.entra_object_id,
            "display_name": actor.display_name,
        }
    else:
        fields = {"service": actor.name}
    return rfc8785.dumps(fields).decode()


def actor_from_json(text: str) -> Caller:
    """The actor that `actor_json` wrote."""
    fields = json.loads(text)
    return Service(fields["service"]) if "service" in fields else Person(**fields)


def _time_text(time: datetime) -> str:
    """A time to the microsecond: what both databases keep."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _digest(row: Mapping[str, Any] | RowMapping) -> str:
    record = {
        "sequence": row["sequence"],
        "record_time": _time_text(row["record_time"]),
        "actor": row["actor"],
        "action": row["action"],
        "resource_id": row["resource_id"],
        "reason": row["reason"],
        "details": row["details"],
        "previous_hash": row["previous_hash"],
    }
    return hashlib.sha256(rfc8785.dumps(record)).hexdigest()


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
        row["hash"] = previous_hash = _digest(row)
        rows.append(row)
    return rows


@dataclass(frozen=True, slots=True)
class Verification:
    """What walking the chain found."""

    record_count: int
    first_broken_sequence: int = 0
    problem: str = ""

    @property
    def intact(self) -> bool:
        """Whether the whole chain holds."""
        return not self.problem


def verify(connection: Connection, ledger: Ledger) -> Verification:
    """Walks the whole chain, and says where it first does not hold."""
    head = connection.execute(select(ledger.head)).mappings().one()
    sequence, previous_hash = 0, ""
    while True:
        rows = connection.execute(
            select(ledger.audit)
            .where(ledger.audit.c.sequence > sequence)
            .order_by(ledger.audit.c.sequence)
            .limit(_BATCH)
        ).mappings()
        count = 0
        for row in rows:
            count += 1
            problem = ""
            if row["sequence"] != sequence + 1:
                problem = f"record {sequence + 1} is missing"
            elif row["previous_hash"] != previous_hash:
                problem = "it does not follow the record before it"
            elif row["hash"] != _digest(row):
                problem = "it is not as it was written"
            if problem:
                return Verification(sequence, row["sequence"], problem)
            sequence, previous_hash = row["sequence"], row["hash"]
        if count == 0:
            break
    # Records may have been added since the head was read, never taken away.
    if sequence < head["audit_sequence"]:
        return Verification(sequence, sequence + 1, "the end of the chain is missing")
    if sequence == head["audit_sequence"] and previous_hash != head["audit_hash"]:
        return Verification(sequence, sequence, "the chain does not end as the head says")
    return Verification(sequence)
