"""How an access request comes to its decision: by policy, and by people.

Functions of the aggregate, each from one version to the next. Nothing here approves but `approve`,
and it is reached only by an acceptance of the plan, or behind its last approval.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from libs.domain.callers import Caller, Person
from services.requests.domain import timeline
from services.requests.domain.access_request import POLICY, REQUESTS, AccessRequest
from services.requests.domain.inputs import Inputs
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Plan
from services.requests.domain.progress import Progress, StepApproval
from services.requests.domain.states import AccessRequestState, EmergencyReview
from services.requests.domain.timeline import Entry

_State = AccessRequestState


def not_decided(seen: AccessRequest, problem: str, time: datetime) -> AccessRequest:
    """Policy gave no answer that decides. The same problem is noted once, not with each try."""
    seen.check_undecided("evaluated")
    last = seen.timeline[-1].what
    if seen.state is _State.EVALUATING and last == timeline.PolicyUnavailable(problem):
        return seen
    return seen.to(_State.EVALUATING, "evaluated").then(
        time,
        Entry(time, REQUESTS, timeline.PolicyUnavailable(problem)),
        plan=None,
        inputs=None,
        progress=None,
        approvals=(),
        requested_duration=_unshortened(seen),
    )


def planned(
    seen: AccessRequest, plan: Plan, inputs: Inputs, duration: timedelta | None, time: datetime
) -> AccessRequest:
    """Policy answered. Part of what follows from that, so the version stays."""
    seen.check_undecided("evaluated")
    evaluated = timeline.Evaluated(plan.policy_id, plan.policy_version, plan.rule)
    return replace(
        seen,
        plan=plan,
        inputs=inputs,
        progress=None,
        approvals=(),
        requested_duration=duration,
        timeline=(*seen.timeline, Entry(time, POLICY, evaluated)),
    )


def at_step(seen: AccessRequest, progress: Progress, time: datetime) -> AccessRequest:
    """A step begins, or is looked at anew: others may decide it now, or nobody. The same as before
    when that is not so."""
    before = seen.progress
    if before == progress and seen.state is not _State.EVALUATING:
        return seen
    state = _State.NO_APPROVER if progress.problem else _State.PENDING
    begins = before is None or before.number != progress.number or seen.state is not state
    others = before is None or before.user_ids != progress.user_ids
    entries: list[Entry] = []
    if progress.problem:
        if begins or before is None or before.problem != progress.problem:
            what: timeline.Happening = timeline.NoApprover(progress.number, progress.problem)
            entries.append(Entry(time, REQUESTS, what))
    elif begins or others:
        entries.append(Entry(time, REQUESTS, _opened(progress)))
    return seen.to(state, "decided").then(time, *entries, progress=progress)


def step_approved(
    seen: AccessRequest,
    progress: Progress,
    actor: Person,
    approval: StepApproval,
    duration: timedelta | None,
    time: datetime,
) -> AccessRequest:
    """Somebody approved the step, whose approvers were resolved anew to `progress`.

    `duration`: to what they shortened it; none when they did not.
    """
    what = timeline.StepApproved(progress.number, approval.on_behalf_of, approval.reason, duration)
    entries, left = [Entry(time, actor, what)], progress.approved(approval)
    before = seen.progress.user_ids if seen.progress is not None else frozenset()
    if left.still_needed and progress.user_ids != before:
        # Others than before may decide the rest of it.
        entries.append(Entry(time, REQUESTS, _opened(left)))
    return seen.then(
        time,
        *entries,
        progress=left,
        approvals=(*seen.approvals, approval),
        requested_duration=seen.requested_duration if duration is None else duration,
    )


def wait_over(seen: AccessRequest, time: datetime) -> AccessRequest:
    """What a wait waited for is so. Part of what follows from that, so the version stays."""
    assert seen.progress is not None, "it waits at a step"
    entry = Entry(time, REQUESTS, timeline.WaitOver(seen.progress.number))
    return replace(seen, timeline=(*seen.timeline, entry))


def approve(
    seen: AccessRequest,
    *,
    lease_id: str,
    duration: timedelta | None,
    reviewers: tuple[str, ...],
    time: datetime,
) -> AccessRequest:
    """Policy, and who it asked for, said yes, for `duration`."""
    assert seen.plan is not None, "nothing is approved without a plan"
    by = ", ".join(_in_words(approval) for approval in seen.approvals) or seen.plan.by
    actor = POLICY if not seen.approvals else REQUESTS
    return seen.to(_State.APPROVED, "approved").then(
        time,
        Entry(time, actor, timeline.Approved(by, duration)),
        Entry(time, REQUESTS, timeline.LeaseGranted(lease_id)),
        lease_id=lease_id,
        requested_duration=duration,
        review=EmergencyReview.OPEN if seen.emergency else EmergencyReview.UNSPECIFIED,
        reviewers=reviewers if seen.emergency else (),
    )


def extend(
    seen: AccessRequest, lease_id: str, end_time: datetime, duration: timedelta, time: datetime
) -> AccessRequest:
    """Policy, and who it asked for, said yes, and a lease lasts longer: there is nothing to
    deliver."""
    assert seen.plan is not None, "nothing is approved without a plan"
    by = ", ".join(_in_words(approval) for approval in seen.approvals) or seen.plan.by
    actor = POLICY if not seen.approvals else REQUESTS
    approved = seen.to(_State.APPROVED, "approved").then(
        time,
        Entry(time, actor, timeline.Approved(by, duration)),
        Entry(time, REQUESTS, timeline.LeaseExtended(lease_id, end_time)),
        lease_id=lease_id,
        requested_duration=duration,
    )
    return approved.to(_State.FULFILLED, "fulfilled").then(
        time, Entry(time, REQUESTS, timeline.Fulfilled(end_time))
    )


def lasts_longer(
    seen: AccessRequest, lease_id: str, end_time: datetime, time: datetime
) -> AccessRequest:
    """The lease that came of it lasts longer, as another access request asked."""
    return seen.then(time, Entry(time, REQUESTS, timeline.LeaseExtended(lease_id, end_time)))


def deny(
    seen: AccessRequest,
    actor: Caller,
    message: str,
    time: datetime,
    *,
    on_behalf_of: PersonRef | None = None,
) -> AccessRequest:
    """Policy, somebody, or the time said no."""
    return seen.to(_State.DENIED, "denied").then(
        time, Entry(time, actor, timeline.Denied(message, on_behalf_of))
    )


def taken_out(
    seen: AccessRequest, lease_id: str, message: str, time: datetime
) -> tuple[AccessRequest, AccessRequest]:
    """What its subject holds from outside is removed, by a lease that ends as it begins: denied,
    and then with that lease."""
    denied = deny(seen, REQUESTS, message, time)
    ending = Entry(time, REQUESTS, timeline.LeaseEnding("unmanaged", message))
    return denied, denied.then(time, ending, lease_id=lease_id)


def reassigned(
    seen: AccessRequest, progress: Progress, actor: Caller, reason: str, time: datetime
) -> AccessRequest:
    """The step was handed to others, who were found able to decide it."""
    # Who is in a group stands only where it can be kept from those who may not know.
    to = () if progress.of_group else progress.approvers
    entries = (
        Entry(time, actor, timeline.Reassigned(progress.number, to, reason)),
        Entry(time, REQUESTS, _opened(progress)),
    )
    return seen.to(_State.PENDING, "reassigned").then(time, *entries, progress=progress)


def reminded(seen: AccessRequest, due_time: datetime, time: datetime) -> AccessRequest:
    """Those who may decide were reminded, where there is somebody; the next time at `due_time`."""
    assert seen.progress is not None, "it is at a step"
    progress = replace(seen.progress, due_time=due_time)
    what = timeline.Reminded(progress.number)
    last = seen.timeline[-1]
    if last.what == what and progress.approvers:
        # The last of many in a row says it: they may go on for as long as nobody decides.
        seen = replace(seen, timeline=seen.timeline[:-1])
    entry = Entry(time, REQUESTS, what)
    return seen.then(time, *([entry] if progress.approvers else ()), progress=progress)


def escalated(seen: AccessRequest, policy_id: str, time: datetime) -> AccessRequest:
    """Another policy decides. Part of what follows from that, so the version stays."""
    assert seen.progress is not None, "it is at a step"
    entry = Entry(time, REQUESTS, timeline.Escalated(seen.progress.number, policy_id))
    return replace(seen, timeline=(*seen.timeline, entry))


def restarted(seen: AccessRequest, actor: Person, reason: str, time: datetime) -> AccessRequest:
    """It begins anew.

    Raises:
        WrongState: ACCESS_REQUEST_STATE.
    """
    seen.check_undecided("restarted")
    return seen.to(_State.EVALUATING, "restarted").then(
        time,
        Entry(time, actor, timeline.Restarted(reason)),
        plan=None,
        inputs=None,
        progress=None,
        approvals=(),
        requested_duration=_unshortened(seen),
    )


def _opened(progress: Progress) -> timeline.StepOpened:
    return timeline.StepOpened(
        progress.number,
        progress.approvers,
        progress.origin,
        progress.due_time,
        progress.of_group,
    )


def _in_words(approval: StepApproval) -> str:
    name = approval.approver.display_name
    if approval.on_behalf_of is None:
        return name
    return f"{name} for {approval.on_behalf_of.display_name}"


def _unshortened(seen: AccessRequest) -> timedelta | None:
    """The duration without what those shortened it to whose approvals no longer count."""
    if seen.asked_duration is not None:
        return seen.asked_duration
    return seen.requested_duration if seen.inputs is None else seen.inputs.requested_duration
