"""Who may decide changes while they are asked: people leave, come back, and others come."""

from dataclasses import replace

import pytest

from libs.domain.errors import Unavailable
from services.requests.domain import decision_facts, facts, timeline
from services.requests.domain.progress import Origin
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approval,
    GroupMembers,
    People,
    UnknownApprovers,
    UnknownStep,
)
from tests.unit.requests_service.cast import (
    BY_GROUP,
    BY_MANAGER,
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
    ROOT,
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


@pytest.mark.parametrize("verb", ["approve", "deny"])
async def test_who_lost_the_right_is_refused_and_the_step_resolved_anew(verb: str) -> None:
    """Suspended or removed from the group: NOT_AN_APPROVER, and who may now is asked at once."""
    house = town(BY_GROUP)
    seen = await house.create()
    house.catalog.groups[GROUP] = list(ids(GUS, GIA, DAN))
    await refused(getattr(house, verb)(seen, GIL), "NOT_AN_APPROVER")
    again = house.kept(seen.access_request_id)
    assert again.state is State.PENDING
    assert again.awaiting == some(GUS, GIA, DAN)
    assert happened(again, timeline.StepOpened)[-1].approvers == (
        again.progress.approvers if again.progress else ()
    )
    assert told(house) == [
        decision_facts.ApprovalRequested(seen.access_request_id, 0, ids(GUS, GIA, DAN), None)
    ]
    assert house.last.audit.action == "access_request.decision_refused"
    assert (house.last.audit.actor, house.last.audit.details["verb"]) == (
        GIL,
        {"approve": "approved", "deny": "denied"}[verb],
    )
    count = len(house.store.changes)
    await refused(getattr(house, verb)(again, GIL), "NOT_AN_APPROVER")
    assert house.kept(seen.access_request_id) == again
    assert len(house.store.changes) == count + 1
    assert not house.last.writes

    suspend(house, GUS, GIA, DAN)
    await refused(getattr(house, verb)(again, GUS), "NOT_AN_APPROVER")
    nobody = house.kept(seen.access_request_id)
    assert nobody.state is State.NO_APPROVER
    assert not nobody.awaiting
    assert nobody.progress is not None
    assert told(house) == [
        decision_facts.NoApproverFound(seen.access_request_id, 0, nobody.progress.problem)
    ]
    await refused(getattr(house, verb)(nobody, GIA), "ACCESS_REQUEST_STATE")
    await refused(house.reassign(nobody, GIA, OLA), "NOT_AN_APPROVER")


async def test_nobody_eligible_is_visible_and_looked_at_again() -> None:
    """NO_APPROVER with the reason and an event, told once; PENDING with an event when there is."""
    house = town(BY_MANAGER)
    suspend(house, MAX)
    seen = await house.create()
    assert seen.state is State.NO_APPROVER
    assert seen.progress is not None
    assert "the subject's manager: nobody can (" in seen.progress.problem
    assert happened(seen, timeline.NoApprover) == [timeline.NoApprover(0, seen.progress.problem)]
    assert told(house)[1:] == [
        decision_facts.NoApproverFound(seen.access_request_id, 0, seen.progress.problem)
    ]
    assert not await house.decide(seen.access_request_id)
    assert len(house.store.changes) == 1
    house.catalog.away = True
    with pytest.raises(Unavailable):
        await house.decide(seen.access_request_id)
    house.catalog.away = False
    enable(house, MAX)
    assert await house.decide(seen.access_request_id)
    found = house.kept(seen.access_request_id)
    assert (found.state, found.awaiting) == (State.PENDING, some(MAX))
    assert told(house) == [
        decision_facts.ApprovalRequested(seen.access_request_id, 0, ids(MAX), None)
    ]
    assert house.last.audit.action == "access_request.pending"
    assert (await house.approve(found, MAX)).state is State.APPROVED


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (by(), "nobody, by the policy's expression"),
        (Approval(UnknownApprovers()), "approvers of an unknown kind"),
        (by(OLA, needed=2), "2 must approve, and 1 can"),
        (Approval(GroupMembers("grp_gone")), "the members of grp_gone: nobody can ("),
        (Approval(AppOwners(), fallback=UnknownApprovers(), needed=3), "3 must approve, and 2 can"),
    ],
)
async def test_too_few_is_nobody(step: Approval, words: str) -> None:
    """An expression that named nobody, an unknown kind, n of m with too few: never approved, and
    who could be one of them may not be by themselves."""
    house = town(step)
    seen = await house.create()
    assert seen.state is State.NO_APPROVER
    assert seen.progress is not None
    assert words in seen.progress.problem
    await refused(house.approve(seen, ROOT), "ACCESS_REQUEST_STATE", state="NO_APPROVER")
    assert not house.store.kept_leases


