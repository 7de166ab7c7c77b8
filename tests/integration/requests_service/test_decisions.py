"""People approve and deny, one of them or several, with what each leaves behind."""

import json

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2
from libs.domain.callers import ADMIN
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.requests_service.deciders import (
    ACCEPT,
    MANAGER,
    OWNERS,
    approve,
    asked,
    asks,
    deny,
    kinds,
    named,
    records,
    seconds,
    told,
    uid,
)
from tests.integration.requests_service.house import House, refused
from tests.support.issuer import object_id

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_WRONG = grpc.StatusCode.FAILED_PRECONDITION


async def test_the_manager_and_then_two_owners_approve(house: House) -> None:
    """Step by step: who is asked, what each approval leaves on the access request, on its
    timeline, in the audit and among the events; the last one grants the lease, for the shortest
    duration that anybody approved, and once it is delivered it is fulfilled."""
    house.catalog.line[uid("Ada")] = [uid("Max")]
    house.catalog.owners = [uid("Olga"), uid("Otto"), uid("Ona")]
    house.catalog.people = {uid(name): name for name in ("Max", "Olga", "Otto")}
    house.policy.steps = [asks(MANAGER), asks(OWNERS, needed=2), ACCEPT]
    ada, max_, olga = house.person("Ada"), house.person("Max"), house.person("Olga")
    made = await ada.create()
    request_id = made.access_request_id
    assert made.state == pb.ACCESS_REQUEST_STATE_PENDING
    assert (asked(made), made.current_step.needed) == ({uid("Max")}, 1)
    assert made.current_step.origin == pb.APPROVER_ORIGIN_STEP
    assert kinds(made) == ["created", "evaluated", "step_opened"]
    assert not made.lease_id

    second = await approve(max_, made, reason=" she draws\n", duration=seconds(7200))
    assert (second.state, second.current_step.number) == (pb.ACCESS_REQUEST_STATE_PENDING, 1)
    assert asked(second) == {uid("Olga"), uid("Otto"), uid("Ona")}
    assert kinds(second)[3:] == ["step_approved", "step_opened"]
    entry = second.timeline[3]
    assert entry.actor.person.entra_object_id == object_id("Max")
    assert (entry.step_approved.step, entry.step_approved.reason) == (0, "she draws")
    assert entry.step_approved.duration.seconds == 7200
    assert second.requested_duration.seconds == 7200

    third = await approve(olga, second)
    assert (third.state, third.current_step.number) == (pb.ACCESS_REQUEST_STATE_PENDING, 1)
    (approval,) = third.current_step.approvals
    assert (approval.approver.user_id, approval.reason) == (uid("Olga"), "")
    assert not approval.HasField("on_behalf_of")
    assert asked(third) == {uid("Otto"), uid("Ona")}
    again = await refused(approve(olga, third))
    assert (again.code, again.reason) == (_WRONG, "ALREADY_DECIDED")
    longer = await refused(approve(house.person("Otto"), third, duration=seconds(7201)))
    assert (longer.code, longer.reason, longer.fields) == (
        _INVALID,
        "DURATION_TOO_LONG",
        ["duration"],
    )
    assert longer.facts == {"max_duration": "7200s"}

    done = await approve(house.person("Otto"), third, duration=seconds(3600))
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED
    assert not done.HasField("current_step")
    assert kinds(done)[5:] == ["step_approved", "step_approved", "approved", "lease_granted"]
    assert (done.timeline[-2].approved.by, done.timeline[-2].approved.duration.seconds) == (
        "Max, Olga, Otto",
        3600,
    )
    assert (await ada.lease(done.lease_id)).duration.seconds == 3600
    house.connector.delivered(done.lease_id)
    await house.connector.say_provisioned(done.lease_id)
    await ada.reaches(request_id, "FULFILLED")

    assert await house.event_types() == [
        *("AccessRequestCreated", "ApprovalRequested", "ApprovalGiven", "ApprovalRequested"),
        *("ApprovalGiven", "ApprovalGiven", "AccessRequestApproved", "LeaseGranted"),
        "AccessRequestFulfilled",
    ]
    given = await told(house, events_pb2.ApprovalGiven)
    assert [(it.step, it.still_needed) for it in given] == [(0, 0), (1, 1), (1, 0)]
    assert [it.actor.person.entra_object_id for it in given] == list(
        map(object_id, ("Max", "Olga", "Otto"))
    )
    (approved,) = await told(house, events_pb2.AccessRequestApproved)
    assert approved.approver_user_ids == list(map(uid, ("Max", "Olga", "Otto")))
    first, then = await told(house, events_pb2.ApprovalRequested)
    assert (first.step, set(first.approver_user_ids)) == (0, {uid("Max")})
    assert (then.step, set(then.approver_user_ids)) == (1, asked(second))
    found = await records(house, request_id)
    assert [it.action.partition(".")[2] for it in found] == [
        "created",
        "step_approved",
        "step_approved",
        "approved",
        "fulfilled",
    ]
    assert [it.actor.person.entra_object_id for it in found[:4]] == [
        object_id(name) for name in ("Ada", "Max", "Olga", "Otto")
    ]
    assert found[1].reason == "she draws"
    details = json.loads(found[3].details_json)
    assert (details["state"], details["policy_version"], details["policy_digest"]) == (
        "APPROVED",
        3,
        "abc",
    )
    assert details["lease_id"] == done.lease_id


