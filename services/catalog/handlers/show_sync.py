"""Showing the connector how far a connection's mirror is."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.catalog.domain.directory import AppInScope
from services.catalog.domain.sync import Sync
from services.catalog.ports import Syncs


@dataclass(frozen=True, slots=True)
class ShowSync:
    """Shows the newest sync of a connection, and what the next one needs."""

    syncs: Syncs

    async def __call__(self, connection_id: str) -> Sync | None:
        """The newest sync; none before its first page."""
        return await self.syncs.newest(connection_id)

    async def its_apps_in_scope(self, connection_id: str, page: PageRequest) -> Page[AppInScope]:
        """The apps whose assignments are to be read, by their object id.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        return await self.syncs.apps_in_scope(connection_id, page)