async def test_the_fallback_decides_when_too_few_can() -> None:
    """And no more when those who should can again; what was approved counts for both."""
    house = town(Approval(AppOwners(), fallback=People(ids(GIL, GUS)), needed=2))
    seen = await house.create()
    assert seen.awaiting == some(OLA, OTO)
    seen = await house.approve(seen, OLA)
    suspend(house, OTO)
    await house.decide(seen.access_request_id)
    seen = house.kept(seen.access_request_id)
    assert seen.progress is not None
    assert (seen.progress.origin, seen.awaiting) == (Origin.FALLBACK, some(GIL, GUS))
    enable(house, OTO)
    await refused(house.approve(seen, GIL), "NOT_AN_APPROVER")
    seen = house.kept(seen.access_request_id)
    suspend(house, OTO)
    await house.decide(seen.access_request_id)
    found = await house.approve(house.kept(seen.access_request_id), GUS)
    assert found.state is State.APPROVED
    assert [each.approver.user_id for each in found.approvals] == list(ids(OLA, GUS))


async def test_who_comes_to_those_who_may_is_asked_when_somebody_approves() -> None:
    """They stand in the event, on the timeline and in the inbox, once; who stays is not asked
    again."""
    house = town(replace(BY_GROUP, needed=2))
    seen = await house.create()
    house.catalog.groups[GROUP] = list(ids(GIL, GUS, DEE))
    seen = await house.approve(seen, GIL)
    assert seen.awaiting == some(GUS, DEE)
    assert told(house) == [
        decision_facts.ApprovalGiven(seen.access_request_id, 0, GIL, "", still_needed=1),
        decision_facts.ApprovalRequested(seen.access_request_id, 0, ids(GUS, DEE), None),
    ]
    opened = happened(seen, timeline.StepOpened)[-1]
    assert [each.user_id for each in opened.approvers] == list(ids(GUS, DEE))
    assert [fact.resource_version for fact in house.last.facts] == [seen.version] * 2
    count = len(house.store.changes)
    await house.decide(seen.access_request_id)
    assert len(house.store.changes) == count
    house.catalog.groups[GROUP] = list(ids(DEE))
    assert (await house.approve(seen, DEE)).state is State.APPROVED


async def test_all_are_those_who_may_when_the_last_of_them_decides() -> None:
    """Who left is not waited for, who came is; when only those who approved are left nobody can
    finish it, and it says so."""
    house = town(replace(BY_GROUP, all_of_them=True))
    seen = await house.approve(await house.create(), GIL)
    house.catalog.groups[GROUP] = list(ids(GIL, GUS, DEE))
    seen = await house.approve(seen, GUS)
    assert (seen.state, seen.awaiting) == (State.PENDING, some(DEE))
    house.catalog.groups[GROUP] = list(ids(GIL, GUS))
    await refused(house.approve(seen, DEE), "NOT_AN_APPROVER")
    stuck = house.kept(seen.access_request_id)
    assert stuck.state is State.NO_APPROVER
    assert not house.store.kept_leases
    house.catalog.groups[GROUP] = list(ids(GIL, GUS, GIA, DEE))
    await house.decide(seen.access_request_id)
    suspend(house, GIA)
    done = await house.approve(house.kept(seen.access_request_id), DEE)
    assert done.state is State.APPROVED
    assert [each.approver.user_id for each in done.approvals] == list(ids(GIL, GUS, DEE))


async def test_who_approved_and_left_has_approved() -> None:
    """What counts is who they were when they decided; and nobody else is needed for them."""
    house = town(by(OLA, OTO, GIL, needed=2))
    seen = await house.approve(await house.create(), OLA)
    suspend(house, OLA)
    assert (await house.approve(seen, OTO)).state is State.APPROVED


@pytest.mark.parametrize(
    "steps",
    [
        (UnknownStep(), Accept()),
        (BY_OWNER, UnknownStep()),
        (BY_OWNER, UnknownStep(), Accept()),
        (BY_OWNER, BY_GROUP, UnknownStep(), BY_GROUP),
        (),
    ],
)
async def test_a_plan_that_is_not_understood_to_its_end_asks_nobody(steps: object) -> None:
    """It is evaluated again, until it is: what people decided of it would count for nothing."""
    house = town()
    house.policy.steps = steps  # type: ignore[assignment]
    seen = await house.create()
    assert (seen.state, seen.plan, seen.awaiting) == (State.EVALUATING, None, frozenset())
    assert [type(body) for body in told(house)] == [facts.AccessRequestCreated]
    assert not await house.decide(seen.access_request_id)
    assert len(house.store.changes) == 1
    house.policy.steps = (BY_OWNER, Accept(), UnknownStep())
    await house.decide(seen.access_request_id)
    seen = house.kept(seen.access_request_id)
    assert (await house.approve(seen, OTO)).state is State.APPROVED


async def test_nothing_is_decided_without_the_catalog() -> None:
    """UNAVAILABLE, and everything stays as it was."""
    house = town(BY_OWNER)
    seen = await house.create()
    house.catalog.away = True
    for attempt in (
        house.approve(seen, OLA),
        house.deny(seen, OLA),
        house.reassign(seen, OLA, DAN),
        house.restart(seen, ROOT),
    ):
        await refused(attempt, "DEPENDENCY_UNAVAILABLE")
    assert len(house.store.changes) == 1
    assert house.kept(seen.access_request_id) == seen
