"""Starts a sync."""

from dataclasses import dataclass

from libs.domain import ids
from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import errors, facts
from services.connector.domain.sync import Sync, SyncKind, SyncState, first_progress
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
        # Only a sync that reads everything can be guessed from one that did.
        like = history.last_whole if command.kind is SyncKind.FULL else None
        # Whichever process starts it: the catalog tells by the id which of two syncs is newer.
        newest = history.last
        sync = Sync(
            sync_id=ids.new_id("syn") if newest is None else ids.new_id_after(newest.sync_id),
            connection_id=connection.connection_id,
            state=SyncState.RUNNING,
            progress=first_progress(),
            problem="",
            create_time=self.clock.now(),
            kind=command.kind,
            expected_count=0 if like is None else like.progress.object_count,
        )
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
