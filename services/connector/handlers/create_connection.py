"""Connects a tenant."""

from dataclasses import dataclass

from libs.domain import ids
from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import errors, facts
from services.connector.domain.connection import Connection
from services.connector.ports import Connections, Entra, Secrets


@dataclass(frozen=True, slots=True)
class Command:
    """The wish."""

    actor: Caller
    display_name: str
    entra_tenant_id: str
    entra_client_id: str
    client_secret_name: str
    cloud: str


@dataclass(frozen=True, slots=True)
class CreateConnection:
    """The use case."""

    connections: Connections
    secrets: Secrets
    entra: Entra
    clock: Clock

    async def __call__(self, command: Command) -> Outcome[Connection]:
        """Raises:
        Invalid: CLOUD_UNKNOWN, or the secret is that of another cloud.
        AlreadyExists: TENANT_ALREADY_CONNECTED.
        WrongState: SECRET_NOT_FOUND.
        """
        known = self.entra.clouds()
        if command.cloud not in known:
            raise errors.cloud_unknown(command.cloud, known)
        existing = await self.connections.of_tenant(command.entra_tenant_id)
        if existing is not None:
            raise errors.tenant_already_connected(command.entra_tenant_id, existing.connection_id)
        for other in await self.connections.with_secret(command.client_secret_name):
            if other.cloud != command.cloud:
                raise errors.secret_of_another_cloud(
                    command.client_secret_name, other.cloud, other.connection_id
                )
        if not await self.secrets.has(command.client_secret_name):
            raise errors.secret_not_found(command.client_secret_name)
        connection = Connection(
            connection_id=ids.new_id("con"),
            display_name=command.display_name,
            entra_tenant_id=command.entra_tenant_id,
            entra_client_id=command.entra_client_id,
            client_secret_name=command.client_secret_name,
            cloud=command.cloud,
            create_time=self.clock.now(),
        )
        fact = facts.ConnectionCreated(
            connection.connection_id, connection.entra_tenant_id, command.actor
        )
        change = Change(
            AuditEntry(
                command.actor,
                "connection.created",
                connection.connection_id,
                details={
                    "entra_tenant_id": connection.entra_tenant_id,
                    "entra_client_id": connection.entra_client_id,
                    "client_secret_name": connection.client_secret_name,
                    "cloud": connection.cloud,
                },
            ),
            self.connections.added(connection),
            (Fact(connection.connection_id, connection.version, fact),),
        )
        return Outcome(connection, change)
