"""What happens when a step takes too long. Nothing of it is an approval."""

from datetime import timedelta

import pytest

from libs.domain.errors import Unavailable, WrongState
from services.requests.domain import decision_facts, facts, timeline
from services.requests.domain.access_request import REQUESTS, AccessRequest
from services.requests.domain.progress import Origin
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.steps import (
    AppOwners,
    Approval,
    Approvers,
    Escalate,
    GiveUp,
    GroupMembers,
    Manager,
    People,
    Reassign,
    Reject,
    Remind,
    TimeLimit,
)
from tests.unit.requests_service.cast import (
    BY_GROUP,
    BY_OWNER,
    DAN,
    DEE,
    GIA,
    GIL,
    GROUP,
    GUS,
    MAX,
    OLA,
    OTO,
    by,
    enable,
    happened,
    ids,
    refused,
    some,
    suspend,
    told,
    town,
)
from tests.unit.requests_service.house import ADA, House

DAY = timedelta(days=1)


def _limited(
    then: Remind | Reassign | Escalate | GiveUp, approvers: Approvers | None = None
) -> Approval:
    return Approval(approvers or AppOwners(), time_limit=TimeLimit(DAY, then))


async def _after(house: House, seen: AccessRequest, length: timedelta = DAY) -> AccessRequest:
    house.clock.advance(length)
    await house.overdue(seen.access_request_id)
    return house.kept(seen.access_request_id)


async def test_before_its_time_nothing_happens() -> None:
    """Not a moment earlier; and a step without a limit has no such moment."""
    house = town(_limited(GiveUp()))
    seen = await house.create()
    assert seen.due_time == house.clock.now() + DAY
    assert await _after(house, seen, DAY - timedelta(microseconds=1)) == seen
    endless = town(BY_OWNER)
    seen = await endless.create()
    assert seen.due_time is None
    assert await _after(endless, seen, 100 * DAY) == seen


async def test_reminders_go_on_and_go_to_those_who_may_now() -> None:
    """Each after as long as the first; others than at the beginning are asked with it."""
    house = town(_limited(Remind(), GroupMembers(GROUP)))
    seen = await _after(house, await house.create())
    asked = ids(GIL, GUS, GIA)
    assert told(house) == [decision_facts.ApprovalReminded(seen.access_request_id, 0, asked)]
    house.catalog.groups[GROUP] = list(ids(GIL, DEE))
    seen = await _after(house, seen)
    assert seen.awaiting == some(GIL, DEE)
    assert told(house) == [
        decision_facts.ApprovalRequested(
            seen.access_request_id, 0, ids(GIL, DEE), house.clock.now()
        ),
        decision_facts.ApprovalReminded(seen.access_request_id, 0, ids(GIL, DEE)),
    ]
    assert seen.due_time == house.clock.now() + DAY
    assert len(happened(seen, timeline.Reminded)) == 2
    assert (await house.approve(seen, DEE)).state is State.APPROVED


async def test_nobody_is_not_reminded() -> None:
    """When nobody can decide any more it says so, instead; when somebody can they are asked."""
    house = town(_limited(Remind()))
    seen = await house.create()
    suspend(house, OLA, OTO)
    seen = await _after(house, seen)
    assert seen.state is State.NO_APPROVER
    assert [type(body) for body in told(house)] == [decision_facts.NoApproverFound]
    assert house.last.audit.action == "access_request.no_approver"
    seen = await _after(house, seen)
    assert told(house) == []
    assert not happened(seen, timeline.Reminded)
    enable(house, OTO)
    seen = await _after(house, seen)
    assert (seen.state, seen.awaiting) == (State.PENDING, some(OTO))
    assert [type(body) for body in told(house)] == [
        decision_facts.ApprovalRequested,
        decision_facts.ApprovalReminded,
    ]


async def test_others_decide_instead_and_are_reminded() -> None:
    """Those who had it may no more; those who got it are who they are when they decide."""
    house = town(_limited(Reassign(GroupMembers(GROUP))))
    seen = await _after(house, await house.create())
    assert seen.progress is not None
    assert (seen.progress.origin, seen.awaiting) == (Origin.REASSIGNED, some(GIL, GUS, GIA))
    assert seen.timeline[-2].actor == REQUESTS
    # Who is in a group is kept from who asked, and stands only where it can be.
    assert not seen.shows_groups_to(ADA)
    assert happened(seen, timeline.Reassigned)[-1].approvers == ()
    assert happened(seen, timeline.StepOpened)[-1].of_group
    assert told(house) == [
        decision_facts.AccessRequestReassigned(
            seen.access_request_id, 0, ids(GIL, GUS, GIA), REQUESTS
        ),
        decision_facts.ApprovalRequested(
            seen.access_request_id, 0, ids(GIL, GUS, GIA), seen.due_time
        ),
    ]
    await refused(house.approve(seen, OLA), "NOT_AN_APPROVER")
    seen = await _after(house, seen)
    assert [type(body) for body in told(house)] == [decision_facts.ApprovalReminded]
    assert len(happened(seen, timeline.Reassigned)) == 1
    house.catalog.groups[GROUP] = list(ids(GUS, DAN))
    await refused(house.approve(seen, GIL), "NOT_AN_APPROVER")
    seen = house.kept(seen.access_request_id)
    assert seen.awaiting == some(GUS, DAN)
    seen = await house.reassign(seen, DAN, DEE)
    assert seen.awaiting == some(DEE)
    assert (await house.approve(seen, DEE)).state is State.APPROVED


