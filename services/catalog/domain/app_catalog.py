"""What one person may ask for."""

from dataclasses import dataclass

from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.settings import EntitlementSettings


@dataclass(frozen=True, slots=True)
class CatalogEntitlement:
    """An entitlement that a person may ask for: what holds for it, and whether they hold it."""

    entitlement_id: str
    display_name: str
    description: str
    resource_kind: ResourceKind
    held: bool
    settings: EntitlementSettings


@dataclass(frozen=True, slots=True)
class CatalogApp:
    """An app that a person may ask something of; access comes first."""

    app_id: str
    display_name: str
    description: str
    entitlements: tuple[CatalogEntitlement, ...]
