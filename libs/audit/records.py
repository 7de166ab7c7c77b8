"""Audit records, and the hash that chains each to the one before it.

The hash is SHA-256 over the record's canonical JSON (RFC 8785), which holds the hash of the record
before it: an edited, dropped or moved record shows.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime


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


# The canonical form of an object of texts and one number, which is all that a record is: to write
# it so takes a fifth of what the library of RFC 8785 takes, and gives the same.
_canonical_text = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode
_MOST = 2**53 - 1


def canonical(record: Record) -> bytes:
    """What the hash of a record is over: its canonical JSON without the hash.

    Raises:
        ValueError, TypeError: no record could hold that: a number out of range, half a character.
    """
    if not 0 < record.sequence <= _MOST:
        raise ValueError("the number is out of range")
    return _canonical_text(
        {
            "sequence": record.sequence,
            "record_time": record.record_time,
            "actor": record.actor,
            "action": record.action,
            "resource_id": record.resource_id,
            "reason": record.reason,
            "details": record.details,
            "previous_hash": record.previous_hash,
        }
    ).encode()


def digest(record: Record) -> str:
    """The hash that a record must have, in hex; empty for what no record could hold."""
    try:
        return hashlib.sha256(canonical(record)).hexdigest()
    except (ValueError, TypeError):
        return ""


def place_of(record: Record, reach: int) -> int | None:
    """The place in the chain of which the record has the hash, at most so far from where it is;
    none where it has the hash of no such place, as one that was edited."""
    try:
        text = canonical(record)
    except (ValueError, TypeError):
        return None
    # The name of the place is the last of all by the alphabet, so its value stands at the end.
    before = hashlib.sha256(text.removesuffix(f"{record.sequence}}}".encode()))
    for distance in range(1, reach + 1):
        for place in (record.sequence - distance, record.sequence + distance):
            whole = before.copy()
            whole.update(f"{place}}}".encode())
            if place > 0 and whole.hexdigest() == record.hash:
                return place
    return None