async def test_what_nobody_else_can_decide_stays_where_it_is_and_is_tried_again() -> None:
    """Those who have it are reminded, and the others get it as soon as one of them can."""
    house = town(_limited(Reassign(Manager())))
    suspend(house, MAX)
    seen = await _after(house, await house.create())
    assert seen.awaiting == some(OLA, OTO)
    assert [type(body) for body in told(house)] == [decision_facts.ApprovalReminded]
    enable(house, MAX)
    seen = await _after(house, seen)
    assert seen.awaiting == some(MAX)
    assert house.last.audit.action == "access_request.reassigned"


async def test_too_late_is_denied() -> None:
    """By the time limit; and when somebody is quicker than it, they are too late all the same."""
    house = town(_limited(GiveUp()))
    seen = await house.create()
    house.clock.advance(DAY)
    for attempt in (
        house.approve(seen, OLA),
        house.deny(seen, OLA),
        house.reassign(seen, OLA, DAN),
    ):
        error = await refused(attempt, "ACCESS_REQUEST_STATE")
        assert isinstance(error, WrongState)
    seen = await _after(house, seen, timedelta())
    assert seen.state is State.DENIED
    assert happened(seen, timeline.Denied) == [timeline.Denied("Nobody decided in time.")]
    body = told(house)[0]
    assert isinstance(body, facts.AccessRequestDenied)
    assert body.actor == REQUESTS
    count = len(house.store.changes)
    assert await _after(house, seen) == seen
    assert len(house.store.changes) == count


async def test_also_what_nobody_can_decide_is_over_in_time() -> None:
    """NO_APPROVER has the time limit of its step: denied, or handed to others who can."""
    house = town(_limited(GiveUp()))
    suspend(house, OLA, OTO)
    assert (await _after(house, await house.create())).state is State.DENIED
    house.policy.steps = (_limited(Reassign(Manager())),)
    seen = await _after(house, await house.create())
    assert (seen.state, seen.awaiting) == (State.PENDING, some(MAX))


async def test_another_policy_decides_from_its_first_step_on() -> None:
    """What was approved no longer counts, its own limits hold, and it escalates on."""
    second = (by(OLA, time_limit=TimeLimit(2 * DAY, Escalate("pol_3"))), BY_GROUP)
    house = town(by(OLA), _limited(Escalate("pol_2")), pol_2=second, pol_3=(Reject("too late"),))
    seen = await house.approve(await house.create(), OLA, duration=timedelta(hours=1))
    seen = await _after(house, seen)
    assert seen.plan is not None
    assert seen.progress is not None
    assert (seen.plan.policy_id, seen.progress.number, seen.approvals) == ("pol_2", 0, ())
    assert seen.requested_duration == timedelta(hours=8)
    assert seen.due_time == house.clock.now() + 2 * DAY
    assert happened(seen, timeline.Escalated) == [timeline.Escalated(1, "pol_2")]
    assert told(house) == [
        decision_facts.AccessRequestEscalated(seen.access_request_id, 1, "pol_2"),
        decision_facts.ApprovalRequested(seen.access_request_id, 0, ids(OLA), seen.due_time),
    ]
    assert house.last.audit.action == "access_request.escalated"
    seen = await _after(house, seen, 2 * DAY)
    assert seen.state is State.DENIED
    assert [type(body) for body in told(house)] == [
        decision_facts.AccessRequestEscalated,
        facts.AccessRequestDenied,
    ]


async def test_a_policy_that_does_not_answer_takes_nothing_over() -> None:
    """Those who have it keep it and are reminded, and it is tried again after as long."""
    house = town(_limited(Escalate("pol_2")), pol_2=(BY_GROUP,))
    seen = await house.create()
    house.policy.problem = "away"
    seen = await _after(house, seen)
    assert (seen.state, seen.awaiting) == (State.PENDING, some(OLA, OTO))
    assert not happened(seen, timeline.Escalated)
    assert [type(body) for body in told(house)] == [decision_facts.ApprovalReminded]
    house.policy.problem = ""
    house.catalog.away = True
    with pytest.raises(Unavailable):
        await _after(house, seen)
    house.catalog.away = False
    seen = await _after(house, seen, timedelta())
    assert seen.awaiting == some(GIL, GUS, GIA)


async def test_a_restart_after_an_escalation_asks_the_first_policy() -> None:
    """The policy as it is now, from the beginning; the timeline keeps what was."""
    house = town(_limited(Escalate("pol_2")), pol_2=(BY_GROUP,))
    seen = await _after(house, await house.create())
    again = await house.restart(seen, ADA)
    assert again.plan is not None
    assert again.plan.policy_id != "pol_2"
    assert again.awaiting == some(OLA, OTO)
    assert again.timeline[: len(seen.timeline)] == seen.timeline


async def test_people_who_are_named_for_later_must_be_able_to() -> None:
    """Also those whom the time limit names are never the requester or the subject."""
    house = town(_limited(Reassign(People(ids(ADA)))), BY_GROUP)
    seen = await _after(house, await house.create())
    assert seen.awaiting == some(OLA, OTO)
