"""The two commits around each call of Entra: the intent to attempt, and what came of it.

A first attempt may be noted with the intent of a delivery instead: see `deliver_lease`.

The operations of one person go together: their leases hang on all of them, and committed one by
one each would stand in the other's way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from services.connector.domain.assignment import Assignment
from services.connector.domain.delivery import Picture
from services.connector.domain.settling import settled
from services.connector.domain.verdict import Already, Done, Refused, Verdict
from services.connector.ports import Attempt, Provisioning

CONNECTOR = Service("connector")
_NOTHING = Picture({}, {})


@dataclass(frozen=True, slots=True)
class Begun:
    """Attempts that were begun, by the operations that were asked for.

    `picture` is how everything is once that is committed.
    """

    attempts: Mapping[str, Attempt]
    picture: Picture


@dataclass(frozen=True, slots=True)
class RunOperations:
    """The use cases. The operations given together are of one person.

    Both take what is known already, to save reading it. What is out of date is found out when the
    change is committed.
    """

    provisioning: Provisioning
    clock: Clock

    async def attempt(
        self, client_request_ids: Mapping[str, str], known: Picture | None = None
    ) -> Outcome[Begun]:
        """Counts an attempt of each, before Entra is called. No other call for them is under way.

        Given are the operations, each with the id that the call will carry. An attempt may be of
        another operation than asked for, when that one is not wanted any more; there is none where
        nothing is to be done.
        """
        now = self.clock.now()
        before = known or await self.provisioning.around_operations(tuple(client_request_ids))
        attempted = {}
        for assignment in before.assignments.values():
            operation_id = _operation_id(assignment)
            if operation_id in client_request_ids:
                attempted[operation_id] = assignment.attempted(
                    client_request_ids[operation_id], now
                )
        if not attempted:
            return Outcome(Begun({}, _NOTHING))
        attempts = {
            asked: Attempt.of(assignment, assignment.operation, client_request_ids[asked])
            for asked, assignment in attempted.items()
            if assignment.operation is not None
        }
        change, told = before.changed(attempted.values(), (), now)
        entry = _entry("operations.attempted", attempted.values())
        return Outcome(
            Begun(attempts, before.after(change)),
            Change(entry, self.provisioning.saved(before, change), told),
        )

    async def settle(
        self, verdicts: Sequence[tuple[Attempt, Verdict]], known: Picture | None = None
    ) -> Outcome[bool]:
        """Notes what attempts came to, and tells what follows from it for the leases.

        Whether anything is under way still, or may be.
        """
        now = self.clock.now()
        by_operation = {attempt.operation_id: (attempt, verdict) for attempt, verdict in verdicts}
        before = known or await self.provisioning.around_operations(tuple(by_operation))
        ended = []
        for assignment in before.assignments.values():
            if (found := by_operation.get(_operation_id(assignment))) is not None:
                attempt, verdict = found
                after_it = settled(assignment, attempt.operation_id, attempt.number, verdict, now)
                if after_it is not assignment:
                    ended.append(after_it)
        if not ended:
            return Outcome(True)
        change, told = before.changed(ended, (), now)
        # By where they stand afterwards, with what Entra said.
        reason = _problems(verdict for _, verdict in verdicts)
        entry = _entry("operations.settled", change.assignments.values(), reason)
        left = any(each.operation is not None for each in change.assignments.values())
        return Outcome(left, Change(entry, self.provisioning.saved(before, change), told))


def _operation_id(assignment: Assignment) -> str:
    return "" if assignment.operation is None else assignment.operation.operation_id


def _problems(verdicts: Iterable[Verdict]) -> str:
    """What did not succeed, in Entra's words or ours."""
    return "; ".join(
        verdict.message if isinstance(verdict, Refused) else verdict.problem
        for verdict in verdicts
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
