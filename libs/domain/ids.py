"""The only place that makes an id.

An id is a prefix that names its kind and 26 letters and digits: `req_01k9…`. Those of things we
create are UUIDv7, so that sorting by id is sorting by creation. Those of things the directory
owns are derived from its own ids, so that a sync can be repeated, reordered or begun anew without
a look-up, and a caller's token is enough to know their `user_id`.
"""

import hashlib
import os
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def _encode(number: int) -> str:
    """A 128-bit number as 26 characters that sort as the number does."""
    # Two at a time: a sync derives millions of ids.
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def _decode(text: str) -> int:
    number = 0
    for each in text:
        number = number << 5 | _ALPHABET.index(each)
    return number


class _Sequence:
    """UUIDv7 numbers (RFC 9562) that never go backwards within the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (0, 0)

    def next(self) -> int:
        with self._lock:
            moment = time.time_ns() // 1_000_000, 0
            if moment[0] <= self._last[0]:
                # The clock stepped back, or two come in one millisecond.
                moment = _behind(*self._last)
            self._last = moment
        return _uuid7(*moment)


def _behind(millisecond: int, counter: int) -> tuple[int, int]:
    """The next moment: ahead of the clock rather than a repeated order."""
    # 12 bits beside the clock count within a millisecond.
    return (millisecond, counter + 1) if counter + 1 < 1 << 12 else (millisecond + 1, 0)


def _uuid7(millisecond: int, counter: int) -> int:
    random = int.from_bytes(os.urandom(8)) >> 2
    return millisecond << 80 | 7 << 76 | counter << 64 | 0b10 << 62 | random


_sequence = _Sequence()


def new_id(prefix: str) -> str:
    """A new id, greater than every id of this prefix made in this process before."""
    return f"{prefix}_{_encode(_sequence.next())}"


def new_id_after(other: str) -> str:
    """A new id of the prefix of another, greater than it, whichever process made that one."""
    prefix, _, digits = other.partition("_")
    if (made := new_id(prefix)) > other:
        return made
    # Its process has a clock that is ahead of ours.
    number = _decode(digits)
    return f"{prefix}_{_encode(_uuid7(*_behind(number >> 80, number >> 64 & 0xFFF)))}"


def derived_id(prefix: str, *parts: str) -> str:
    """The id that always belongs to `parts`, whoever asks."""
    digest = hashlib.sha256("\x1f".join(parts).lower().encode()).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest[:16]))}"


def user_id(entra_tenant_id: str, entra_object_id: str) -> str:
    """The id of a person of a tenant."""
    return derived_id("usr", entra_tenant_id, entra_object_id)


def group_id(entra_tenant_id: str, entra_object_id: str) -> str:
    """The id of a group of a tenant."""
    return derived_id("grp", entra_tenant_id, entra_object_id)


def app_id(entra_tenant_id: str, entra_service_principal_id: str) -> str:
    """The id of an app: of one service principal of one tenant."""
    return derived_id("app", entra_tenant_id, entra_service_principal_id)


def membership_entitlement_id(entra_tenant_id: str, entra_group_id: str) -> str:
    """The id of the directory entitlement "member of this group"."""
    return derived_id("den", entra_tenant_id, "member", entra_group_id)


def app_role_entitlement_id(
    entra_tenant_id: str, entra_service_principal_id: str, entra_app_role_id: str
) -> str:
    """The id of the directory entitlement "assigned to this app in this role"."""
    return derived_id("den", entra_tenant_id, "role", entra_service_principal_id, entra_app_role_id)
