"""Moves a running sync on, and ends it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from libs.domain.callers import Caller, Service
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import facts
from services.connector.domain.sync import HeldRemoval, Progress, Sync
from services.connector.handlers.get_sync import get_sync
from services.connector.ports import Connections, Syncs

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class MoveSync:
    """The use cases. Each raises WrongState SYNC_FINISHED when the sync is over already.

    Those with a `run` raise TakenOver when another process has taken the sync up since, or when it
    is held.
    """

    connections: Connections
    syncs: Syncs
    clock: Clock

    async def take_up(self, sync_id: str) -> Outcome[Sync]:
        """A process begins to work on it."""
        sync = await get_sync(self.syncs, sync_id)
        return self._changed(sync.taken_up(), CONNECTOR, "sync.taken_up")

    async def progress(
        self, sync_id: str, run: int, progress: Progress, protected_ids: Iterable[str] = ()
    ) -> Outcome[Sync]:
        """Notes how far it is, and which service principals it found to be Microsoft's own."""
        sync = await get_sync(self.syncs, sync_id)
        found = set(protected_ids)
        new = found - await self.connections.protected(sync.connection_id) if found else found
        outcome = self._changed(sync.progressed(run, progress), CONNECTOR, "sync.progressed")
        if not new or outcome.change is None:
            return outcome
        writes = self.connections.protecting(sync.connection_id, sorted(new))
        change = replace(outcome.change, writes=(*outcome.change.writes, *writes))
        return Outcome(outcome.result, change)

    async def hold(
        self, sync_id: str, run: int, progress: Progress, removals: Sequence[HeldRemoval]
    ) -> Outcome[Sync]:
        """It would remove too much, and waits for somebody to confirm it."""
        sync = await get_sync(self.syncs, sync_id)
        after = sync.held(run, progress, removals)
        fact = facts.SyncHeld(sync_id, sync.connection_id, after.held_removals)
        return self._changed(after, CONNECTOR, "sync.held", fact, reason=after.problem)

    async def confirm(self, sync_id: str, actor: Caller) -> Outcome[Sync]:
        """Somebody agrees to what it removes.

        Raises:
            NotFound: SYNC_NOT_FOUND.
            WrongState: SYNC_NOT_HELD.
        """
        sync = await get_sync(self.syncs, sync_id)
        fact = facts.SyncConfirmed(sync_id, sync.connection_id, actor)
        return self._changed(
            sync.confirmed(), actor, "sync.confirmed", fact, removals=sync.held_removals
        )

    async def succeed(
        self, sync_id: str, run: int, progress: Progress, removed_count: int
    ) -> Outcome[Sync]:
        """Everything was read, and the catalog has it."""
        sync = await get_sync(self.syncs, sync_id)
        after = sync.succeeded(run, progress, removed_count, self.clock.now())
        fact = facts.SyncSucceeded(
            sync_id, sync.connection_id, progress.object_count, removed_count
        )
        return self._changed(after, CONNECTOR, "sync.succeeded", fact)

    async def fail(self, sync_id: str, run: int, problem: str) -> Outcome[Sync]:
        """It is given up."""
        sync = await get_sync(self.syncs, sync_id)
        after = sync.failed(run, problem, self.clock.now())
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
        self,
        sync: Sync,
        actor: Caller,
        action: str,
        fact: object = None,
        reason: str = "",
        removals: Sequence[HeldRemoval] = (),
    ) -> Outcome[Sync]:
        progress = sync.progress
        details: dict[str, object] = {
            "phase": progress.phase,
            "page_count": progress.page_count,
            "object_count": progress.object_count,
        }
        if found := (*sync.held_removals, *removals):
            details["removals"] = [str(removal) for removal in found]
        entry = AuditEntry(actor, action, sync.sync_id, reason, details)
        told = () if fact is None else (Fact(sync.sync_id, sync.version + 1, fact),)
        return Outcome(sync, Change(entry, self.syncs.updated(sync), told))
