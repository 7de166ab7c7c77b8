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


class _Sequence:
    """UUIDv7 numbers (RFC 9562) that never go backwards within the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = (0, 0)

    def next(self) -> int:
        with self._lock:
            millisecond, counter = time.time_ns() // 1_000_000, 0
            if millisecond <= self._last[0]:
                # The 12 bits beside the clock count within a millisecond; when they are used up
                # or the clock stepped back, run ahead of it rather than repeat an order.
                millisecond, counter = self._last[0], self._last[1] + 1
                if counter == 1 << 12:
                    millisecond, counter = millisecond + 1, 0
            self._last = (millisecond, counter)
        random = int.from_bytes(os.urandom(8)) >> 2
        return millisecond << 80 | 7 << 76 | counter << 64 | 0b10 << 62 | random


_sequence = _Sequence()


def new_id(prefix: str) -> str:
    """A new id, greater than every id of this prefix made in this process before."""
    return f"{prefix}_{_encode(_sequence.next())}"


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
