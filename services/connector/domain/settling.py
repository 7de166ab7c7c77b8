"""What becomes of an assignment when an attempt in Entra has come to an end."""

from dataclasses import replace
from datetime import datetime

from services.connector.domain.assignment import Assignment, AssignmentState
from services.connector.domain.operation import Operation, OperationKind
from services.connector.domain.verdict import (
    Already,
    Done,
    Exchange,
    Refused,
    Retriable,
    Verdict,
)


def settled(
    assignment: Assignment, operation_id: str, number: int, verdict: Verdict, now: datetime
) -> Assignment:
    """The attempt of the operation with this number has come to an end.

    Nothing changes if that is known already, or if it is of an attempt of the past.
    """
    operation = assignment.operation
    if operation is None or operation.operation_id != operation_id:
        return assignment
    if not operation.awaits or operation.attempt_count != number:
        return assignment
    answered = replace(assignment, answer=verdict.answer, answer_time=now, update_time=now)
    if operation.kind is OperationKind.ADD:
        return _add_settled(replace(answered, add_time=now), operation, verdict, now)
    return _removal_settled(answered, operation, verdict, now)


def _add_settled(
    assignment: Assignment, operation: Operation, verdict: Verdict, now: datetime
) -> Assignment:
    if isinstance(verdict, Retriable):
        certain = replace(assignment, tries=assignment.tries - verdict.certain)
        gave_up = operation.is_past(verdict.patience, now)
        if verdict.otherwise is not None and gave_up:
            return _refused(certain, operation, verdict.otherwise, verdict.exchange, now)
        waiting = replace(certain, operation=operation.postponed(verdict, now))
        return waiting if assignment.lease_ids else waiting.leaving(now)
    if isinstance(verdict, Refused):
        without = replace(assignment, tries=assignment.tries - 1)
        return _refused(without, operation, verdict, verdict.exchange, now)
    # Only an answer to our first attempt says that it was there before us: a later one may speak
    # of what an earlier attempt did. Then what the catalog saw decides.
    first = assignment.tries == 1 or assignment.in_mirror
    present = replace(
        assignment.finishing(operation.succeeded(verdict, now)).without_failure(),
        state=AssignmentState.PRESENT,
        preexisting=isinstance(verdict, Already) and first and not assignment.taken_over,
        in_mirror=False,
        entra_assignment_id=verdict.entra_assignment_id,
    )
    return present if assignment.lease_ids else present.leaving(now)


def _refused(
    assignment: Assignment,
    operation: Operation,
    refusal: Refused,
    exchange: Exchange,
    now: datetime,
) -> Assignment:
    finished = assignment.finishing(operation.failed(refusal, exchange, now))
    failed = replace(finished.with_failure(refusal), state=AssignmentState.FAILED)
    return failed if assignment.lease_ids else failed.leaving(now)


def _removal_settled(
    assignment: Assignment, operation: Operation, verdict: Verdict, now: datetime
) -> Assignment:
    held = bool(assignment.lease_ids)
    if isinstance(verdict, Done) or (
        isinstance(verdict, Already) and operation.believes(verdict, assignment.add_time, now)
    ):
        absent = replace(
            assignment.finishing(operation.succeeded(verdict, now)).without_failure(),
            state=AssignmentState.ABSENT,
            tries=0,
            in_mirror=False,
            taken_over=assignment.taken_over and held,
            entra_assignment_id="",
            remove_time=now,
        )
        return absent.adding(now) if held else absent
    waiting = replace(assignment, operation=operation.postponed(verdict, now))
    if held:
        return waiting.adding(now)
    return waiting.with_failure(verdict) if isinstance(verdict, Refused) else waiting
