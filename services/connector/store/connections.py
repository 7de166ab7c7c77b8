"""Connections in the database."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, insert, select, update

from libs.db.engine import Database
from libs.db.gathered import Gathered, padded
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.connection import (
    Connection,
    ConnectionMode,
    Credential,
    CredentialKind,
    RemovedAccessAction,
    SyncSchedule,
)
from services.connector.ports import Writable
from services.connector.store.tables import connections, protected_service_principals

_FOR_WRITING = (
    select(*connections.c, protected_service_principals.c.entra_object_id)
    .select_from(
        connections.outerjoin(
            protected_service_principals,
            and_(
                protected_service_principals.c.connection_id == connections.c.connection_id,
                protected_service_principals.c.entra_object_id.in_(
                    bindparam("principals", expanding=True)
                ),
            ),
        )
    )
    .where(connections.c.connection_id.in_(bindparam("ids", expanding=True)))
)
# A connection, and service principals of its tenant.
_Asked = tuple[str, frozenset[str]]


class ConnectionStore:
    """The connections, and what of their tenants must never be written to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._for_writing = Gathered(self._read_for_writing)

    async def get(self, connection_id: str) -> Connection | None:
        """The connection with this id."""
        found = await self._where(connections.c.connection_id == connection_id)
        return found[0] if found else None

    async def of_tenant(self, entra_tenant_id: str) -> Connection | None:
        """The connection of a tenant."""
        found = await self._where(connections.c.entra_tenant_id == entra_tenant_id)
        return found[0] if found else None

    async def with_credential(self, name: str) -> Sequence[Connection]:
        """The connections that sign in with a file of the secrets folder."""
        return await self._where(connections.c.credential_name == name)

    async def page(self, request: PageRequest) -> Page[Connection]:
        """A page of all connections, oldest first."""
        query = select(connections).order_by(connections.c.connection_id).limit(request.size + 1)
        if (after := request.after()) is not None:
            query = query.where(connections.c.connection_id > after[0])
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = [_connection(row) for row in rows]
        return request.page(found, key=lambda connection: (connection.connection_id,))

    async def for_writing(
        self, connection_id: str, service_principal_ids: Iterable[str]
    ) -> Writable | None:
        """The connection with this id, and which of these are Microsoft's own."""
        return await self._for_writing.get((connection_id, frozenset(service_principal_ids)))

    async def _read_for_writing(self, asked: Sequence[_Asked]) -> dict[_Asked, Writable]:
        values = {
            "ids": padded(sorted({id for id, _ in asked})),
            # Never none: an `IN` of nothing is another statement.
            "principals": padded(sorted({"", *(each for _, some in asked for each in some)})),
        }
        rows = await self._database.read(lambda c: c.execute(_FOR_WRITING, values).all())
        found = {row.connection_id: _connection(row) for row in rows}
        protected = {(row.connection_id, row.entra_object_id) for row in rows}
        return {
            (id, some): Writable(
                found[id], frozenset(each for each in some if (id, each) in protected)
            )
            for id, some in asked
            if id in found
        }

    async def protected(self, connection_id: str) -> frozenset[str]:
        """The service principals of its tenant that were found to be Microsoft's own."""
        table = protected_service_principals
        query = select(table.c.entra_object_id).where(table.c.connection_id == connection_id)
        rows = await self._database.read(lambda c: c.execute(query).scalars().all())
        return frozenset(rows)

    def added(self, connection: Connection) -> tuple[Write, ...]:
        """What is written for a new one."""
        return (Guarded(insert(connections).values(_values(connection))),)

    def updated(self, connection: Connection) -> tuple[Write, ...]:
        """What is written for a changed one. Stale if it is not the version before any more."""
        return (
            Guarded(
                update(connections)
                .where(connections.c.connection_id == connection.connection_id)
                .where(connections.c.version == connection.version - 1)
                .values(_values(connection)),
                expects=1,
            ),
        )

    def protecting(self, connection_id: str, ids: Iterable[str]) -> tuple[Write, ...]:
        """What is written for service principals newly found to be Microsoft's own."""
        rows = [{"connection_id": connection_id, "entra_object_id": found} for found in ids]
        return (Guarded(insert(protected_service_principals), parameters=rows),)

    async def _where(self, condition: ColumnElement[bool]) -> list[Connection]:
        query = select(connections).where(condition).order_by(connections.c.connection_id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_connection(row) for row in rows]


def _values(connection: Connection) -> dict[str, Any]:
    return {
        "connection_id": connection.connection_id,
        "display_name": connection.display_name,
        "entra_tenant_id": connection.entra_tenant_id,
        "entra_client_id": connection.entra_client_id,
        "credential_kind": connection.credential.kind.value,
        "credential_name": connection.credential.name,
        "cloud": connection.cloud,
        "mode": connection.mode.value,
        "incremental_interval": connection.schedule.incremental_interval,
        "full_interval": connection.schedule.full_interval,
        "sync_paused": connection.schedule.paused,
        "removed_access_action": connection.removed_access_action.value,
        "create_time": connection.create_time,
        "version": connection.version,
    }


def _connection(row: Any) -> Connection:
    return Connection(
        connection_id=row.connection_id,
        display_name=row.display_name,
        entra_tenant_id=row.entra_tenant_id,
        entra_client_id=row.entra_client_id,
        credential=Credential(CredentialKind(row.credential_kind), row.credential_name),
        cloud=row.cloud,
        create_time=row.create_time,
        mode=ConnectionMode(row.mode),
        schedule=SyncSchedule(row.incremental_interval, row.full_interval, row.sync_paused),
        removed_access_action=RemovedAccessAction(row.removed_access_action),
        version=row.version,
    )
