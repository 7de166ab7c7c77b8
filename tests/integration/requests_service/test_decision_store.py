"""What people decide, as it is kept: the database and the fake do the same."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

from libs.domain.ids import new_id
from libs.domain.paging import PageRequest
from services.requests.domain import steps, timeline
from services.requests.domain.access_request import REQUESTS, AccessRequest, AccessRequestState
from services.requests.domain.inputs import Inputs
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Plan
from services.requests.domain.progress import Origin, Progress, StepApproval
from services.requests.domain.resolution import DirectoryPerson, Holding
from services.requests.domain.states import EmergencyReview
from services.requests.domain.timeline import Entry
from tests.fakes.requests_neighbours import TARGET
from tests.integration.requests_service.stores import NOW, Ports, made_wish
from tests.unit.requests_service.house import ADA

_HOUR = timedelta(hours=1, microseconds=1)
_State = AccessRequestState


def _ref(name: str) -> PersonRef:
    return PersonRef(f"usr_{name}", "tenant", f"object {name}", name.title())


BEN, CLEO, DORA = _ref("ben"), _ref("cleo"), _ref("dora")
_APPROVERS: tuple[steps.Approvers, ...] = (
    steps.People(("usr_ben", "usr_cleo")),
    steps.People(()),
    steps.Manager(3),
    steps.AppOwners(),
    steps.EntitlementOwners(),
    steps.GroupMembers("grp_1"),
    steps.UnknownApprovers(),
)
_THEN = (
    steps.Remind(),
    steps.Reassign(steps.Manager(2)),
    steps.Escalate("pol_2"),
    steps.GiveUp(),
)
_APPROVAL = steps.Approval(
    approvers=steps.AppOwners(),
    fallback=steps.GroupMembers("grp_2"),
    needed=2,
    reason_to_approve=True,
    reason_to_deny=True,
    distinct=True,
    no_reassignment=True,
    no_delegation=True,
    time_limit=steps.TimeLimit(_HOUR, steps.Remind()),
)
_STEPS: tuple[steps.Step, ...] = (
    _APPROVAL,
    *(steps.Approval(each, all_of_them=True) for each in _APPROVERS),
    *(steps.Approval(steps.Manager(), time_limit=steps.TimeLimit(_HOUR, it)) for it in _THEN),
    steps.Wait(duration=_HOUR),
    steps.Wait(condition="a == 'Ä'", timeout=_HOUR),
    steps.Accept("yes"),
    steps.Reject("no"),
    steps.UnknownStep(),
)
_PLAN = Plan("pol_1", "Default", 7, "d", "a rule", "1 == 1", ("one", "two"), _STEPS, NOW)
_GIVEN = StepApproval(BEN, CLEO, NOW, "Ä ☂\nwhy")
_PROGRESS = Progress(
    number=0,
    open_time=NOW,
    due_time=NOW + _HOUR,
    approvers=(DORA, BEN),
    needed=2,
    approvals=(_GIVEN,),
    origin=Origin.FALLBACK,
    problem="",
    assigned=("usr_dora",),
    barred=("usr_eve",),
    overdue=True,
    of_group=True,
)
_HAPPENED: tuple[timeline.Happening, ...] = (
    timeline.Created("why"),
    timeline.PolicyUnavailable("away"),
    timeline.Evaluated("pol_1", 7, "a rule"),
    timeline.EmergencyRequested("pol_1"),
    timeline.StepOpened(1, (BEN, CLEO), Origin.REASSIGNED, NOW, True),
    timeline.StepOpened(0),
    timeline.NoApprover(1, "nobody"),
    timeline.StepApproved(0, CLEO, "why", _HOUR),
    timeline.StepApproved(0),
    timeline.Reassigned(0, (DORA,), "why"),
    timeline.Commented("what"),
    timeline.Reminded(0),
    timeline.Escalated(0, "pol_2"),
    timeline.Restarted("why"),
    timeline.WaitOver(2),
    timeline.Approved("Ben", _HOUR),
    timeline.Denied("no", BEN),
    timeline.EmergencyReviewed(False, "it was none"),
    timeline.LeaseExtended("lea_1", NOW),
    timeline.LeaseGranted("lea_1"),
    timeline.TargetDelivered(TARGET, "201", True),
    timeline.TargetFailed(TARGET, "403", "group_not_writable", "It is dynamic."),
    timeline.RemovedOutside(TARGET, NOW, True),
    timeline.TaskOpened("tsk_1"),
    timeline.TaskCompleted("tsk_1", "Ä, done"),
    timeline.Fulfilled(NOW),
    timeline.DeliveryFailed("why", "Why."),
    timeline.Retried(),
    timeline.Cancelled("why"),
    timeline.LeaseEnding("expired", ""),
    timeline.LeaseEnded(),
)


def _inputs() -> Inputs:
    return Inputs(
        subject=DirectoryPerson("usr_1", "Ada", "Design", "CFO", "usr_m"),
        requester=DirectoryPerson("usr_2", "Max"),
        entitlement_id="ent_1",
        entitlement_display_name="Editor",
        resource_kind="ROLE",
        app_id="app_1",
        app_display_name="Design Tool",
        requested_duration=_HOUR,
        emergency=True,
        now=NOW,
        held=(Holding("ent_2", "Viewer", "app_1"),),
        manager_user_ids=("usr_m",),
        app_owner_user_ids=("usr_o", "usr_p"),
        entitlement_owner_user_ids=(),
    )


async def _at_a_step(name: str = "Ada", **changes: Any) -> AccessRequest:
    """Somebody's access request that Dora and Ben may decide."""
    given: dict[str, Any] = {
        "access_request_id": new_id("req"),
        "version": 2,
        "state": _State.PENDING,
        "plan": _PLAN,
        "inputs": _inputs(),
        "progress": _PROGRESS,
    }
    return replace(await made_wish(name), **given | changes)


