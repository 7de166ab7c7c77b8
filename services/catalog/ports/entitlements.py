"""What managed apps offer."""

from collections.abc import Collection, Mapping
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import ResourceType
from services.catalog.domain.shown_entitlement import ShownEntitlement


class Entitlements(Protocol):
    """What managed apps offer."""

    async def shown(self, entitlement_id: str) -> ShownEntitlement | None:
        """The entitlement with this id, where it stands and who answers for it."""
        ...

    async def page(
        self, app_id: str, resource_type_id: str, page: PageRequest
    ) -> Page[ShownEntitlement]:
        """The entitlements of an app: access, its own roles, virtual ones oldest first."""
        ...

    async def existing(self, entitlement_ids: Collection[str]) -> frozenset[str]:
        """Which of these exist."""
        ...

    async def owned_by(self, entitlement_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """What whoever holds these answers for: ids of apps and entitlements, by entitlement.

        What is gone from the directory is left out: nobody can give it other owners.
        """
        ...

    async def groups_there(self, entitlement_id: str) -> frozenset[str]:
        """Of an entitlement's fulfilment, the groups that are in the directory."""
        ...

    async def role_named(self, resource_type_id: str, display_name: str) -> str:
        """The entitlement of this type with this name, in any case; empty if there is none."""
        ...

    def updated(
        self, app: App, before: ShownEntitlement, after: ShownEntitlement
    ) -> tuple[Write, ...]:
        """Keeps what was changed of an entitlement, while its app is as it was."""
        ...

    async def of_types(self, resource_type_ids: Collection[str]) -> tuple[ShownEntitlement, ...]:
        """The entitlements of these resource types, oldest first."""
        ...

    async def resource_types(self, app_id: str) -> tuple[ResourceType, ...]:
        """The resource types of an app, the built-in one first."""
        ...
