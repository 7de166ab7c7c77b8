"""What happens when a step takes too long, as the plan says.

None of it is an approval. The end of a wait for a time is no decision either: the plan goes on.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from libs.domain.changes import Fact, Outcome
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError
from services.requests import ports
from services.requests.domain import deciding, decision_facts
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.progress import Progress
from services.requests.domain.steps import (
    Approval,
    Escalate,
    GiveUp,
    Reassign,
    Remind,
    TimeLimit,
    Wait,
)
from services.requests.handlers.advance import Advancer, refuse
from services.requests.handlers.decision import Decision, audit_of, denied
from services.requests.handlers.reassign_access_request import reassignment_facts

_TOO_LATE = "Nobody decided in time."
_NOT_IN_TIME = "What it waited for did not come in time."


@dataclass(frozen=True, slots=True)
class Overdue:
    """Looks after steps whose time is over."""

    access_requests: ports.AccessRequests
    leases: ports.Leases
    advancer: Advancer
    clock: Clock

    async def __call__(self, access_request_id: str) -> Outcome[None]:
        """Does nothing for a step whose time is not over.

        Raises:
            Unavailable: the catalog does not answer.
        """
        time = self.clock.now()
        seen = await self.access_requests.get(access_request_id)
        if seen is None or seen.due_time is None or seen.due_time > time:
            return Outcome(None)
        try:
            decision, action = await self._over(seen, time)
        except LatchkeyError as error:
            decision, action = refuse(seen, error, time), "denied"
        audit = audit_of(REQUESTS, decision, action)
        return Outcome(None, await decision.change(self.access_requests, self.leases, seen, audit))

    async def _over(self, seen: AccessRequest, time: datetime) -> tuple[Decision, str]:
        plan, progress = seen.plan, seen.progress
        assert plan is not None and progress is not None, "only a step has a time"
        step = plan.steps[progress.number]
        if isinstance(step, Wait):
            if step.duration is None:
                return _denied(seen, _NOT_IN_TIME, time), "denied"
            over = deciding.wait_over(seen, time)
            return await self.advancer.go_on(over, progress.number + 1, time), "wait_over"
        assert isinstance(step, Approval) and step.time_limit is not None, "only these have a time"
        limit = step.time_limit
        match limit.then:
            case Remind():
                return await self._remind(seen, step, limit, time)
            case Reassign():
                return await self._reassign(seen, progress, step, limit, time)
            case Escalate(policy_id):
                return await self._escalate(seen, policy_id, step, limit, time)
            case GiveUp():
                return _denied(seen, _TOO_LATE, time), "denied"

    async def _remind(
        self, seen: AccessRequest, step: Approval, limit: TimeLimit, time: datetime
    ) -> tuple[Decision, str]:
        """Reminds those who may decide it now, who may be others than when it began."""
        assert seen.progress is not None
        fresh, _ = await self.advancer.resolve(seen, seen.progress, step)
        now = self.advancer.at_step(seen, fresh, time)
        found = deciding.reminded(now.access_request, time + limit.after, time)
        assert found.progress is not None
        asked = tuple(each.user_id for each in found.progress.approvers)
        if not asked:
            return replace(now, access_request=found), "no_approver"
        body = decision_facts.ApprovalReminded(
            found.access_request_id, found.progress.number, asked
        )
        reminder = Fact(found.access_request_id, found.version, body)
        return Decision(found, None, (*now.facts, reminder)), "reminded"

    async def _reassign(
        self,
        seen: AccessRequest,
        progress: Progress,
        step: Approval,
        limit: TimeLimit,
        time: datetime,
    ) -> tuple[Decision, str]:
        if progress.overdue:
            return await self._remind(seen, step, limit, time)
        again = replace(progress, assigned=(), due_time=time + limit.after, overdue=True)
        fresh, _ = await self.advancer.resolve(seen, again, step)
        if fresh.problem:
            # It stays with those who have it, and is tried again: worse than late is with nobody.
            return await self._remind(seen, step, limit, time)
        found = deciding.reassigned(seen, fresh, REQUESTS, _TOO_LATE, time)
        return Decision(found, None, reassignment_facts(found, REQUESTS)), "reassigned"

    async def _escalate(
        self,
        seen: AccessRequest,
        policy_id: str,
        step: Approval,
        limit: TimeLimit,
        time: datetime,
    ) -> tuple[Decision, str]:
        resolution = await self.advancer.catalog.resolve(
            seen.entitlement_id, seen.requester.user_id, seen.subject.user_id
        )
        duration = resolution.duration(seen.asked_duration, emergency=seen.emergency)
        assert seen.progress is not None
        number = seen.progress.number
        decision = await self.advancer.evaluate(
            deciding.escalated(seen, policy_id, time),
            resolution,
            duration,
            time,
            escalated_to=policy_id,
        )
        found = decision.access_request
        if found.plan is None:
            # That policy gave no answer: those who had it keep it, and it is tried again.
            return await self._remind(seen, step, limit, time)
        fact = Fact(
            found.access_request_id,
            found.version,
            decision_facts.AccessRequestEscalated(found.access_request_id, number, policy_id),
        )
        return replace(decision, facts=(fact, *decision.facts)), "escalated"


def _denied(seen: AccessRequest, message: str, time: datetime) -> Decision:
    return denied(deciding.deny(seen, REQUESTS, message, time), REQUESTS)
