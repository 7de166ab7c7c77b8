"""Audit records, and the hash that chains each to the one before it.

The hash is SHA-256 over the record's canonical JSON (RFC 8785), which holds the hash of the record
before it: an edited, dropped or moved record shows.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785


@dataclass(frozen=True, slots=True)
class Record:
    """One audit record as it is hashed. `actor` and `details` are canonical JSON texts."""

    sequence: int
    record_time: str
    """As `time_text` writes it."""
    actor: str
    action: str
    resource_id: str
    reason: str
    details: str
    previous_hash: str
    """Empty for the first record."""
    hash: str


def time_text(time: datetime) -> str:
    """A time to the microsecond: what both databases keep. The texts sort as the times do."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hashed(record: Record, sequence: int | None = None) -> dict[str, Any]:
    """What the hash of a record is over; as if it stood at another place where one is given."""
    return {
        "sequence": record.sequence if sequence is None else sequence,
        "record_time": record.record_time,
        "actor": record.actor,
        "action": record.action,
        "resource_id": record.resource_id,
        "reason": record.reason,
        "details": record.details,
        "previous_hash": record.previous_hash,
    }


def digest(record: Record, sequence: int | None = None) -> str:
    """The hash that a record must have, in hex; empty for what no record could hold."""
    try:
        return hashlib.sha256(rfc8785.dumps(hashed(record, sequence))).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeError):
        # Somebody wrote it beside us: a number out of range, half a character.
        return ""
