"""Audit chains with signed heads, as a service leaves them, and exports of them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.audit.heads import Head
from libs.audit.keys import key_id_of
from libs.audit.records import Record, digest, time_text
from libs.db import audit
from libs.domain.callers import Caller, Person, Service
from libs.domain.changes import AuditEntry
from tools.audit.lines import End, Line, written

BEGIN = datetime(2026, 3, 1, 9, tzinfo=UTC)
EXPORTED = BEGIN + timedelta(days=1)
_ACTORS: list[Caller] = [
    Person("t", "ada", "Ada ☂"),
    Person("t", "grace", "Grace"),
    Service("connector"),
]


@cache
def signing_key(number: int = 1) -> Ed25519PrivateKey:
    """One of several keys, the same in each run."""
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def key_pem(number: int = 1, *former: int) -> bytes:
    """A key file: a private key, and the public ones of former keys."""
    private = signing_key(number).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + b"".join(map(public_pem, former))


def public_pem(number: int = 1) -> bytes:
    """The public half of a key."""
    return (
        signing_key(number)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def records(count: int, *, after: Record | None = None, what: str = "thing") -> list[Record]:
    """Records as the committer chains them."""
    found: list[Record] = [after] if after else []
    for number in range(count):
        entry = AuditEntry(
            _ACTORS[number % 3], f"{what}.changed", f"thg_{number}", "why", {"n": number}
        )
        last = found[-1] if found else None
        sequence = last.sequence if last else 0
        time = BEGIN + timedelta(seconds=3 * sequence)
        (row,) = audit.chained([entry], time, sequence, last.hash if last else "")
        found.append(audit.record_of(row))
    return found[1:] if after else found


def row(record: Record) -> dict[str, Any]:
    """A record as a row of a database."""
    return asdict(record) | {"record_time": datetime.fromisoformat(record.record_time)}


def head(record: Record, previous: int, *, key: int = 1, service: str = "requests") -> Head:
    """The signed head that names a record."""
    key_id = key_id_of(signing_key(key).public_key())
    time = time_text(datetime.fromisoformat(record.record_time) + timedelta(seconds=1))
    made = Head(service, record.sequence, record.hash, previous, time, key_id)
    return made.signed(signing_key(key))


def with_heads(chain: Sequence[Record], every: int, previous: int = 0) -> list[Line]:
    """The records with a head behind each so many, and behind the last."""
    lines: list[Line] = []
    for record in chain:
        lines.append(record)
        if record.sequence % every == 0 or record is chain[-1]:
            lines.append(head(record, previous))
            previous = record.sequence
    return lines


def export(lines: Iterable[Line]) -> list[bytes]:
    """The lines of an export, as bytes, with the end that belongs to these records."""
    kept = [line for line in lines if not isinstance(line, End)]
    last = max(
        (line for line in kept if isinstance(line, Record)),
        key=lambda it: it.sequence,
        default=None,
    )
    end = End(time_text(EXPORTED), last.sequence if last else 0, last.hash if last else "")
    return [*map(_encoded, kept), _encoded(end)]


@cache
def _encoded(line: Line) -> bytes:
    return f"{written(line)}\n".encode()


def rechained(chain: Sequence[Record]) -> list[Record]:
    """The same records, each with the hash that it and those before it must have: what somebody
    does who has changed the first, and knows how records are chained."""
    found: list[Record] = []
    for record in chain:
        previous = found[-1].hash if found else record.previous_hash
        anew = replace(record, previous_hash=previous)
        found.append(replace(anew, hash=digest(anew)))
    return found
