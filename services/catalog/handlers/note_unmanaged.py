"""Noting access from outside Latchkey, a batch at a time."""

from dataclasses import dataclass

from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.catalog.domain.unmanaged import SETTLE, found
from services.catalog.handlers.follow_requests import CATALOG
from services.catalog.ports import UnmanagedAccess

# Each look walks over what was noted before, so there should be few.
MOST = 5000


@dataclass(frozen=True, slots=True)
class NoteUnmanaged:
    """Notes once who holds a part of an entitlement without a lease, and forgets what is over."""

    unmanaged: UnmanagedAccess
    clock: Clock

    async def __call__(self) -> Outcome[bool]:
        """Whether there may be more."""
        now = self.clock.now()
        new = await self.unmanaged.new(now - SETTLE, MOST)
        over = await self.unmanaged.over(MOST)
        if not new and not over:
            return Outcome(False)
        audit = AuditEntry(
            CATALOG, "unmanaged_access.noted", "catalog", "", {"new": len(new), "over": len(over)}
        )
        writes = self.unmanaged.noted(new, over, now)
        return Outcome(MOST in (len(new), len(over)), Change(audit, writes, tuple(found(new))))
