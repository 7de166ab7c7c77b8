"""Searching what a person may ask for."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.catalog.domain import errors
from services.catalog.domain.app_catalog import CatalogApp
from services.catalog.ports import AppCatalog


@dataclass(frozen=True, slots=True)
class SearchAppCatalog:
    """Searches a person's app catalog."""

    app_catalog: AppCatalog

    async def __call__(self, user_id: str, query: str, page: PageRequest) -> Page[CatalogApp]:
        """Apps by name with what the person may ask for.

        Raises:
            NotAllowed: PERSON_NOT_IN_DIRECTORY.
            Invalid: PAGE_TOKEN_INVALID.
        """
        found = await self.app_catalog.search(user_id, query, page)
        if found is None:
            raise errors.person_not_in_directory(user_id)
        return found
