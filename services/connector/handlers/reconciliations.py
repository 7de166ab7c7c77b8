"""Reads reconciliations, and confirms those that are held."""

from dataclasses import dataclass

from libs.domain.callers import Caller
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.paging import Page, PageRequest
from services.connector.domain import errors, facts
from services.connector.domain.reconciliation import Reconciliation, ReconciliationState
from services.connector.ports import Reconciliations


@dataclass(frozen=True, slots=True)
class SeeToReconciliations:
    """The use cases."""

    reconciliations: Reconciliations

    async def get(self, reconciliation_id: str) -> Reconciliation:
        """Raises:
        NotFound: RECONCILIATION_NOT_FOUND.
        """
        found = await self.reconciliations.get(reconciliation_id)
        if found is None:
            raise errors.reconciliation_not_found(reconciliation_id)
        return found

    async def page(
        self, request: PageRequest, connection_id: str, state: ReconciliationState | None
    ) -> Page[Reconciliation]:
        """A page, newest first."""
        return await self.reconciliations.page(request, connection_id=connection_id, state=state)

    async def confirm(self, reconciliation_id: str, actor: Caller) -> Outcome[Reconciliation]:
        """Somebody agrees to what becomes of what is missing.

        Raises:
            NotFound: RECONCILIATION_NOT_FOUND.
            WrongState: RECONCILIATION_NOT_HELD.
        """
        found = await self.get(reconciliation_id)
        after = found.confirmed(actor)
        entry = AuditEntry(
            actor,
            "reconciliation.confirmed",
            reconciliation_id,
            details={"missing_count": found.missing_count, "action": found.action.value},
        )
        fact = facts.ReconciliationConfirmed(reconciliation_id, found.connection_id, actor)
        told = (Fact(reconciliation_id, found.version + 1, fact),)
        return Outcome(after, Change(entry, self.reconciliations.updated(after), told))
