"""Who may decide a step, in whose place, how often, and to whom it is handed."""

from dataclasses import replace

import pytest

from services.requests.domain import decision_facts, facts, timeline
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.steps import Accept
from tests.unit.requests_service.cast import (
    AUDREY,
    BY_OWNER,
    DAN,
    DEE,
    GIA,
    GIL,
    GUS,
    OLA,
    OTO,
    ROOT,
    SUE,
    by,
    delegate,
    happened,
    ids,
    refused,
    some,
    suspend,
    told,
    town,
)
from tests.unit.requests_service.house import ADA


async def test_a_delegate_decides_in_the_place_of_an_approver() -> None:
    """Shown as "A for B", in the timeline, the event and the audit; and only while it lasts."""
    house = town(BY_OWNER)
    seen = await house.create()
    delegate(house, OLA, DEE, hours=1)
    late = replace(house.clock)
    found = await house.approve(seen, DEE)
    assert happened(found, timeline.Approved)[0].by == "Dee for Ola"
    given = happened(found, timeline.StepApproved)[0]
    assert given.on_behalf_of is not None
    assert given.on_behalf_of.user_id == OLA.user_id
    assert told(house)[0] == decision_facts.ApprovalGiven(
        seen.access_request_id, 0, DEE, OLA.user_id, still_needed=0
    )
    assert house.last.audit.details["on_behalf_of_user_id"] == OLA.user_id
    house.clock = late
    other = await house.create(SUE)
    house.clock.advance(house.store.kept_delegations.popitem()[1].period.end - late.now())
    await refused(house.approve(other, DEE), "ACCESS_REQUEST_NOT_FOUND")


@pytest.mark.parametrize("obstacle", ["suspended delegate", "suspended delegator", "no_delegation"])
async def test_a_delegate_who_may_not_is_refused(obstacle: str) -> None:
    """Both must be enabled, the delegator must be able to, and the step must allow it."""
    house = town(replace(BY_OWNER, no_delegation=obstacle == "no_delegation"))
    seen = await house.create()
    delegate(house, OLA, DEE)
    if obstacle.startswith("suspended"):
        suspend(house, DEE if obstacle.endswith("delegate") else OLA)
    await refused(house.approve(seen, DEE), "NOT_AN_APPROVER")
    assert house.kept(seen.access_request_id).state is State.PENDING


async def test_a_delegates_delegate_decides_nothing() -> None:
    """Dee decides for Ola, and Dan for Dee: Dan does not decide for Ola."""
    house = town(BY_OWNER)
    seen = await house.create()
    delegate(house, OLA, DEE)
    delegate(house, DEE, DAN)
    await refused(house.approve(seen, DAN), "ACCESS_REQUEST_NOT_FOUND")


async def test_nobody_counts_twice() -> None:
    """Not who approved for another and is named too, nor whom they approved for, nor who is named
    twice by an expression."""
    house = town(by(OLA, OTO, DEE, DEE, needed=3))
    seen = await house.create()
    delegate(house, OLA, DAN)
    delegate(house, OTO, DAN)
    seen = await house.approve(seen, DAN)
    for who in (DAN, OLA):
        await refused(house.approve(seen, who), "ALREADY_DECIDED")
        await refused(house.deny(seen, who), "ALREADY_DECIDED")
    assert seen.awaiting == some(OTO, DEE)
    twice = town(by(DEE, DEE, needed=2))
    assert (await twice.create()).state is State.NO_APPROVER


@pytest.mark.parametrize("distinct", [True, False])
async def test_distinct_people_across_steps(distinct: bool) -> None:
    """Who decided an earlier step, and in whose place, may not decide a distinct one, themselves
    or as a delegate or as who is handed it; without distinct they may."""
    house = town(by(OLA), by(OLA, OTO, GIL, DEE, distinct=distinct), Accept())
    seen = await house.create()
    delegate(house, OLA, DEE)
    delegate(house, GIL, OLA)
    seen = await house.approve(seen, DEE)
    assert seen.progress is not None
    assert seen.progress.number == 1
    if not distinct:
        assert seen.awaiting == some(OLA, OTO, GIL, DEE)
        assert (await house.approve(seen, OLA)).state is State.APPROVED
        return
    assert seen.awaiting == some(OTO, GIL)
    for who in (OLA, DEE):
        await refused(house.approve(seen, who), "NOT_AN_APPROVER")
        await refused(house.reassign(seen, OTO, who), "ASSIGNEE_NOT_ELIGIBLE", user_id=who.user_id)
    found = await house.approve(seen, GIL)
    assert told(house)[1] == facts.AccessRequestApproved(
        seen.access_request_id,
        found.lease_id,
        found.plan.policy_id if found.plan else "",
        1,
        "",
        ids(DEE, GIL),
    )


