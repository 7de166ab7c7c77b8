"""Looks whether Entra still holds what leases brought there, and keeps what was found."""

from collections.abc import Collection
from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain import facts
from services.connector.domain.mirror import horizon
from services.connector.domain.reconciliation import (
    ExpectedAssignment,
    Finding,
    Reconciliation,
    ReconciliationState,
)
from services.connector.domain.sync import Sync
from services.connector.ports import Catalog, Connections, Provisioning, Reconciliations

CONNECTOR = Service("connector")
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The use cases. A look is of one sync: when the catalog has come to have another, or part of
    another, it comes to nothing."""

    catalog: Catalog
    connections: Connections
    provisioning: Provisioning
    reconciliations: Reconciliations
    clock: Clock

    async def look(self, sync: Sync) -> Finding | None:
        """What a sync saw of all that should be in Entra; none when that can't be told.

        Raises:
            Unavailable: the catalog does not answer.
        """
        after, count, missing = "", 0, set[str]()
        while True:
            page = await self.provisioning.expected(sync.connection_id, horizon(sync), after, _PAGE)
            if not page:
                return Finding(sync.sync_id, count, frozenset(missing))
            sync_id, found = await self.catalog.check_held(sync.connection_id, page)
            if sync_id != sync.sync_id:
                return None
            missing |= found
            count += len(page)
            after = page[-1].assignment_id

    async def still_missing(
        self, assignment_ids: Collection[str], sync: Sync
    ) -> list[ExpectedAssignment] | None:
        """Which of these a sync did not see; none when that can't be told.

        Raises:
            Unavailable: the catalog does not answer.
        """
        left: list[ExpectedAssignment] = []
        asked = sorted(assignment_ids)
        for start in range(0, len(asked), _PAGE):
            page = await self.provisioning.still_expected(
                asked[start : start + _PAGE], horizon(sync)
            )
            if not page:
                continue
            sync_id, found = await self.catalog.check_held(sync.connection_id, page)
            if sync_id != sync.sync_id:
                return None
            left += [each for each in page if each.assignment_id in found]
        return left

    async def note(self, connection_id: str, finding: Finding) -> Outcome[Reconciliation | None]:
        """Keeps what a look found, if that is anything new; what is to be acted on, if any is."""
        now = self.clock.now()
        held = await self.reconciliations.open_of(connection_id)
        if held is not None and held.state is not ReconciliationState.HELD:
            return Outcome(held)
        connection = await self.connections.get(connection_id)
        if connection is None or (held is None and not finding.missing_ids):
            return Outcome(None)
        action = connection.removed_access_action
        if held is not None:
            known = await self.reconciliations.missing(held.reconciliation_id)
            if held.says_the_same(known, finding, action):
                return Outcome(None)
        found = Reconciliation.of(connection_id, finding, action, now)
        before = () if held is None else self.reconciliations.updated(held.superseded(now))
        if held is not None and not finding.missing_ids:
            entry = _entry("reconciliation.superseded", held)
            return Outcome(None, Change(entry, before))
        writes = (*before, *self.reconciliations.added(found, finding.missing_ids))
        is_held = found.state is ReconciliationState.HELD
        entry = _entry("reconciliation.held" if is_held else "reconciliation.found", found, held)
        if not is_held:
            return Outcome(found, Change(entry, writes))
        fact = facts.ReconciliationHeld(
            found.reconciliation_id, connection_id, found.missing_count, found.expected_count
        )
        told = (Fact(found.reconciliation_id, found.version, fact),)
        return Outcome(None, Change(entry, writes, told))

    async def finish(self, reconciliation_id: str) -> Outcome[None]:
        """What it found was acted on."""
        found = await self.reconciliations.get(reconciliation_id)
        if found is None or found.is_over:
            return Outcome(None)
        writes = self.reconciliations.updated(found.done(self.clock.now()))
        return Outcome(None, Change(_entry("reconciliation.done", found), writes))


def _entry(
    action: str, found: Reconciliation, superseded: Reconciliation | None = None
) -> AuditEntry:
    details: dict[str, object] = {
        "connection_id": found.connection_id,
        "sync_id": found.sync_id,
        "missing_count": found.missing_count,
        "expected_count": found.expected_count,
        "action": found.action.value,
    }
    if superseded is not None:
        details["superseded"] = superseded.reconciliation_id
    return AuditEntry(CONNECTOR, action, found.reconciliation_id, details=details)
