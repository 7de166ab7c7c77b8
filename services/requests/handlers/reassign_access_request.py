"""Handing a step to other people."""

from dataclasses import dataclass, replace

from libs.domain.callers import ADMIN, Caller, Person
from libs.domain.changes import Fact, Outcome, Refused
from libs.domain.clock import Clock
from services.requests import ports
from services.requests.domain import deciding, deciding_errors, decision_facts, errors
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.progress import Progress
from services.requests.domain.steps import Approval
from services.requests.handlers.advance import Advancer, approval_of
from services.requests.handlers.decision import Decision, audit_of
from services.requests.handlers.seat import Seats, self_decision


@dataclass(frozen=True, slots=True)
class ReassignAccessRequest:
    """Somebody hands the step that an access request is at to others."""

    person: Person
    access_request_id: str
    etag: str
    approver_user_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Reassigner:
    """Hands steps to others who can decide them."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    seats: Seats
    advancer: Advancer
    clock: Clock

    async def __call__(self, command: ReassignAccessRequest) -> Outcome[AccessRequest] | Refused:
        """
        Raises:
            NotFound: ACCESS_REQUEST_NOT_FOUND.
            NotAllowed: REASSIGNMENT_NOT_ALLOWED.
            Conflict: ETAG_MISMATCH.
            WrongState: ACCESS_REQUEST_STATE, ASSIGNEE_NOT_ELIGIBLE.
            Unavailable: the catalog does not answer.
        """
        person, request_id, time = command.person, command.access_request_id, self.clock.now()
        seen, _ = await self.seats.visible(person, request_id, time, also_own=True)
        # Who chooses who decides has half decided.
        if person.user_id in seen.own_user_ids:
            return self_decision(seen, person, seen.own_user_ids[person.user_id], "reassigned")
        seen.check_etag(command.etag)
        at = approval_of(seen)
        if at is None:
            raise errors.access_request_state(request_id, seen.state, "reassigned")
        step, progress = at
        if not person.may(ADMIN):
            if step.no_reassignment:
                raise deciding_errors.reassignment_not_allowed(request_id)
            seat = await self.seats.take(
                person, request_id, command.etag, "reassigned", time, also_without=True
            )
            if isinstance(seat, Refused):
                return seat
            progress = seat.progress
        found = deciding.reassigned(
            seen,
            await self._to(seen, step, progress, command.approver_user_ids),
            person,
            command.reason,
            time,
        )
        audit = audit_of(
            person,
            Decision(found),
            "reassigned",
            command.reason,
            approver_user_ids=list(command.approver_user_ids),
        )
        decision = Decision(found, None, reassignment_facts(found, person))
        change = await decision.change(self.access_requests, self.leases, seen, audit)
        return Outcome(found, change)

    async def _to(
        self, seen: AccessRequest, step: Approval, progress: Progress, user_ids: tuple[str, ...]
    ) -> Progress:
        wanted = replace(progress, assigned=user_ids)
        fresh, enabled = await self.advancer.resolve(seen, wanted, step, *user_ids)
        known = {each.user_id for each in enabled.people}
        for user_id in user_ids:
            if (role := seen.own_user_ids.get(user_id)) is not None:
                raise deciding_errors.assignee_not_eligible(user_id, f"they are {role}")
            if user_id not in known:
                raise deciding_errors.assignee_not_eligible(
                    user_id, "they are not an enabled person of the subject's directory"
                )
            if user_id in fresh.barred or fresh.has_decided(user_id):
                raise deciding_errors.assignee_not_eligible(user_id, "they have decided already")
        if fresh.problem:
            raise deciding_errors.assignee_not_eligible(user_ids[0], fresh.problem)
        if fresh.needed < progress.needed:
            # Where all of them must approve, fewer of them are not as good.
            why = f"{progress.still_needed} must approve, and {len(fresh.approvers)} are named"
            raise deciding_errors.assignee_not_eligible(user_ids[0], why)
        return fresh


def reassignment_facts(found: AccessRequest, actor: Caller) -> tuple[Fact, ...]:
    """What has to be told of a step that was handed to others."""
    progress = found.progress
    assert progress is not None, "it is at a step"
    asked = tuple(each.user_id for each in progress.approvers)
    request_id, number = found.access_request_id, progress.number
    bodies = (
        decision_facts.AccessRequestReassigned(request_id, number, asked, actor),
        decision_facts.ApprovalRequested(request_id, number, asked, progress.due_time),
    )
    return tuple(Fact(request_id, found.version, body) for body in bodies)