async def test_distinct_without_anybody_else_is_no_approver() -> None:
    """The one who could has decided the earlier step; an administrator hands it to somebody."""
    house = town(by(OLA), by(OLA, distinct=True))
    seen = await house.approve(await house.create(), OLA)
    assert seen.state is State.NO_APPROVER
    assert seen.progress is not None
    assert "who decided an earlier step" in seen.progress.problem
    assert isinstance(told(house)[1], decision_facts.NoApproverFound)
    assert house.last.audit.action == "access_request.step_approved"
    seen = await house.reassign(seen, ROOT, OTO)
    assert (await house.approve(seen, OTO)).state is State.APPROVED


async def test_reasons_are_required_where_the_step_says_so() -> None:
    """FIELD_INVALID without one, for each of the two by itself."""
    house = town(by(OLA, reason_to_approve=True), by(OTO, reason_to_deny=True))
    seen = await house.create()
    await refused(house.approve(seen, OLA), "FIELD_INVALID")
    assert house.kept(seen.access_request_id) == seen
    seen = await house.approve(seen, OLA, "needed")
    await refused(house.deny(seen, OTO), "FIELD_INVALID")
    denied = await house.deny(seen, OTO, "no")
    assert denied.state is State.DENIED
    assert told(house) == [
        facts.AccessRequestDenied(
            seen.access_request_id, OTO, denied.plan.policy_id if denied.plan else "", 1, ""
        )
    ]


async def test_after_the_end_nothing_is_decided() -> None:
    """ACCESS_REQUEST_STATE with the present etag; ETAG_MISMATCH with the one that was seen."""
    house = town(BY_OWNER)
    seen = await house.create()
    done = await house.deny(seen, OLA)
    for stale, reason in ((done, "ACCESS_REQUEST_STATE"), (seen, "ETAG_MISMATCH")):
        await refused(house.approve(stale, OTO), reason)
        await refused(house.deny(stale, OTO), reason)
        await refused(house.reassign(stale, OTO, DAN), reason)
    assert len(house.store.changes) == 2


async def test_one_denial_denies_whatever_was_approved() -> None:
    """Also for somebody who decides in another's place, who is then named."""
    house = town(by(OLA, OTO, GIL, needed=2))
    seen = await house.approve(await house.create(), OLA)
    delegate(house, OTO, DEE)
    found = await house.deny(seen, DEE, "no")
    denied = happened(found, timeline.Denied)[0]
    assert (found.state, denied.message) == (State.DENIED, "no")
    assert denied.on_behalf_of is not None
    assert denied.on_behalf_of.user_id == OTO.user_id
    assert not found.awaiting
    assert not house.store.kept_leases


async def test_a_step_is_handed_on() -> None:
    """To those who can decide it, by those who may: told once, and the others may no more."""
    house = town(BY_OWNER)
    seen = await house.create()
    await refused(house.reassign(seen, OLA, GIL, ADA), "ASSIGNEE_NOT_ELIGIBLE", user_id=ADA.user_id)
    suspend(house, GUS)
    await refused(house.reassign(seen, OLA, GIL, GUS), "ASSIGNEE_NOT_ELIGIBLE", user_id=GUS.user_id)
    await refused(house.reassign(seen, AUDREY, GIL), "NOT_AN_APPROVER")
    handed = await house.reassign(seen, OLA, GIL, GIA)
    assert handed.awaiting == some(GIL, GIA)
    assert told(house) == [
        decision_facts.AccessRequestReassigned(seen.access_request_id, 0, ids(GIL, GIA), OLA),
        decision_facts.ApprovalRequested(seen.access_request_id, 0, ids(GIL, GIA), None),
    ]
    await refused(house.approve(handed, OLA), "NOT_AN_APPROVER")
    assert (await house.approve(handed, GIA)).state is State.APPROVED


async def test_only_administrators_hand_on_what_the_policy_keeps() -> None:
    """REASSIGNMENT_NOT_ALLOWED for those who may decide it."""
    house = town(replace(BY_OWNER, no_reassignment=True))
    seen = await house.create()
    await refused(house.reassign(seen, OLA, GIL), "REASSIGNMENT_NOT_ALLOWED")
    assert (await house.reassign(seen, ROOT, GIL)).awaiting == some(GIL)


async def test_handing_on_does_not_make_one_of_all() -> None:
    """Where all must approve, one of them can't have it handed to themselves alone."""
    house = town(by(OLA, OTO, GIL, all_of_them=True))
    seen = await house.create()
    for to in ((OLA,), (GIA,), (GIA, GUS)):
        await refused(house.reassign(seen, OLA, *to), "ASSIGNEE_NOT_ELIGIBLE")
    seen = await house.approve(seen, GIL)
    await refused(house.reassign(seen, OLA, DAN), "ASSIGNEE_NOT_ELIGIBLE")
    seen = await house.reassign(seen, OLA, DAN, DEE)
    seen = await house.approve(seen, DAN)
    assert seen.state is State.PENDING
    assert (await house.approve(seen, DEE)).state is State.APPROVED
