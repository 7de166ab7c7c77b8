"""Access from outside Latchkey: parts of managed apps' entitlements that no lease brought."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.domain.changes import Fact
from services.catalog.domain.facts import UnmanagedAccessFound

# What is held for less is left alone: that a lease brought it may not be known yet.
SETTLE = timedelta(minutes=1)
# A sync that begins sooner after the end of a lease may still read what the lease had brought.
LEASE_SETTLE = timedelta(minutes=10)
_MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A person holds a part of an entitlement, which has this version, that no lease brought."""

    entitlement_id: str
    directory_entitlement_id: str
    user_id: str
    app_id: str
    entitlement_version: int


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the catalog has come: its own events, and those of requests that it followed."""

    outbox_position: int
    feed_position: int


def found(noted: Iterable[Unmanaged]) -> Sequence[Fact]:
    """What is told of access that was just noted: one fact for each part of an entitlement."""
    parts: dict[tuple[str, str], list[Unmanaged]] = {}
    for each in noted:
        parts.setdefault((each.entitlement_id, each.directory_entitlement_id), []).append(each)
    return [
        Fact(
            first.entitlement_id,
            first.entitlement_version,
            UnmanagedAccessFound(
                first.app_id,
                first.entitlement_id,
                first.directory_entitlement_id,
                tuple(each.user_id for each in people[:_MOST_NAMED]),
                len(people),
            ),
        )
        for people in parts.values()
        for first in people[:1]
    ]
