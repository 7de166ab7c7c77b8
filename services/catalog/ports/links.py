"""The groups linked to apps."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement, ResourceType
from services.catalog.domain.link import Binding, LinkedGroup
from services.catalog.domain.linking import Linking
from services.catalog.domain.unlink import Unlinking


@dataclass(frozen=True, slots=True)
class LinkMaterial:
    """An app, and what decisions about its linked groups are made from, as of one moment.

    `groups` are those linked among the ones asked for, `entitlements` those of the app among the
    ones asked for and those bound to these groups, `role_names` all names of its roles. `removed`:
    what the `REMOVED` ones of these entitlements stand for that is gone, in words, by their ids.
    """

    app: App
    resource_types: tuple[ResourceType, ...]
    groups: tuple[LinkedGroup, ...]
    entitlements: tuple[Entitlement, ...]
    role_names: tuple[str, ...]
    removed: Mapping[str, str] = field(default_factory=dict)


class Links(Protocol):
    """The groups linked to apps."""

    async def page(self, app_id: str, page: PageRequest) -> Page[LinkedGroup]:
        """The groups linked to an app, by name."""
        ...

    async def bindings(self, app_id: str, page: PageRequest) -> Page[Binding]:
        """The bindings of an app, oldest first."""
        ...

    async def material(
        self,
        app_id: str,
        directory_entitlement_ids: Collection[str],
        entitlement_ids: Collection[str],
    ) -> LinkMaterial | None:
        """What decisions about these groups and entitlements of an app are made from.

        None for an app that is not there.
        """
        ...

    def linked(self, before: App, linking: Linking) -> tuple[Write, ...]:
        """Keeps choices."""
        ...

    def unlinked(self, before: App, unlinking: Unlinking) -> tuple[Write, ...]:
        """Forgets choices, with the bindings and the roles that went with them."""
        ...