async def test_one_denial_is_enough(house: House) -> None:
    """Of three who all must approve, one denies after one has approved: DENIED, no lease, and who
    did it and why is on the timeline, in the audit and the event; then it can be asked for anew."""
    house.policy.steps = [asks(named("Ben", "Cleo", "Dan"), all=True)]
    ada = house.person("Ada")
    made = await ada.create()
    assert made.current_step.needed == 3
    seen = await approve(house.person("Ben"), made)
    assert seen.current_step.needed == 3
    denied = await deny(house.person("Cleo"), seen, reason="not before the audit")
    assert denied.state == pb.ACCESS_REQUEST_STATE_DENIED
    assert (denied.lease_id, denied.HasField("current_step")) == ("", False)
    assert denied.timeline[-1].denied.message == "not before the audit"
    assert denied.timeline[-1].actor.person.entra_object_id == object_id("Cleo")
    (event,) = await told(house, events_pb2.AccessRequestDenied)
    assert event.actor.person.entra_object_id == object_id("Cleo")
    assert event.policy_version == 3
    record = (await records(house, made.access_request_id))[-1]
    assert (record.action, record.reason) == ("access_request.denied", "not before the audit")
    assert "LeaseGranted" not in await house.event_types()
    assert (await ada.create()).state == pb.ACCESS_REQUEST_STATE_PENDING


async def test_nothing_is_decided_after_the_end_or_from_an_old_view(house: House) -> None:
    """ABORTED for another etag than the present one, INVALID_ARGUMENT for none, and
    FAILED_PRECONDITION once it is approved, denied, cancelled, or while policy has not answered;
    nothing of it leaves a trace."""
    house.policy.steps = [asks(named("Ben", "Cleo"))]
    ada, ben = house.person("Ada"), house.person("Ben")
    made = await ada.create()
    for call in (approve, deny):
        stale = await refused(call(ben, made, etag="77"))
        assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
        none = await refused(call(ben, made, etag=""))
        assert (none.code, none.reason, none.fields) == (_INVALID, "FIELD_INVALID", ["etag"])
    approved = await approve(ben, made)
    other = await ada.create(VIEWER)
    denied = await deny(ben, other)
    third = await house.person("Dan").create()
    dan = house.person("Dan")
    request = pb.CancelAccessRequestRequest(access_request_id=third.access_request_id)
    cancelled = (await dan.call(dan.access_requests.CancelAccessRequest, request)).access_request
    house.policy.steps = []
    evaluating = await house.person("Eve").create()
    before = await house.actions()
    for found, state in ((approved, "APPROVED"), (denied, "DENIED"), (cancelled, "CANCELLED")):
        for name in ("Ben", "Cleo"):
            for call in (approve, deny):
                late = await refused(call(house.person(name), found))
                assert (late.code, late.reason) == (_WRONG, "ACCESS_REQUEST_STATE")
                assert late.facts["state"] == state
    admin = house.person("Admin", [ADMIN])
    early = await refused(approve(admin, evaluating))
    assert (early.reason, early.facts["state"]) == ("ACCESS_REQUEST_STATE", "EVALUATING")
    assert await house.actions() == before