def _of_names(found: Sequence[object]) -> set[str]:
    return {type(each).__name__ for each in found}


def test_everything_that_can_be_kept_is_among_these() -> None:
    """Each kind of step, of approvers, of what a time limit does, and of what happens."""

    def names(union: Any) -> set[str]:
        return {each.__name__ for each in get_args(union)}

    assert _of_names(_STEPS) == names(steps.Step)
    assert _of_names(_APPROVERS) == names(steps.Approvers)
    assert _of_names(_THEN) == names(steps.TimeLimit.__annotations__["then"])
    assert _of_names(_HAPPENED) == names(timeline.Happening)


async def test_every_field_comes_back_the_same(ports: Ports) -> None:
    """As it is added and as it is changed: plan, inputs, progress, approvals, review, timeline."""
    store = ports.access_requests
    wish = await made_wish()
    pending = await _at_a_step(
        requested_duration=_HOUR,
        emergency=True,
        approvals=(_GIVEN, StepApproval(DORA, None, NOW, "")),
        timeline=tuple(Entry(NOW, actor, it) for it in _HAPPENED for actor in (ADA, REQUESTS)),
    )
    await ports.keep(store.added(pending))
    assert await store.get(pending.access_request_id) == pending

    def later() -> Iterator[AccessRequest]:
        nobody = replace(_PROGRESS, approvers=(), problem="nobody", approvals=(), of_group=False)
        yield replace(pending, state=_State.NO_APPROVER, progress=nobody)
        yield replace(pending, progress=replace(_PROGRESS, number=12, due_time=None))
        yield replace(wish, access_request_id=pending.access_request_id, emergency=True)
        for review in EmergencyReview:
            yield replace(
                pending,
                state=_State.APPROVED,
                lease_id="lea_1",
                review=review,
                reviewers=("usr_o", "usr_p"),
            )

    seen = pending
    for each in later():
        newer = replace(each, version=seen.version + 1)
        await ports.keep(store.changed(newer, seen=seen))
        assert await store.get(pending.access_request_id) == newer
        seen = newer


