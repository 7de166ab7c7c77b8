"""Changes a connection."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import facts
from services.connector.domain.connection import Connection, Wishes
from services.connector.domain.sync import Sync, SyncKind
from services.connector.handlers.create_connection import check_credential
from services.connector.handlers.get_connection import get_connection
from services.connector.ports import Connections, Secrets, Syncs


@dataclass(frozen=True, slots=True)
class Command:
    """The wish. An empty `etag` is any; `credential_field` names the credential's file."""

    actor: Caller
    connection_id: str
    etag: str
    wishes: Wishes
    credential_field: str


@dataclass(frozen=True, slots=True)
class UpdateConnection:
    """The use case."""

    connections: Connections
    secrets: Secrets
    syncs: Syncs
    clock: Clock

    async def __call__(self, command: Command) -> Outcome[Connection]:
        """Raises:
        NotFound: CONNECTION_NOT_FOUND.
        Conflict: ETAG_MISMATCH.
        Invalid: the secret is that of another cloud.
        WrongState: SECRET_NOT_FOUND, SECRET_UNUSABLE.
        """
        found = await get_connection(self.connections, command.connection_id)
        before = found.at(command.etag)
        after = before.changed(command.wishes)
        if command.wishes.credential is not None:
            await check_credential(self.connections, self.secrets, after, command.credential_field)
        if after == before:
            return Outcome(before)
        old, new = before.values(), after.values()
        changed = tuple(name for name, value in new.items() if old.get(name) != value)
        details: dict[str, object] = {
            "before": {name: value for name, value in old.items() if new.get(name) != value},
            "after": {name: new[name] for name in changed},
        }
        writes = self.connections.updated(after)
        fact = facts.ConnectionUpdated(after.connection_id, changed, command.actor)
        told = [Fact(after.connection_id, after.version, fact)]
        if (sync := await self._sync_to_tell(before, after)) is not None:
            details["sync_id"] = sync.sync_id
            writes += self.syncs.added(sync)
            started = facts.SyncStarted(sync.sync_id, sync.connection_id, command.actor)
            told.append(Fact(sync.sync_id, sync.version, started))
        audit = AuditEntry(
            command.actor, "connection.updated", after.connection_id, details=details
        )
        return Outcome(after, Change(audit, writes, tuple(told)))

    async def _sync_to_tell(self, before: Connection, after: Connection) -> Sync | None:
        """The sync that tells the catalog of another mode; it hears of it in no other way."""
        if before.mode is after.mode or after.schedule.paused:
            return None
        history = await self.syncs.history_of(after.connection_id)
        if history.last_whole is None or await self.syncs.running_of(after.connection_id):
            return None
        return history.next(after.connection_id, SyncKind.INCREMENTAL, self.clock.now())