async def test_a_step_may_want_to_know_why(house: House) -> None:
    """Where the step says so, approving or denying without a reason is refused with the field."""
    house.policy.steps = [asks(named("Ben"), reason_to_approve=True, reason_to_deny=True)]
    ben = house.person("Ben")
    made = await house.person("Ada").create()
    for call in (approve, deny):
        for reason in ("", " \n"):
            refusal = await refused(call(ben, made, reason=reason))
            assert (refusal.code, refusal.reason, refusal.fields) == (
                _INVALID,
                "FIELD_INVALID",
                ["reason"],
            )
    assert await ben.get(made.access_request_id) == made
    assert (await approve(ben, made, reason="ok")).state == pb.ACCESS_REQUEST_STATE_APPROVED
    made = await house.person("Ada").create(VIEWER)
    assert (await deny(ben, made, reason="no")).state == pb.ACCESS_REQUEST_STATE_DENIED


async def test_a_repeated_key_gets_the_first_answer(house: House) -> None:
    """Approving and denying with a key again changes nothing and answers the same, also later; the
    key is of one body; a refusal is not kept, since the caller may be right the next time."""
    house.policy.steps = [asks(named("Ben", "Cleo"), needed=2)]
    ada, ben, cleo = (house.person(name) for name in ("Ada", "Ben", "Cleo"))
    made = await ada.create(EDITOR)
    first = await approve(ben, made, idempotency_key="k")
    done = await approve(cleo, first, idempotency_key="k")
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED
    assert await approve(ben, made, idempotency_key="k") == first
    assert await approve(cleo, first, idempotency_key="k") == done
    reused = await refused(approve(ben, made, idempotency_key="k", reason="other"))
    assert (reused.code, reused.reason) == (_INVALID, "IDEMPOTENCY_KEY_REUSED")

    other = await ada.create(VIEWER)
    denied = await deny(ben, other, idempotency_key="d")
    assert await deny(ben, other, idempotency_key="d") == denied
    assert await house.actions(other.access_request_id) == [
        "access_request.created",
        "access_request.denied",
    ]
    house.policy.steps = [asks(named("Cleo"))]
    third = await house.person("Dan").create(EDITOR)
    house.catalog.disabled.add(uid("Cleo"))
    refusal = await refused(approve(cleo, third, idempotency_key="again"))
    assert refusal.reason == "NOT_AN_APPROVER"
    house.catalog.disabled.clear()
    third = await house.person("Dan").reaches(third.access_request_id, "PENDING")
    found = await approve(cleo, third, idempotency_key="again")
    assert found.state == pb.ACCESS_REQUEST_STATE_APPROVED


async def test_who_lost_what_made_them_an_approver_decides_no_more(house: House) -> None:
    """Disabled, or no longer an owner, before deciding: refused, recorded, and the step is resolved
    anew at that moment; and nobody decides while the catalog does not answer who may."""
    house.catalog.owners = [uid("Olga"), uid("Otto")]
    house.policy.steps = [asks(OWNERS)]
    olga, otto = house.person("Olga"), house.person("Otto")
    made = await house.person("Ada").create()
    house.catalog.disabled.add(uid("Olga"))
    for call in (approve, deny):
        refusal = await refused(call(olga, made))
        if refusal.reason == "ETAG_MISMATCH":
            # A round of the loop has asked anew just before.
            refusal = await refused(call(olga, await otto.get(made.access_request_id)))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "NOT_AN_APPROVER",
        )
        made = await otto.get(made.access_request_id)
        assert asked(made) == {uid("Otto")}
    actions = await house.actions(made.access_request_id)
    assert [each for each in actions if each != "access_request.pending"] == [
        "access_request.created",
        "access_request.decision_refused",
        "access_request.decision_refused",
    ]
    house.catalog.disabled.clear()
    house.catalog.owners = [uid("Ona")]
    assert (await refused(approve(otto, made))).reason == "NOT_AN_APPROVER"
    ona = house.person("Ona")
    made = await ona.get(made.access_request_id)
    assert asked(made) == {uid("Ona")}
    await house.catalog.stop()
    away = await refused(approve(ona, made))
    assert (away.code, away.reason) == (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
    assert await ona.get(made.access_request_id) == made
    await house.catalog.start()


async def test_earlier_deciders_may_not_decide_a_distinct_step(house: House) -> None:
    """Distinct people across steps: who approved the first is not among those of the second."""
    house.policy.steps = [asks(named("Ben", "Cleo")), asks(named("Ben", "Cleo"), distinct=True)]
    ben = house.person("Ben")
    made = await approve(ben, await house.person("Ada").create())
    assert asked(made) == {uid("Cleo")}
    refusal = await refused(approve(ben, made))
    assert refusal.reason == "NOT_AN_APPROVER"
    made = await house.person("Cleo").get(made.access_request_id)
    done = await approve(house.person("Cleo"), made)
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED
