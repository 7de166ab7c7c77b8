"""Reads connections, and tries them."""

from dataclasses import dataclass

from libs.domain.paging import Page, PageRequest
from services.connector.domain import errors
from services.connector.domain.connection import CheckReport, Connection
from services.connector.ports import Connections, Entra


async def get_connection(connections: Connections, connection_id: str) -> Connection:
    """One connection.

    Raises:
        NotFound: CONNECTION_NOT_FOUND.
    """
    connection = await connections.get(connection_id)
    if connection is None:
        raise errors.connection_not_found(connection_id)
    return connection


@dataclass(frozen=True, slots=True)
class ReadConnections:
    """The use cases."""

    connections: Connections
    entra: Entra

    async def get(self, connection_id: str) -> Connection:
        """Raises:
        NotFound: CONNECTION_NOT_FOUND.
        """
        return await get_connection(self.connections, connection_id)

    async def page(self, request: PageRequest) -> Page[Connection]:
        """A page, oldest first."""
        return await self.connections.page(request)

    async def test(self, connection_id: str) -> CheckReport:
        """Signs in to the tenant and tries what must be read there.

        Raises:
            NotFound: CONNECTION_NOT_FOUND.
        """
        return await self.entra.check(await self.get(connection_id))