async def test_whom_it_waits_for(ports: Ports) -> None:
    """Inboxes hold what one may decide, or review, for oneself or in another's place, and follow
    every change; neither one's own, nor in anybody's place what one has decided."""
    store = ports.access_requests
    open_step = replace(_PLAN, steps=(steps.Approval(steps.AppOwners(), needed=2),))
    kept = await _at_a_step("Ada")
    lent = await _at_a_step("Ben", plan=open_step)
    await ports.keep(store.added(kept))
    await ports.keep(store.added(lent))
    names = {kept.access_request_id: "kept", lent.access_request_id: "lent"}

    async def inbox(*user_ids: str) -> list[str]:
        page = await store.page(
            PageRequest(9, "", ("x",)), user_id=None, state=None, app_id="", inbox=user_ids
        )
        return [names[each.access_request_id] for each in page.items]

    assert await inbox("usr_dora") == ["lent", "kept"]
    assert await inbox("usr_else") == []
    # In Dora's place only what may be decided so, and not by who has decided it or whose it is.
    assert await inbox("usr_else", "usr_dora", "usr_ben") == ["lent"]
    for name in ("usr_cleo", "usr_eve", lent.subject.user_id):
        assert await inbox(name, "usr_dora") == []
    assert await store.awaiting("usr_dora", "", 9) == sorted(names)
    assert await store.awaiting("usr_dora", min(names), 9) == [max(names)]
    assert await store.awaiting("usr_eve", "", 9) == []

    ben_only = replace(_PROGRESS, approvers=(BEN,), approvals=(), barred=())
    after = replace(lent, version=3, progress=ben_only)
    await ports.keep(store.changed(after, seen=lent))
    assert await inbox("usr_dora") == ["kept"]
    # Cleo and Eve did not decide this one.
    assert await inbox("usr_cleo", "usr_ben") == ["lent"]
    assert await inbox("usr_eve", "usr_ben") == ["lent"]
    denied = replace(after, version=4, state=_State.DENIED)
    await ports.keep(store.changed(denied, seen=after))
    assert await inbox("usr_ben") == ["kept"]

    approved = replace(
        kept,
        version=3,
        state=_State.APPROVED,
        emergency=True,
        review=EmergencyReview.OPEN,
        reviewers=("usr_o",),
    )
    await ports.keep(store.changed(approved, seen=kept))
    assert await inbox("usr_o") == []
    assert await store.awaiting("usr_o", "", 9) == [kept.access_request_id]
    assert await store.pending("", 9) == [kept.access_request_id]

    async def reviews(user_id: str | None) -> list[str]:
        page = await store.page(
            PageRequest(9, "", ("x",)), user_id=user_id, state=None, app_id="", review_open=True
        )
        return [names[each.access_request_id] for each in page.items]

    assert [await reviews(each) for each in ("usr_o", None, "usr_ben")] == [["kept"], ["kept"], []]
    closed = replace(approved, version=4, review=EmergencyReview.JUSTIFIED)
    await ports.keep(store.changed(closed, seen=approved))
    assert [await reviews(each) for each in ("usr_o", None)] == [[], []]
    assert await store.awaiting("usr_o", "", 9) == await store.pending("", 9) == []


async def test_what_has_to_be_looked_at(ports: Ports) -> None:
    """What waits for policy, for an approver or for a condition; what waits for people; and what is
    overdue, the longest first."""
    store = ports.access_requests
    evaluating = await made_wish("Ada")
    nobody = await _at_a_step("Ben", state=_State.NO_APPROVER)
    condition = await _at_a_step("Cleo", progress=Progress(13, NOW, NOW - _HOUR))
    time = await _at_a_step("Dan", progress=Progress(12, NOW, NOW))
    asked = await _at_a_step("Eve")
    denied = await _at_a_step("Fay", state=_State.DENIED)
    for each in (evaluating, nobody, condition, time, asked, denied):
        await ports.keep(store.added(each))
    looked = sorted(each.access_request_id for each in (evaluating, nobody, condition))
    assert await store.to_look_at("", 9) == looked
    assert await store.to_look_at(looked[0], 1) == looked[1:2]
    pending = sorted(each.access_request_id for each in (condition, time, asked))
    assert await store.pending("", 9) == pending
    assert await store.pending(pending[0], 1) == pending[1:2]
    assert await store.overdue(NOW, 9) == [condition.access_request_id, time.access_request_id]
    assert await store.overdue(NOW, 1) == [condition.access_request_id]
    due = await store.overdue(NOW + _HOUR, 9)
    assert due[2:] == sorted(each.access_request_id for each in (nobody, asked))


async def test_one_emergency_of_a_subject(ports: Ports) -> None:
    """While it is undecided or not reviewed a second one is refused, whatever it is for."""
    store = ports.access_requests
    first = await _at_a_step(emergency=True)
    subject = first.subject.user_id
    await ports.keep(store.added(first))
    assert await store.emergency_of(subject) == first.access_request_id
    second = await _at_a_step(emergency=True, entitlement_id=new_id("ent"))
    await ports.refuses(store.added(second))
    await ports.keep(store.added(await _at_a_step("Ben", emergency=True)))
    reviewed = first
    for version, (state, review) in enumerate(
        (
            (_State.APPROVED, EmergencyReview.OPEN),
            (_State.FULFILLED, EmergencyReview.OPEN),
            (_State.FULFILLED, EmergencyReview.NOT_JUSTIFIED),
        ),
        3,
    ):
        assert await store.emergency_of(subject) == first.access_request_id
        newer = replace(reviewed, version=version, state=state, review=review)
        await ports.keep(store.changed(newer, seen=reviewed))
        reviewed = newer
    assert await store.emergency_of(subject) == ""
    await ports.keep(store.added(second))
