"""Moves a running sync on, and ends it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from libs.domain.callers import Caller, Service
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import facts
from services.connector.domain.sync import Progress, Sync
from services.connector.handlers.get_sync import get_sync
from services.connector.ports import Connections, Syncs

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class MoveSync:
    """The use cases. Each raises WrongState SYNC_FINISHED when the sync is over already."""

    connections: Connections
    syncs: Syncs
    clock: Clock

    async def progress(
        self, sync_id: str, progress: Progress, protected_ids: Iterable[str] = ()
    ) -> Outcome[Sync]:
        """Notes how far it is, and which service principals it found to be Microsoft's own."""
        sync = await get_sync(self.syncs, sync_id)
        found = set(protected_ids)
        new = found - await self.connections.protected(sync.connection_id) if found else found
        outcome = self._changed(sync.progressed(progress), CONNECTOR, "sync.progressed")
        if not new or outcome.change is None:
            return outcome
        writes = self.connections.protecting(sync.connection_id, sorted(new))
        change = replace(outcome.change, writes=(*outcome.change.writes, *writes))
        return Outcome(outcome.result, change)

    async def succeed(self, sync_id: str, progress: Progress) -> Outcome[Sync]:
        """Everything was read, and the catalog has it."""
        sync = await get_sync(self.syncs, sync_id)
        after = sync.succeeded(progress, self.clock.now())
        fact = facts.SyncSucceeded(sync_id, sync.connection_id, progress.object_count)
        return self._changed(after, CONNECTOR, "sync.succeeded", fact)

    async def fail(self, sync_id: str, problem: str) -> Outcome[Sync]:
        """It is given up."""
        sync = await get_sync(self.syncs, sync_id)
        after = sync.failed(problem, self.clock.now())
        fact = facts.SyncFailed(sync_id, sync.connection_id, after.problem)
        return self._changed(after, CONNECTOR, "sync.failed", fact, reason=after.problem)

    async def cancel(self, sync_id: str, actor: Caller) -> Outcome[Sync]:
        """Somebody stops it.

        Raises:
            NotFound: SYNC_NOT_FOUND.
        """
        sync = await get_sync(self.syncs, sync_id)
        after = sync.cancelled(self.clock.now())
        fact = facts.SyncCancelled(sync_id, sync.connection_id, actor)
        return self._changed(after, actor, "sync.cancelled", fact)

    def _changed(
        self, sync: Sync, actor: Caller, action: str, fact: object = None, reason: str = ""
    ) -> Outcome[Sync]:
        progress = sync.progress
        entry = AuditEntry(
            actor,
            action,
            sync.sync_id,
            reason,
            {
                "phase": progress.phase,
                "page_count": progress.page_count,
                "object_count": progress.object_count,
            },
        )
        told = () if fact is None else (Fact(sync.sync_id, sync.version + 1, fact),)
        return Outcome(sync, Change(entry, self.syncs.updated(sync), told))
