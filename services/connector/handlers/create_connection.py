"""Connects a tenant."""

from dataclasses import dataclass

from libs.domain import ids
from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import errors, facts
from services.connector.domain.connection import (
    Connection,
    ConnectionMode,
    Credential,
    RemovedAccessAction,
    SyncSchedule,
)
from services.connector.ports import Connections, Entra, Secrets


@dataclass(frozen=True, slots=True)
class Command:
    """The wish. `credential_field` is the path of what names the credential's file."""

    actor: Caller
    display_name: str
    entra_tenant_id: str
    entra_client_id: str
    credential: Credential
    credential_field: str
    cloud: str
    mode: ConnectionMode
    schedule: SyncSchedule
    removed_access_action: RemovedAccessAction


async def check_credential(
    connections: Connections, secrets: Secrets, connection: Connection, field: str
) -> None:
    """Whether a connection may have its credential, and it can be signed in with.

    Raises:
        Invalid: the file is that of another cloud.
        WrongState: SECRET_NOT_FOUND, SECRET_UNUSABLE.
    """
    name = connection.credential.name
    for other in await connections.with_credential(name) if name else ():
        if other.cloud != connection.cloud:
            raise errors.secret_of_another_cloud(field, name, other.cloud, other.connection_id)
    await secrets.check(connection.credential)


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
        WrongState: SECRET_NOT_FOUND, SECRET_UNUSABLE.
        """
        known = self.entra.clouds()
        if command.cloud not in known:
            raise errors.cloud_unknown(command.cloud, known)
        existing = await self.connections.of_tenant(command.entra_tenant_id)
        if existing is not None:
            raise errors.tenant_already_connected(command.entra_tenant_id, existing.connection_id)
        connection = Connection(
            connection_id=ids.new_id("con"),
            display_name=command.display_name,
            entra_tenant_id=command.entra_tenant_id,
            entra_client_id=command.entra_client_id,
            credential=command.credential,
            cloud=command.cloud,
            create_time=self.clock.now(),
            mode=command.mode,
            schedule=command.schedule,
            removed_access_action=command.removed_access_action,
        )
        await check_credential(self.connections, self.secrets, connection, command.credential_field)
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
                    "credential_kind": connection.credential.kind.value,
                    "credential_name": connection.credential.name,
                    "cloud": connection.cloud,
                    "mode": connection.mode.value,
                    "removed_access_action": connection.removed_access_action.value,
                },
            ),
            self.connections.added(connection),
            (Fact(connection.connection_id, connection.version, fact),),
        )
        return Outcome(connection, change)
