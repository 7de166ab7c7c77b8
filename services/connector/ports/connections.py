"""The connections, their secrets, and the pauses that their tenants ask for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.connection import Connection, Credential


@dataclass(frozen=True, slots=True)
class Writable:
    """A connection, and those of its service principals that were asked about and are Microsoft's
    own: they must never be written to."""

    connection: Connection
    protected_ids: frozenset[str]


class Connections(Protocol):
    """The connections, and what of their tenants must never be written to."""

    async def get(self, connection_id: str) -> Connection | None:
        """The connection with this id."""
        ...

    async def of_tenant(self, entra_tenant_id: str) -> Connection | None:
        """The connection of a tenant."""
        ...

    async def with_credential(self, name: str) -> Sequence[Connection]:
        """The connections that sign in with a file of the secrets folder."""
        ...

    async def page(self, request: PageRequest) -> Page[Connection]:
        """A page of all connections, oldest first.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    async def for_writing(
        self, connection_id: str, service_principal_ids: Iterable[str]
    ) -> "Writable | None":
        """The connection with this id, and which of these are Microsoft's own."""
        ...

    async def protected(self, connection_id: str) -> frozenset[str]:
        """The service principals of its tenant that were found to be Microsoft's own."""
        ...

    def added(self, connection: Connection) -> tuple[Write, ...]:
        """What is written for a new one. It is stale if the tenant was connected meanwhile."""
        ...

    def updated(self, connection: Connection) -> tuple[Write, ...]:
        """What is written for a changed one. Stale if it is not the version before any more."""
        ...

    def protecting(self, connection_id: str, ids: Iterable[str]) -> tuple[Write, ...]:
        """What is written for service principals newly found to be Microsoft's own."""
        ...


class Throttles(Protocol):
    """Until when tenants asked not to be called."""

    async def until(self, connection_id: str) -> datetime | None:
        """When the last such time of a tenant is over, or was."""
        ...

    async def note(self, connection_id: str, until: datetime) -> None:
        """Keeps it, for whoever works on the tenant next.

        Raises:
            Unavailable: the database does not answer.
        """
        ...


class Secrets(Protocol):
    """The secrets folder."""

    async def check(self, credential: Credential) -> None:
        """Whether a credential can be signed in with, as far as can be told here.

        Raises:
            WrongState: SECRET_NOT_FOUND, SECRET_UNUSABLE.
        """
        ...
