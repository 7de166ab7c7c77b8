"""Reads syncs."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.connector.domain import errors
from services.connector.domain.sync import Sync
from services.connector.ports import Syncs


async def get_sync(syncs: Syncs, sync_id: str) -> Sync:
    """One sync.

    Raises:
        NotFound: SYNC_NOT_FOUND.
    """
    sync = await syncs.get(sync_id)
    if sync is None:
        raise errors.sync_not_found(sync_id)
    return sync


@dataclass(frozen=True, slots=True)
class ReadSyncs:
    """The use cases."""

    syncs: Syncs

    async def get(self, sync_id: str) -> Sync:
        """Raises:
        NotFound: SYNC_NOT_FOUND.
        """
        return await get_sync(self.syncs, sync_id)

    async def page(self, request: PageRequest, connection_id: str) -> Page[Sync]:
        """A page, newest first."""
        return await self.syncs.page(request, connection_id=connection_id)
