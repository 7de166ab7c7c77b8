"""Looking again at what is not decided: policy did not answer, nobody could decide, or it waits."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from libs.domain.changes import AuditEntry, Change, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError
from services.requests import ports
from services.requests.domain import deciding
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.inputs import Inputs
from services.requests.domain.plan import NoPlan
from services.requests.domain.progress import Progress
from services.requests.domain.states import AccessRequestState, EmergencyReview
from services.requests.domain.steps import Wait
from services.requests.handlers.advance import Advancer, approval_of, refuse, reviewers_of
from services.requests.handlers.decision import Decision, audit_of


class Look(Enum):
    """How an access request was found."""

    SETTLED = auto()
    """Nothing is left to look at again."""
    WAITS = auto()
    """For an approver or a condition: everybody answered."""
    UNANSWERED = auto()
    """Policy gave no answer that decides."""


@dataclass(frozen=True, slots=True)
class Decider:
    """Asks the catalog and policy again."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    advancer: Advancer
    clock: Clock

    async def __call__(self, access_request_id: str) -> Outcome[Look]:
        """Looks at one that is not decided, or whose review is open.

        Raises:
            Unavailable: the catalog does not answer.
        """
        seen = await self.access_requests.get(access_request_id)
        if seen is None:
            return Outcome(Look.SETTLED)
        if not seen.is_undecided:
            return Outcome(Look.SETTLED, await self._reviewers(seen))
        decision = await self._look(seen, self.clock.now())
        found = decision.access_request
        if found is seen:
            return Outcome(_found(found))
        audit = audit_of(REQUESTS, decision, _action(decision))
        change = await decision.change(self.access_requests, self.leases, seen, audit)
        return Outcome(_found(found), change)

    async def _reviewers(self, seen: AccessRequest) -> Change | None:
        """Who owns the app now has the review of emergency access to do, and nobody else."""
        if seen.review is not EmergencyReview.OPEN:
            return None
        reviewers = await reviewers_of(self.advancer.catalog, seen)
        found = seen.reviewed_by(reviewers, self.clock.now())
        if found is seen:
            return None
        audit = AuditEntry(
            REQUESTS,
            "access_request.reviewers_changed",
            seen.access_request_id,
            details={"reviewer_user_ids": list(reviewers)},
        )
        return Change(audit, self.access_requests.changed(found, seen=seen))

    async def _look(self, seen: AccessRequest, time: datetime) -> Decision:
        catalog = self.advancer.catalog
        if approval_of(seen) is not None:
            return await self.advancer.look_again(seen, time)
        wait = _wait_of(seen)
        if wait is None and seen.state is AccessRequestState.PENDING:
            # Only its time ends a wait for a time. To ask policy would be to begin it anew.
            return Decision(seen)
        try:
            resolution = await catalog.resolve(
                seen.entitlement_id, seen.requester.user_id, seen.subject.user_id
            )
            duration = resolution.duration(seen.asked_duration, emergency=seen.emergency)
            if wait is None:
                return await self.advancer.evaluate(seen, resolution, duration, time)
            step, progress = wait
            if progress.due_time is not None and progress.due_time <= time:
                # It came too late, and is about to be denied for that.
                return Decision(seen)
            inputs = Inputs.of(resolution, duration=duration, emergency=seen.emergency, now=time)
            if not await self.advancer.policy.holds(step.condition, inputs):
                return Decision(seen)
            over = deciding.wait_over(seen, time)
            return await self.advancer.go_on(over, progress.number + 1, time, resolution)
        except NoPlan:
            # A wait goes on while policy does not answer: its time limit is what ends it.
            return Decision(seen)
        except LatchkeyError as error:
            return refuse(seen, error, time)


def _found(found: AccessRequest) -> Look:
    if found.state is AccessRequestState.EVALUATING:
        return Look.UNANSWERED
    if found.state is AccessRequestState.NO_APPROVER or _wait_of(found) is not None:
        return Look.WAITS
    return Look.SETTLED


def _wait_of(seen: AccessRequest) -> tuple[Wait, Progress] | None:
    """The wait for a condition that it is at."""
    if seen.plan is None or seen.progress is None:
        return None
    if seen.state is not AccessRequestState.PENDING:
        return None
    step = seen.plan.steps[seen.progress.number]
    return (step, seen.progress) if isinstance(step, Wait) and step.condition else None


def _action(decision: Decision) -> str:
    found = decision.access_request
    if decision.is_approval:
        return "approved"
    if found.state is AccessRequestState.EVALUATING:
        return "evaluation_failed"
    return found.state.value.lower()
