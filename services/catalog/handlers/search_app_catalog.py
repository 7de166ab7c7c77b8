"""Showing what a person may ask for."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.catalog.domain import errors
from services.catalog.domain.app_catalog import CatalogApp, CatalogState
from services.catalog.ports import AppCatalog


@dataclass(frozen=True, slots=True)
class SearchAppCatalog:
    """Searches a person's app catalog."""

    app_catalog: AppCatalog

    async def __call__(
        self, user_id: str, query: str, state: CatalogState | None, page: PageRequest
    ) -> Page[CatalogApp]:
        """Apps by name with what the person may ask for, or with what of it stands so.

        Raises:
            NotAllowed: PERSON_NOT_IN_DIRECTORY.
            Invalid: PAGE_TOKEN_INVALID.
        """
        found = await self.app_catalog.search(user_id, query, state, page)
        if found is None:
            raise errors.person_not_in_directory(user_id)
        return found


@dataclass(frozen=True, slots=True)
class GetCatalogApp:
    """Shows an app of a person's app catalog."""

    app_catalog: AppCatalog

    async def __call__(self, user_id: str, app_id: str) -> CatalogApp:
        """The app, with everything of it that the person may ask for.

        Raises:
            NotAllowed: PERSON_NOT_IN_DIRECTORY.
            NotFound: APP_NOT_FOUND, also for what the person may ask nothing of.
        """
        found = await self.app_catalog.app(user_id, app_id)
        if found is None:
            raise errors.person_not_in_directory(user_id)
        if not found:
            raise errors.app_not_found(app_id)
        return found[0]
