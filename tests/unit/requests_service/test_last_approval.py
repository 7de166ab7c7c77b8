"""What an approval brings: for how long, and only what can still be had; and beginning anew."""

from datetime import timedelta

import pytest

from libs.domain.errors import Unavailable, WrongState
from services.requests.domain import decision_facts, facts, timeline
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.steps import Accept
from services.requests.handlers.wish import Wish
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.unit.requests_service.cast import (
    AUDREY,
    BY_GROUP,
    BY_OWNER,
    GIL,
    OLA,
    OTO,
    ROOT,
    by,
    happened,
    ids,
    refused,
    told,
    town,
)
from tests.unit.requests_service.house import ADA

HOUR = timedelta(hours=1)


async def test_approvers_shorten_and_never_lengthen() -> None:
    """Each from what is left; none given keeps it; the lease lasts as long."""
    house = town(by(OLA, OTO, GIL, needed=2), BY_GROUP)
    seen = await house.ask(Wish(ADA, ENTITLEMENT, 6 * HOUR))
    await refused(house.approve(seen, OLA, duration=7 * HOUR), "DURATION_TOO_LONG")
    assert house.kept(seen.access_request_id) == seen
    seen = await house.approve(seen, OLA, duration=4 * HOUR)
    assert seen.requested_duration == 4 * HOUR
    await refused(house.approve(seen, OTO, duration=5 * HOUR), "DURATION_TOO_LONG")
    seen = await house.approve(seen, OTO, duration=4 * HOUR)
    seen = await house.approve(seen, GIL)
    assert [it.duration for it in happened(seen, timeline.StepApproved)] == [4 * HOUR, None, None]
    assert happened(seen, timeline.Approved)[0].duration == 4 * HOUR
    assert house.store.kept_leases[seen.lease_id].duration == 4 * HOUR


async def test_what_was_asked_for_without_an_end_can_get_one() -> None:
    """By whoever approves it; and stays without one when nobody gives it."""
    for given in (HOUR, None):
        house = town(BY_OWNER)
        house.catalog.max_duration = None
        seen = await house.approve(await house.create(), OLA, duration=given)
        assert house.store.kept_leases[seen.lease_id].duration == given


async def test_a_limit_that_has_shrunk_is_kept_to() -> None:
    """The last approval is refused, naming the field and the limit, until it is short enough; where
    no end was asked for it is the limit."""
    house = town(by(OLA), by(OTO))
    seen = await house.create()
    house.catalog.max_duration = HOUR
    seen = await house.approve(seen, OLA)
    error = await refused(house.approve(seen, OTO), "DURATION_TOO_LONG", max_duration="3600s")
    assert error.message.startswith("duration: ")
    assert house.kept(seen.access_request_id) == seen
    seen = await house.approve(seen, OTO, duration=HOUR)
    assert house.store.kept_leases[seen.lease_id].duration == HOUR

    house = town(BY_OWNER)
    house.catalog.max_duration = None
    seen = await house.create()
    house.catalog.max_duration = HOUR
    seen = await house.approve(seen, OLA)
    assert seen.requested_duration == HOUR
    assert house.store.kept_leases[seen.lease_id].duration == HOUR


async def test_what_is_gone_is_not_approved() -> None:
    """The last approval is refused as the wish would be, and everything stays; a denial is not."""
    house = town(BY_OWNER, Accept())
    seen = await house.create()
    house.catalog.refusal = WrongState("APP_REMOVED", "It is gone.")
    await refused(house.approve(seen, OLA), "APP_REMOVED")
    house.catalog.refusal = Unavailable("the catalog service", "unavailable")
    await refused(house.approve(seen, OLA), "DEPENDENCY_UNAVAILABLE")
    assert house.kept(seen.access_request_id) == seen
    assert len(house.store.changes) == 1
    assert (await house.deny(seen, OLA)).state is State.DENIED


async def test_policy_is_not_needed_to_decide_what_it_has_planned() -> None:
    """With policy away, people go on deciding the steps of the plan."""
    house = town(by(OLA), by(OTO), Accept())
    seen = await house.create()
    house.policy.problem = "away"
    seen = await house.approve(seen, OLA)
    seen = await house.approve(seen, OTO)
    assert seen.state is State.APPROVED
    assert told(house) == [
        decision_facts.ApprovalGiven(seen.access_request_id, 1, OTO, "", still_needed=0),
        facts.AccessRequestApproved(
            seen.access_request_id,
            seen.lease_id,
            seen.plan.policy_id if seen.plan else "",
            1,
            "",
            ids(OLA, OTO),
        ),
        facts.LeaseGranted(seen.lease_id, 1),
    ]
    assert house.last.audit.action == "access_request.approved"
    assert house.last.audit.details["approved_step"] == 1
    assert house.store.kept_leases[seen.lease_id].access_request_id == seen.access_request_id


async def test_a_restart_forgets_what_was_decided_and_not_that_it_was() -> None:
    """The policy as it is now, from its first step, for as long as was asked; the timeline goes
    on. By its requester and administrators only."""
    house = town(by(OLA), by(OTO))
    seen = await house.approve(await house.create(), OLA, duration=HOUR)
    house.policy.steps = (BY_GROUP, by(OTO))
    for who, reason in ((OLA, "CALLER_NOT_ALLOWED"), (AUDREY, "CALLER_NOT_ALLOWED")):
        await refused(house.restart(seen, who), reason)
    again = await house.restart(seen, ROOT)
    assert again.progress is not None
    assert (again.progress.number, again.approvals) == (0, ())
    assert again.requested_duration == timedelta(hours=8)
    assert again.timeline[: len(seen.timeline)] == seen.timeline
    assert again.version > seen.version
    assert [type(body) for body in told(house)] == [
        decision_facts.AccessRequestRestarted,
        decision_facts.ApprovalRequested,
    ]
    again = await house.approve(again, GIL)
    again = await house.approve(again, OTO)
    assert [each.approver.user_id for each in again.approvals] == list(ids(GIL, OTO))
    await refused(house.restart(again, ADA), "ACCESS_REQUEST_STATE")


async def test_a_restart_without_policy_waits_for_it() -> None:
    """EVALUATING, with nothing of the former plan; nobody may decide it meanwhile."""
    house = town(BY_OWNER)
    seen = await house.create()
    house.policy.problem = "away"
    again = await house.restart(seen, ADA)
    assert (again.state, again.plan, again.awaiting) == (State.EVALUATING, None, frozenset())
    await refused(house.approve(again, OLA), "ACCESS_REQUEST_STATE")
    house.policy.problem = ""
    assert await house.decide(seen.access_request_id)
    assert (await house.approve(house.kept(seen.access_request_id), OLA)).state is State.APPROVED


@pytest.mark.parametrize("refusal", [WrongState("APP_REMOVED", "gone"), None])
async def test_what_evaluates_late_is_denied_when_it_is_gone(refusal: WrongState | None) -> None:
    """By the service, with the reason; also what only waits, but not what people decide."""
    house = town(BY_OWNER)
    house.policy.problem = "away"
    seen = await house.create()
    house.policy.problem = ""
    house.catalog.refusal = refusal
    assert await house.decide(seen.access_request_id)
    found = house.kept(seen.access_request_id)
    assert found.state is (State.PENDING if refusal is None else State.DENIED)
    if refusal is not None:
        assert happened(found, timeline.Denied)[0].message == "gone"
        assert [type(body) for body in told(house)] == [facts.AccessRequestDenied]
