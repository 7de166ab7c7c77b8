"""Handing a step to others, beginning anew, and saying something."""

import grpc
import pytest

from latchkey.catalog.v1 import events_pb2 as catalog_events_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2
from libs.domain.callers import ADMIN, AUDITOR
from tests.fakes.requests_peers import VIEWER
from tests.integration.requests_service.deciders import (
    ACCEPT,
    MANAGER,
    approve,
    asked,
    asks,
    comment,
    deny,
    inbox,
    kinds,
    named,
    reassign,
    records,
    restart,
    seconds,
    told,
    uid,
)
from tests.integration.requests_service.house import House, refused
from tests.support.issuer import object_id

pytestmark = pytest.mark.either_database

_DENIED, _WRONG = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION
_STALE = (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")


async def test_an_approver_hands_it_on(house: House) -> None:
    """To people who can decide it, with a reason: these decide, and who handed it on does not any
    more; on the timeline, in the audit, and told; what was approved before still counts, and a
    repeated key changes nothing."""
    house.policy.steps = [asks(named("Ben", "Cleo"), needed=2)]
    ben, cleo, dora = (house.person(name) for name in ("Ben", "Cleo", "Dora"))
    made = await approve(cleo, await house.person("Ada").create())
    stale = await refused(reassign(ben, made, "Dora", etag="77"))
    assert (stale.code, stale.reason) == _STALE
    handed = await reassign(ben, made, "Dora", "Dora", "Eve", idempotency_key="k")
    assert (handed.state, asked(handed)) == (
        pb.ACCESS_REQUEST_STATE_PENDING,
        {uid("Dora"), uid("Eve")},
    )
    assert handed.current_step.origin == pb.APPROVER_ORIGIN_REASSIGNED
    assert (handed.current_step.needed, len(handed.current_step.approvals)) == (2, 1)
    assert kinds(handed)[-2:] == ["reassigned", "step_opened"]
    entry = handed.timeline[-2]
    assert (entry.actor.person.entra_object_id, entry.reassigned.reason) == (
        object_id("Ben"),
        "they know it",
    )
    repeated = await reassign(ben, made, "Dora", "Dora", "Eve", idempotency_key="k")
    assert repeated == handed
    (event,) = await told(house, events_pb2.AccessRequestReassigned)
    assert set(event.approver_user_ids) == asked(handed)
    assert event.actor.person.entra_object_id == object_id("Ben")
    record = (await records(house, made.access_request_id))[-1]
    assert (record.action, record.reason) == ("access_request.reassigned", "they know it")
    assert await inbox(ben, "Ben") == []
    assert (await refused(approve(ben, handed))).reason == "NOT_AN_APPROVER"
    handed = await dora.get(made.access_request_id)
    done = await approve(dora, handed)
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED
    late = await refused(reassign(dora, done, "Eve"))
    assert (late.code, late.reason) == (_WRONG, "ACCESS_REQUEST_STATE")


async def test_who_may_not_hand_it_on_and_to_whom(house: House) -> None:
    """Strangers learn nothing, an auditor only looks, and where the policy forbids it only an
    administrator may; not to who is unknown, disabled, whose own it is, or has decided, nor to
    fewer than must approve; a deactivated one it was handed to leaves nobody."""
    house.policy.steps = [asks(named("Ben", "Cleo"), needed=2, no_reassignment=True)]
    ben, root = house.person("Ben"), house.person("Root", [ADMIN])
    made = await approve(ben, await house.person("Ada").create())
    for name, roles, reason in (
        ("Mallory", [], "ACCESS_REQUEST_NOT_FOUND"),
        ("Cleo", [], "REASSIGNMENT_NOT_ALLOWED"),
        ("Aud", [AUDITOR], "REASSIGNMENT_NOT_ALLOWED"),
    ):
        refusal = await refused(reassign(house.person(name, roles), made, "Dora"))
        assert refusal.reason == reason
    house.catalog.disabled.add(uid("Dis"))
    house.catalog.strangers.add(uid("Nobody"))
    for name, why in (
        ("Dis", "they are not an enabled person of the subject's directory"),
        ("Nobody", "they are not an enabled person of the subject's directory"),
        ("Ada", "they are the requester"),
        ("Ben", "they have decided already"),
    ):
        refusal = await refused(reassign(root, made, "Dora", name))
        assert (refusal.code, refusal.reason) == (_WRONG, "ASSIGNEE_NOT_ELIGIBLE")
        assert refusal.facts == {"user_id": uid(name), "why": why}
    house.policy.steps = [asks(named("Ben", "Cleo"), needed=2)]
    second = await house.person("Ada").create(VIEWER)
    few = await refused(reassign(ben, second, "Dora"))
    assert (few.reason, "2 must approve, and 1 can" in few.facts["why"]) == (
        "ASSIGNEE_NOT_ELIGIBLE",
        True,
    )
    handed = await reassign(root, made, "Dora")
    assert asked(handed) == {uid("Dora")}
    house.catalog.disabled.add(uid("Dora"))
    await house.connector.publish(
        catalog_events_pb2.UserDeactivated(user_id=uid("Dora")), uid("Dora")
    )
    lost = await root.reaches(made.access_request_id, "NO_APPROVER")
    handed = await reassign(root, lost, "Eve")
    assert (handed.state, asked(handed)) == (pb.ACCESS_REQUEST_STATE_PENDING, {uid("Eve")})
    assert (await approve(house.person("Eve"), handed)).state == pb.ACCESS_REQUEST_STATE_APPROVED


async def test_the_policy_as_it_is_now_decides_from_the_beginning(house: House) -> None:
    """Restarted by its requester or an administrator, from any state that is not decided: what was
    approved stays on the timeline and counts no more, nor does what it was shortened to; who was
    asked is so no longer; others than these two are refused, and so is what is decided."""
    house.policy.steps = [asks(named("Ben")), asks(named("Cleo"))]
    ada, ben, cleo = (house.person(name) for name in ("Ada", "Ben", "Cleo"))
    made = await ada.create()
    seen = await approve(ben, made, duration=seconds(3600))
    for who in (ben, cleo):
        refusal = await refused(restart(who, seen))
        assert (refusal.code, refusal.reason) == (_DENIED, "CALLER_NOT_ALLOWED")
    assert (await refused(restart(house.person("Mallory"), seen))).reason == (
        "ACCESS_REQUEST_NOT_FOUND"
    )
    stale = await refused(restart(ada, seen, etag=made.etag))
    assert (stale.code, stale.reason) == _STALE
    house.policy.steps = [asks(named("Ben", "Dora"), needed=2)]
    anew = await restart(ada, seen, etag=seen.etag, idempotency_key="k")
    assert await restart(ada, seen, etag=seen.etag, idempotency_key="k") == anew
    assert (anew.state, anew.current_step.number) == (pb.ACCESS_REQUEST_STATE_PENDING, 0)
    assert (asked(anew), len(anew.current_step.approvals)) == ({uid("Ben"), uid("Dora")}, 0)
    assert anew.requested_duration.seconds == 8 * 3600
    assert kinds(anew)[3:] == [
        *("step_approved", "step_opened", "restarted", "evaluated", "step_opened")
    ]
    assert anew.timeline[5].restarted.reason == "the policy changed"
    (event,) = await told(house, events_pb2.AccessRequestRestarted)
    assert event.actor.person.entra_object_id == object_id("Ada")
    record = (await records(house, made.access_request_id))[-1]
    assert (record.action, record.reason) == ("access_request.restarted", "the policy changed")
    assert await inbox(cleo, "Cleo") == []
    assert (await refused(approve(cleo, anew))).reason == "NOT_AN_APPROVER"

    root = house.person("Root", [ADMIN])
    house.policy.steps = [asks(MANAGER)]
    anew = await restart(root, await root.get(made.access_request_id))
    assert anew.state == pb.ACCESS_REQUEST_STATE_NO_APPROVER
    house.policy.steps = []
    anew = await restart(ada, anew)
    assert anew.state == pb.ACCESS_REQUEST_STATE_EVALUATING
    house.policy.steps = [ACCEPT]
    done = await restart(ada, anew)
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED
    late = await refused(restart(ada, done))
    assert (late.code, late.reason) == (_WRONG, "ACCESS_REQUEST_STATE")


async def test_those_who_take_part_say_something(house: House) -> None:
    """Requester, approver and administrator, in any state; each is told and recorded; an auditor
    only looks, and a stranger can't tell that there is something."""
    house.policy.steps = [asks(named("Ben"))]
    ada, ben = house.person("Ada"), house.person("Ben")
    made = await ada.create()
    first = await comment(ada, made, idempotency_key="k")
    assert first.timeline[-1].commented.comment == "why so long?"
    assert await comment(ada, made, idempotency_key="k") == first
    second = await comment(ben, made, comment=" I look at it ")
    assert second.timeline[-1].commented.comment == "I look at it"
    assert second.state == pb.ACCESS_REQUEST_STATE_PENDING
    denied = await deny(ben, second)
    await comment(house.person("Root", [ADMIN]), denied)
    for name, roles, reason in (
        ("Aud", [AUDITOR], "CALLER_NOT_ALLOWED"),
        ("Mallory", [], "ACCESS_REQUEST_NOT_FOUND"),
    ):
        assert (await refused(comment(house.person(name, roles), made))).reason == reason
    events = await told(house, events_pb2.AccessRequestCommented)
    assert [it.actor.person.display_name for it in events] == ["Ada", "Ben", "Root"]
    assert await house.actions(made.access_request_id) == [
        "access_request.created",
        *["access_request.commented"] * 2,
        "access_request.denied",
        "access_request.commented",
    ]
