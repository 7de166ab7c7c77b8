"""How uses follow from what the requests service says happened, one event after the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.catalog.domain.use import Use, UseState


@dataclass(frozen=True, slots=True)
class Asked:
    """An access request was made."""

    access_request_id: str
    entitlement_id: str
    app_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Granted:
    """It was approved, or its delivery begins once more."""

    access_request_id: str
    lease_id: str


@dataclass(frozen=True, slots=True)
class Fulfilled:
    """Its access is in Entra; `end_time` none is without an end."""

    access_request_id: str
    end_time: datetime | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Its access can't be put into Entra. Its lease may have brought a part of it there."""

    access_request_id: str


@dataclass(frozen=True, slots=True)
class Closed:
    """It was denied or cancelled. A lease that it had is on its way out, and says so itself."""

    access_request_id: str


@dataclass(frozen=True, slots=True)
class LeaseEnding:
    """A lease shall no longer be in Entra."""

    lease_id: str


@dataclass(frozen=True, slots=True)
class Extended:
    """A lease lasts longer, as the access request asked, which is over with that."""

    access_request_id: str
    lease_id: str
    end_time: datetime


@dataclass(frozen=True, slots=True)
class LeaseGone:
    """What a lease brought is out of Entra."""

    lease_id: str


Happening = Asked | Granted | Fulfilled | Failed | Closed | LeaseEnding | LeaseGone | Extended


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event at its place in the feed. `happening` is none for what changes no use."""

    position: int
    event_id: str
    happening: Happening | None


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far the feed has been followed: the newest event that was taken."""

    position: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Followed:
    """The uses by access request, and those whose lease is out of Entra by now."""

    uses: Mapping[str, Use]
    ended: tuple[Use, ...]


def follow(uses: Iterable[Use], happenings: Iterable[Happening]) -> Followed:
    """What the uses are after all of these happened, in this order.

    `uses` holds at least those that `happenings` name by access request or lease, as far as there
    are any. What is said of an access request that is not there is passed over.
    """
    found, ended = {use.access_request_id: use for use in uses}, []
    by_lease = {use.lease_id: use.access_request_id for use in found.values() if use.lease_id}
    for happening in happenings:
        match happening:
            case Asked():
                found[happening.access_request_id] = Use(
                    access_request_id=happening.access_request_id,
                    entitlement_id=happening.entitlement_id,
                    app_id=happening.app_id,
                    user_id=happening.user_id,
                    state=UseState.OPEN,
                )
                continue
            case Extended() | LeaseEnding() | LeaseGone():
                if isinstance(happening, Extended):
                    found.pop(happening.access_request_id, None)
                access_request_id = by_lease.get(happening.lease_id, "")
                known = found.get(access_request_id)
                if known is None or known.lease_id != happening.lease_id:
                    continue  # it was asked for or granted anew since
            case _:
                access_request_id = happening.access_request_id
        if (use := found.get(access_request_id)) is None:
            continue
        if (after := _after(use, happening)) is None:
            del found[access_request_id]
            if isinstance(happening, LeaseGone):
                ended.append(use)
        else:
            found[access_request_id] = after
        if isinstance(happening, Granted):
            by_lease[happening.lease_id] = access_request_id
    return Followed(found, tuple(ended))


def _after(use: Use, happening: Happening) -> Use | None:
    """The use after it happened; none once it is over."""
    match happening:
        case Granted():
            return replace(use, state=UseState.GRANTED, lease_id=happening.lease_id, end_time=None)
        case Fulfilled():
            return replace(use, state=UseState.ACTIVE, end_time=happening.end_time)
        case Failed():
            return replace(use, state=UseState.FAILED)
        case Closed():
            return replace(use, state=UseState.ENDING) if use.lease_id else None
        case LeaseEnding():
            return replace(use, state=UseState.ENDING)
        case Extended():
            return replace(use, end_time=happening.end_time)
        case LeaseGone():
            return None
        case Asked():
            return use
