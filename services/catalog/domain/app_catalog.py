"""What one person may ask for."""

from dataclasses import dataclass
from datetime import timedelta

from services.catalog.domain.entitlement import ResourceKind


@dataclass(frozen=True, slots=True)
class CatalogEntitlement:
    """An entitlement that a person may ask for, and whether they hold it already."""

    entitlement_id: str
    display_name: str
    description: str
    resource_kind: ResourceKind
    held: bool
    max_duration: timedelta | None


@dataclass(frozen=True, slots=True)
class CatalogApp:
    """An app that a person may ask something of; access comes first."""

    app_id: str
    display_name: str
    description: str
    entitlements: tuple[CatalogEntitlement, ...]
