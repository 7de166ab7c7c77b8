"""Starts a sync."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import errors, facts
from services.connector.domain.sync import Sync, SyncKind
from services.connector.handlers.get_connection import get_connection
from services.connector.ports import Connections, Syncs


@dataclass(frozen=True, slots=True)
class Command:
    """The wish."""

    actor: Caller
    connection_id: str
    kind: SyncKind = SyncKind.INCREMENTAL


@dataclass(frozen=True, slots=True)
class StartSync:
    """The use case."""

    connections: Connections
    syncs: Syncs
    clock: Clock

    async def __call__(self, command: Command) -> Outcome[Sync]:
        """Raises:
        NotFound: CONNECTION_NOT_FOUND.
        AlreadyExists: SYNC_RUNNING.
        """
        connection = await get_connection(self.connections, command.connection_id)
        running = await self.syncs.running_of(connection.connection_id)
        if running is not None:
            raise errors.sync_running(connection.connection_id, running.sync_id)
        history = await self.syncs.history_of(connection.connection_id)
        sync = history.next(connection.connection_id, command.kind, self.clock.now())
        fact = facts.SyncStarted(sync.sync_id, sync.connection_id, command.actor)
        change = Change(
            AuditEntry(
                command.actor,
                "sync.started",
                sync.sync_id,
                details={"connection_id": sync.connection_id, "kind": sync.kind.value},
            ),
            self.syncs.added(sync),
            (Fact(sync.sync_id, sync.version, fact),),
        )
        return Outcome(sync, change)
