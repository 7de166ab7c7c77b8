"""The two commits around each call of Entra: the intent to attempt, and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Fact, Outcome
from libs.domain.clock import Clock
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Picture
from services.connector.domain.operation import Operation
from services.connector.domain.verdict import Already, Done, Refused, Verdict
from services.connector.ports import Attempt, Provisioning

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class RunOperation:
    """The use cases."""

    provisioning: Provisioning
    clock: Clock

    async def attempt(self, operation_id: str) -> Outcome[Attempt | None]:
        """Counts an attempt, before Entra is called. No other call for it may be under way.

        The attempt may be of another operation than asked for, when that one is not wanted any
        more; none when there is nothing to do.
        """
        now = self.clock.now()
        before = await self.provisioning.around_operation(operation_id)
        assignment = _with_operation(before.assignments.values(), operation_id)
        if assignment is None:
            return Outcome(None)
        attempted = assignment.attempted(now)
        after, told = before.changed((attempted,), (), now)
        entry = AuditEntry(
            CONNECTOR,
            "operation.attempted",
            attempted.assignment_id,
            details=_details(attempted.operation),
        )
        change = Change(entry, self.provisioning.saved(before, after), told)
        return Outcome(_attempt(attempted), change)

    async def settle(self, operation_id: str, verdict: Verdict) -> Outcome[Assignment | None]:
        """Notes what an attempt came to, and tells what follows from it for the leases."""
        now = self.clock.now()
        before = await self.provisioning.around_operation(operation_id)
        assignment = _with_operation(before.assignments.values(), operation_id)
        if assignment is None:
            return Outcome(None)
        settled = assignment.settled(operation_id, verdict, now)
        if settled is assignment:
            return Outcome(assignment)
        after, told = before.changed((settled,), (), now)
        return Outcome(settled, self._settled(before, after, told, assignment, verdict))

    def _settled(
        self,
        before: Picture,
        after: Picture,
        told: tuple[Fact, ...],
        assignment: Assignment,
        verdict: Verdict,
    ) -> Change:
        if isinstance(verdict, Done | Already):
            action, reason = "operation.succeeded", ""
        elif isinstance(verdict, Refused):
            action, reason = "operation.refused", verdict.message
        else:
            action, reason = "operation.postponed", verdict.problem
        details = _details(assignment.operation) | {
            "answer": verdict.answer,
            "state": after.assignments[assignment.assignment_id].state.value,
            "lease_ids": sorted(assignment.lease_ids),
        }
        entry = AuditEntry(CONNECTOR, action, assignment.assignment_id, reason, details)
        return Change(entry, self.provisioning.saved(before, after), told)


def _with_operation(assignments: Iterable[Assignment], operation_id: str) -> Assignment | None:
    for assignment in assignments:
        if assignment.operation and assignment.operation.operation_id == operation_id:
            return assignment
    return None


def _attempt(assignment: Assignment) -> Attempt | None:
    operation = assignment.operation
    if operation is None:
        return None
    return Attempt(
        operation_id=operation.operation_id,
        kind=operation.kind,
        number=operation.attempt_count,
        principal=assignment.principal,
        target=assignment.target,
        entra_assignment_id=assignment.entra_assignment_id,
    )


def _details(operation: Operation | None) -> dict[str, object]:
    if operation is None:
        return {}
    return {
        "operation_id": operation.operation_id,
        "kind": operation.kind.value,
        "attempt_count": operation.attempt_count,
    }
