"""Audit records, and the hash that chains each to the one before it.

The hash is SHA-256 over the record's canonical JSON (RFC 8785), which holds the hash of the record
before it: an edited, dropped or moved record shows.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring


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


_MOST = 2**53 - 1


def canonical(record: Record) -> bytes:
    """What the hash of a record is over: its canonical JSON without the hash.

    Written out, since a record is texts and one number only: it takes a tenth of what the library
    for RFC 8785 takes, and gives the same.

    Raises:
        ValueError, TypeError: no record could hold that: a number out of range, half a character.
    """
    if not 0 < record.sequence <= _MOST:
        raise ValueError("the number is out of range")
    text = encode_basestring
    return (
        f'{{"action":{text(record.action)},"actor":{text(record.actor)},'
        f'"details":{text(record.details)},"previous_hash":{text(record.previous_hash)},'
        f'"reason":{text(record.reason)},"record_time":{text(record.record_time)},'
        f'"resource_id":{text(record.resource_id)},"sequence":{record.sequence}}}'
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
