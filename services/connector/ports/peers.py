"""The other services."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from services.connector.domain.connection import Connection
from services.connector.domain.directory import AppInScope
from services.connector.domain.lease import Confirmation, Lease
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.sync import Checkpoint, Ingested, NumberedPage, Sync
from services.connector.domain.target import Target


class Requests(Protocol):
    """The requests service."""

    async def lease(self, lease_id: str) -> Lease:
        """A lease.

        Raises:
            NotFound: there is no such lease.
            Unavailable: requests does not answer.
        """
        ...

    async def ending(self) -> Sequence[str]:
        """The leases that are on their way out of Entra, the longest overdue first.

        Raises:
            Unavailable: requests does not answer.
        """
        ...

    async def granted(self) -> Sequence[str]:
        """The leases that are on their way into Entra.

        Raises:
            Unavailable: requests does not answer.
        """
        ...


class Catalog(Protocol):
    """The catalog service."""

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[Target]
    ) -> Confirmation:
        """What the catalog says of targets.

        Raises:
            NotFound: it has no such entitlement or person.
            Unavailable: it does not answer.
        """
        ...

    async def check_held(
        self, connection_id: str, expected: Sequence[ExpectedAssignment]
    ) -> tuple[str, frozenset[str]]:
        """The newest sync of a connection, and which assignments are not in Entra as it saw it.

        The sync is empty while it is not complete. Whose person or target is no longer in the
        directory is not missing: that ends otherwise.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def checkpoint(self, connection_id: str) -> Checkpoint:
        """How far it has the newest sync of a connection.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def ingest(
        self, sync: Sync, connection: Connection, pages: AsyncIterator[NumberedPage]
    ) -> Ingested:
        """Brings it pages until they end. Nothing may be raised by what gives the pages.

        Raises:
            LatchkeyError: it refuses them.
            Unavailable: it does not answer; some may have been committed.
        """
        ...

    async def apps_in_scope(self, connection_id: str) -> Sequence[AppInScope]:
        """The apps of a connection, by their ids.

        Raises:
            Unavailable: it does not answer.
        """
        ...
