"""What people may ask for."""

from collections.abc import Mapping
from typing import Protocol

from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app_catalog import CatalogApp, CatalogState


class AppCatalog(Protocol):
    """What people may ask for."""

    async def search(
        self, user_id: str, query: str, state: CatalogState | None, page: PageRequest
    ) -> Page[CatalogApp] | None:
        """Apps by name with what the person may ask for, or with what of it stands so.

        A page may hold few, though more follow. None for a person not in the directory.
        """
        ...

    async def app(self, user_id: str, app_id: str) -> tuple[CatalogApp, ...] | None:
        """An app with what the person may ask for, or nothing when there is nothing.

        None for a person not in the directory.
        """
        ...

    async def shown(self, user_id: str, app_id: str, entitlement_id: str) -> Mapping[str, str]:
        """The entitlements that a person may know of, with their apps.

        They are those that the person holds or has asked for; and of those that they hold a part
        of, of an app's, and of one named, those that they may ask for.
        """
        ...
