"""The two commits around each call of Entra: the intent to attempt, and what came of it.

The operations of one person go together: their leases hang on all of them, and committed one by
one each would stand in the other's way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.connector.domain.assignment import Assignment
from services.connector.domain.operation import Operation
from services.connector.domain.verdict import Already, Done, Refused, Verdict
from services.connector.ports import Attempt, Provisioning

CONNECTOR = Service("connector")


@dataclass(frozen=True, slots=True)
class RunOperations:
    """The use cases. The operations given together are of one person."""

    provisioning: Provisioning
    clock: Clock

    async def attempt(self, operation_ids: Sequence[str]) -> Outcome[tuple[Attempt, ...]]:
        """Counts an attempt of each, before Entra is called. No other call for them is under way.

        An attempt may be of another operation than asked for, when that one is not wanted any
        more; there is none where nothing is to be done.
        """
        now = self.clock.now()
        before = await self.provisioning.around_operations(operation_ids)
        attempted = [
            assignment.attempted(now)
            for assignment in before.assignments.values()
            if _operation_id(assignment) in operation_ids
        ]
        if not attempted:
            return Outcome(())
        attempts = tuple(
            _attempt(assignment, assignment.operation)
            for assignment in attempted
            if assignment.operation is not None
        )
        after, told = before.changed(attempted, (), now)
        entry = _entry("operations.attempted", attempted)
        return Outcome(attempts, Change(entry, self.provisioning.saved(before, after), told))

    async def settle(self, verdicts: Mapping[str, Verdict]) -> Outcome[None]:
        """Notes what attempts came to, and tells what follows from it for the leases."""
        now = self.clock.now()
        before = await self.provisioning.around_operations(tuple(verdicts))
        settled = []
        for assignment in before.assignments.values():
            operation_id = _operation_id(assignment)
            if operation_id in verdicts:
                after_it = assignment.settled(operation_id, verdicts[operation_id], now)
                if after_it is not assignment:
                    settled.append(after_it)
        if not settled:
            return Outcome(None)
        after, told = before.changed(settled, (), now)
        # By where they stand afterwards, with what Entra said.
        entry = _entry("operations.settled", after.assignments.values(), _problems(verdicts))
        return Outcome(None, Change(entry, self.provisioning.saved(before, after), told))


def _operation_id(assignment: Assignment) -> str:
    return "" if assignment.operation is None else assignment.operation.operation_id


def _attempt(assignment: Assignment, operation: Operation) -> Attempt:
    return Attempt(
        operation_id=operation.operation_id,
        kind=operation.kind,
        number=operation.attempt_count,
        principal=assignment.principal,
        target=assignment.target,
        entra_assignment_id=assignment.entra_assignment_id,
    )


def _problems(verdicts: Mapping[str, Verdict]) -> str:
    """What did not succeed, in Entra's words or ours."""
    return "; ".join(
        verdict.message if isinstance(verdict, Refused) else verdict.problem
        for verdict in verdicts.values()
        if not isinstance(verdict, Done | Already)
    )


def _entry(action: str, assignments: Iterable[Assignment], reason: str = "") -> AuditEntry:
    found = list(assignments)
    return AuditEntry(
        CONNECTOR, action, found[0].principal.user_id, reason, {"assignments": _details(found)}
    )


def _details(assignments: Iterable[Assignment]) -> list[dict[str, object]]:
    return [
        {
            "assignment_id": assignment.assignment_id,
            "state": assignment.state.value,
            "answer": assignment.answer,
            "lease_ids": sorted(assignment.lease_ids),
            "operations": [
                {
                    "operation_id": operation.operation_id,
                    "kind": operation.kind.value,
                    "state": operation.state.value,
                    "attempt_count": operation.attempt_count,
                }
                for operation in (
                    *assignment.finished,
                    *([] if assignment.operation is None else [assignment.operation]),
                )
            ],
        }
        for assignment in assignments
    ]
