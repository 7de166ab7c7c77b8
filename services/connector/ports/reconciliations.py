"""The looks at whether Entra still holds what leases brought there."""

from collections.abc import Collection
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.reconciliation import Reconciliation, ReconciliationState


class Reconciliations(Protocol):
    """Those that found something missing."""

    async def get(self, reconciliation_id: str) -> Reconciliation | None:
        """The one with this id."""
        ...

    async def open_of(self, connection_id: str) -> Reconciliation | None:
        """The one of a connection that is not over; there is one at most."""
        ...

    async def missing(self, reconciliation_id: str) -> frozenset[str]:
        """All assignments that it found missing."""
        ...

    async def page(
        self, request: PageRequest, *, connection_id: str, state: ReconciliationState | None
    ) -> Page[Reconciliation]:
        """A page, newest first; of one connection unless `connection_id` is empty.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    def added(
        self, reconciliation: Reconciliation, missing_ids: Collection[str]
    ) -> tuple[Write, ...]:
        """What is written for a new one. Stale if another of the connection is open."""
        ...

    def updated(self, reconciliation: Reconciliation) -> tuple[Write, ...]:
        """What is written for a change. Stale if it has changed since `version`."""
        ...
