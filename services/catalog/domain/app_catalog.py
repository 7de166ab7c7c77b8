"""What one person may ask for, and where it stands for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.settings import EntitlementSettings
from services.catalog.domain.use import Use, UseState

_ASKED_FOR = (UseState.OPEN, UseState.GRANTED, UseState.FAILED)


class CatalogState(StrEnum):
    """Where an entitlement stands for a person."""

    REQUESTABLE = "REQUESTABLE"
    REQUESTED = "REQUESTED"
    HELD = "HELD"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entitlement stands for a person, and by which access request and lease."""

    state: CatalogState
    access_request_id: str = ""
    lease_id: str = ""
    lease_end_time: datetime | None = None


_HELD, _REQUESTABLE = Standing(CatalogState.HELD), Standing(CatalogState.REQUESTABLE)


def standing(held: bool, uses: Sequence[Use]) -> Standing:
    """Where an entitlement stands for a person with these uses of it, oldest first.

    `held`: they hold all of it as of the last sync. What is ENDING is held as long as it is there.
    """
    if not uses:
        return _HELD if held else _REQUESTABLE
    asked = next((use for use in uses if use.state in _ASKED_FOR), None)
    leases = sorted(
        (use for use in uses if use.lease_id), key=lambda use: use.state is not UseState.ACTIVE
    )
    lease = leases[0] if leases else None
    state = CatalogState.REQUESTABLE
    if held or (lease is not None and lease.state is UseState.ACTIVE):
        state = CatalogState.HELD
    elif asked is not None:
        state = CatalogState.REQUESTED
    return Standing(
        state,
        access_request_id="" if asked is None else asked.access_request_id,
        lease_id="" if lease is None else lease.lease_id,
        lease_end_time=None if lease is None else lease.end_time,
    )


@dataclass(frozen=True, slots=True)
class CatalogEntitlement:
    """An entitlement that a person may ask for: what holds for it, and where it stands.

    `held`: they hold it as of the last sync.
    """

    entitlement_id: str
    display_name: str
    description: str
    resource_kind: ResourceKind
    held: bool
    settings: EntitlementSettings
    standing: Standing


@dataclass(frozen=True, slots=True)
class CatalogApp:
    """An app that a person may ask something of; access comes first."""

    app_id: str
    display_name: str
    description: str
    entitlements: tuple[CatalogEntitlement, ...]
    instructions: str = ""
