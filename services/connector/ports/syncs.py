"""The syncs."""

from collections.abc import Sequence
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.sync import History, Sync


class Syncs(Protocol):
    """The syncs."""

    async def get(self, sync_id: str) -> Sync | None:
        """The sync with this id."""
        ...

    async def running(self) -> Sequence[Sync]:
        """All that run; not those that are held."""
        ...

    async def running_of(self, connection_id: str) -> Sync | None:
        """The one that runs, or is held, for a connection."""
        ...

    async def last_succeeded_of(self, connection_id: str) -> Sync | None:
        """The newest of a connection that succeeded."""
        ...

    async def history_of(self, connection_id: str) -> History:
        """What is known of a connection's syncs."""
        ...

    async def page(self, request: PageRequest, *, connection_id: str) -> Page[Sync]:
        """A page of syncs, newest first; of one connection unless `connection_id` is empty.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    def added(self, sync: Sync) -> tuple[Write, ...]:
        """What is written for a new one. It is stale if another was started meanwhile."""
        ...

    def updated(self, sync: Sync) -> tuple[Write, ...]:
        """What is written for a change. It is stale if the sync has changed since `version`."""
        ...
