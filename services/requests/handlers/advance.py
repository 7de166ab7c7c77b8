"""Taking an access request from one step of its plan to the next.

Nothing is written here: what comes of it is a `Decision`, and the use case that asked for it makes
a change of that. Policy and the catalog are asked outside of any transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.domain.changes import Fact
from libs.domain.errors import LatchkeyError, Unavailable
from libs.domain.ids import new_id
from services.requests import ports
from services.requests.domain import deciding, decision_facts
from services.requests.domain.access_request import POLICY, REQUESTS, AccessRequest
from services.requests.domain.inputs import Inputs
from services.requests.domain.lease import Lease
from services.requests.domain.plan import NoPlan
from services.requests.domain.progress import (
    Progress,
    Resolved,
    begun,
    resolved,
    sources_of,
)
from services.requests.domain.resolution import Resolution
from services.requests.domain.states import AccessRequestState
from services.requests.domain.steps import Accept, Approval, People, Reject, Wait
from services.requests.handlers.answering import approvers_of, owners_of
from services.requests.handlers.decision import (
    Decision,
    Extension,
    approved,
    denied,
    extended,
)


@dataclass(frozen=True, slots=True)
class Advancer:
    """Asks policy for the plan, and the directory for who may decide its steps."""

    catalog: ports.Catalog
    policy: ports.Policy
    leases: ports.Leases

    async def evaluate(
        self,
        seen: AccessRequest,
        resolution: Resolution,
        duration: timedelta | None,
        time: datetime,
        *,
        escalated_to: str = "",
    ) -> Decision:
        """Asks policy, and takes the plan as far as it goes without people.

        `escalated_to`: another policy than the one that the resolution names, because nobody
        decided in time. That is no reason to approve: a plan that would by itself is no answer.

        Raises:
            Unavailable: the catalog does not answer who may decide.
            WrongState: EMERGENCY_NOT_ENABLED.
        """
        chosen = escalated_to or resolution.policy(emergency=seen.emergency)
        inputs = Inputs.of(resolution, duration=duration, emergency=seen.emergency, now=time)
        try:
            plan = await self.policy.evaluate(chosen, inputs)
            plan.check()
            if escalated_to and plan.accepts_alone:
                raise NoPlan("the policy that it is escalated to would approve by itself")
        except NoPlan as none:
            return Decision(deciding.not_decided(seen, none.problem, time))
        return await self.go_on(
            deciding.planned(seen, plan, inputs, duration, time), 0, time, resolution
        )

    async def go_on(
        self, seen: AccessRequest, number: int, time: datetime, resolution: Resolution | None = None
    ) -> Decision:
        """Begins a step of the plan; behind the last one approves.

        `resolution`: what the catalog said just now; it is asked when it is needed and not given.

        Raises:
            Unavailable: the catalog does not answer.
            LatchkeyError: what was asked for can't be had any more.
        """
        assert seen.plan is not None, "it has a plan"
        try:
            step = seen.plan.step(number)
        except NoPlan as none:
            return Decision(deciding.not_decided(seen, none.problem, time))
        match step:
            case None | Accept():
                return await self._approve(seen, time, resolution)
            case Reject(message):
                return denied(deciding.deny(seen, POLICY, message, time), POLICY)
            case Wait():
                return self.at_step(seen, begun(number, step, seen.approvals, time), time)
            case Approval():
                fresh = begun(number, step, seen.approvals, time)
                progress, _ = await self.resolve(seen, fresh, step, resolution=resolution)
                return self.at_step(seen, progress, time)
            case _:
                raise AssertionError(f"{step} is no step")

    async def look_again(self, seen: AccessRequest, time: datetime) -> Decision:
        """Asks anew who may decide the step that it is at.

        Raises:
            Unavailable: the catalog does not answer.
        """
        approval = approval_of(seen)
        if approval is None:
            return Decision(seen)
        step, progress = approval
        fresh, _ = await self.resolve(seen, progress, step)
        return self.at_step(seen, fresh, time)

    async def resolve(
        self,
        seen: AccessRequest,
        progress: Progress,
        step: Approval,
        *more: str,
        resolution: Resolution | None = None,
    ) -> tuple[Progress, Resolved]:
        """The step with those who may decide it now, and which of `more` are enabled people.

        `resolution`: what the catalog said just now; it is asked for what that does not say.

        Raises:
            Unavailable: the catalog does not answer.
        """
        sources = sources_of(progress, step)
        asked = (*sources, People(more)) if more else sources
        known = {} if resolution is None else resolution.approvers
        answers = await approvers_of(
            self.catalog, seen.entitlement_id, seen.subject.user_id, asked, known
        )
        found = resolved(progress, step, answers[: len(sources)], seen.own_user_ids)
        return found, answers[-1] if more else Resolved(())

    def at_step(self, seen: AccessRequest, progress: Progress, time: datetime) -> Decision:
        """The step with those who may decide it now; nothing when they are who they were."""
        found = deciding.at_step(seen, progress, time)
        return Decision(seen) if found is seen else Decision(found, None, step_facts(seen, found))

    async def _approve(
        self, seen: AccessRequest, time: datetime, resolution: Resolution | None
    ) -> Decision:
        # What it brings, and for how long, is as of now, however long it took.
        if resolution is None:
            resolution = await self.catalog.resolve(
                seen.entitlement_id, seen.requester.user_id, seen.subject.user_id
            )
        # Whoever gives the last approval can shorten the duration to a limit that is shorter now.
        duration = resolution.duration(
            seen.requested_duration, emergency=seen.emergency, field="duration"
        )
        if seen.extends_lease_id:
            return await self._extend(seen, duration, resolution, time)
        owners = (each.user_id for each in resolution.app_owners)
        lease_id = new_id("lea")
        found = deciding.approve(
            seen,
            lease_id=lease_id,
            duration=duration,
            reviewers=tuple(each for each in owners if each not in seen.own_user_ids),
            time=time,
        )
        return approved(found, Lease.grant(lease_id, found, resolution.targets, duration, time))

    async def _extend(
        self,
        seen: AccessRequest,
        duration: timedelta | None,
        resolution: Resolution,
        time: datetime,
    ) -> Decision:
        both = await self.leases.with_access_request(seen.extends_lease_id)
        assert both is not None and duration is not None, "it asks for so much more of a lease"
        before, origin = both
        after = before.extend(duration, resolution.max_duration, time)
        assert after.end_time is not None, "it has an end"
        found = deciding.extend(seen, after.lease_id, after.end_time, duration, time)
        longer = deciding.lasts_longer(origin, after.lease_id, after.end_time, time)
        return extended(found, Extension(before, after, origin, longer))


def approval_of(seen: AccessRequest) -> tuple[Approval, Progress] | None:
    """The step that it is at, when it is one where people decide."""
    if seen.plan is None or seen.progress is None or not seen.is_undecided:
        return None
    if seen.state is AccessRequestState.EVALUATING:
        return None
    step = seen.plan.approval(seen.progress.number)
    return None if step is None else (step, seen.progress)


async def reviewers_of(catalog: ports.Catalog, seen: AccessRequest) -> tuple[str, ...]:
    """Who answers for the app now, but those whose own it is.

    Raises:
        Unavailable: the catalog does not answer.
    """
    owners = await owners_of(catalog, seen.entitlement_id, seen.subject.user_id)
    return tuple(each.user_id for each in owners if each.user_id not in seen.own_user_ids)


def refuse(seen: AccessRequest, error: LatchkeyError, time: datetime) -> Decision:
    """Denies what can't be had any more.

    Raises:
        Unavailable: that is not what the error says.
    """
    if isinstance(error, Unavailable):
        raise error
    return denied(deciding.deny(seen, REQUESTS, error.message, time), REQUESTS)


def step_facts(seen: AccessRequest, found: AccessRequest) -> tuple[Fact, ...]:
    """What has to be told of the step that it is at now: who is asked, or that nobody can be."""
    progress, before = found.progress, seen.progress
    if progress is None or not progress.needed:
        return ()
    same_step = before is not None and before.number == progress.number
    request_id = found.access_request_id
    if progress.problem:
        if same_step and before is not None and before.problem == progress.problem:
            return ()
        body: object = decision_facts.NoApproverFound(request_id, progress.number, progress.problem)
    else:
        if same_step and before is not None and before.user_ids >= progress.user_ids:
            return ()
        asked = tuple(each.user_id for each in progress.approvers)
        body = decision_facts.ApprovalRequested(
            request_id, progress.number, asked, progress.due_time
        )
    return (Fact(request_id, found.version, body),)
