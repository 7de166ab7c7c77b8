"""What happens by itself when a step takes too long, and when what it waits for is so."""

import json
from typing import Any

import grpc

from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2
from libs.domain.callers import ADMIN
from libs.domain.ids import derived_id
from tests.integration.requests_service.deciders import (
    ACCEPT,
    approve,
    asked,
    asks,
    inbox,
    kinds,
    named,
    records,
    seconds,
    told,
    uid,
)
from tests.integration.requests_service.house import House, answer_of, refused
from tests.support.eventually import eventually

_STRICT = derived_id("pol", "strict")


def _limit(**then: Any) -> policy_pb2.TimeLimit:
    return policy_pb2.TimeLimit(after=seconds(0.5), **then)


def _wait(**fields: Any) -> list[policy_pb2.Step]:
    return [policy_pb2.Step(wait=policy_pb2.Step.Wait(**fields)), ACCEPT]


async def _made(house: House, name: str, *steps: policy_pb2.Step) -> pb.AccessRequest:
    house.policy.steps = list(steps)
    return await house.person(name).create()


async def _happens(house: House, found: pb.AccessRequest, kind: str) -> pb.AccessRequest:
    """The access request, once something is on its timeline."""
    root = house.person("Root", [ADMIN])

    async def look() -> pb.AccessRequest | None:
        now = await root.get(found.access_request_id)
        assert kind in kinds(now), kinds(now)
        return now

    now = await eventually(look, timeout=15)
    assert now is not None
    return now


async def test_reminded_reassigned_escalated_denied(house: House) -> None:
    """Each as the plan says, by the service itself: on the timeline, in the audit and published,
    once; who is asked afterwards decides, and nobody else; nothing of it is an approval."""
    to_cleo = named("Cleo")
    house.policy.others[_STRICT] = [asks(named("Dora"))]
    reminded = await _made(
        house, "A", asks(named("Ben"), time_limit=_limit(remind=policy_pb2.TimeLimit.Remind()))
    )
    handed = await _made(house, "B", asks(named("Ben"), time_limit=_limit(reassign=to_cleo)))
    higher = await _made(
        house, "C", asks(named("Ben"), time_limit=_limit(escalate_to_policy_id=_STRICT))
    )
    given_up = await _made(
        house, "D", asks(named("Ben"), time_limit=_limit(deny=policy_pb2.TimeLimit.Deny()))
    )
    assert reminded.current_step.HasField("due_time")
    assert reminded.timeline[-1].step_opened.due_time == reminded.current_step.due_time
    ben, cleo, dora = (house.person(name) for name in ("Ben", "Cleo", "Dora"))

    denied = await _happens(house, given_up, "denied")
    assert denied.state == pb.ACCESS_REQUEST_STATE_DENIED
    assert denied.timeline[-1].actor.service == "requests"
    assert denied.timeline[-1].denied.message == "Nobody decided in time."
    (event,) = await told(house, events_pb2.AccessRequestDenied)
    assert event.actor.service == "requests"

    handed = await _happens(house, handed, "reassigned")
    assert (handed.state, asked(handed)) == (pb.ACCESS_REQUEST_STATE_PENDING, {uid("Cleo")})
    assert handed.current_step.origin == pb.APPROVER_ORIGIN_REASSIGNED
    (moved,) = await told(house, events_pb2.AccessRequestReassigned)
    assert (list(moved.approver_user_ids), moved.actor.service) == ([uid("Cleo")], "requests")
    assert await inbox(cleo, "Cleo") == [handed.access_request_id]
    late = await refused(approve(ben, handed))
    # From here on Cleo is reminded, which changes the etag.
    assert late.reason in ("NOT_AN_APPROVER", "ETAG_MISMATCH")

    higher = await _happens(house, higher, "escalated")
    assert (higher.plan.policy_id, asked(higher)) == (_STRICT, {uid("Dora")})
    assert not higher.current_step.HasField("due_time")
    assert kinds(higher)[3:] == ["escalated", "evaluated", "step_opened"]
    (risen,) = await told(house, events_pb2.AccessRequestEscalated)
    assert (risen.step, risen.policy_id) == (0, _STRICT)
    assert (await refused(approve(ben, higher))).code is grpc.StatusCode.PERMISSION_DENIED
    higher = await dora.get(higher.access_request_id)
    assert (await approve(dora, higher)).state == pb.ACCESS_REQUEST_STATE_APPROVED

    reminded = await _happens(house, reminded, "reminded")
    assert (reminded.state, asked(reminded)) == (pb.ACCESS_REQUEST_STATE_PENDING, {uid("Ben")})
    events = await told(house, events_pb2.ApprovalReminded)
    of_it = [it for it in events if it.access_request_id == reminded.access_request_id]
    assert all(list(it.approver_user_ids) == [uid("Ben")] for it in of_it)
    actions = [it.action for it in await records(house, reminded.access_request_id)]
    assert actions[:2] == ["access_request.created", "access_request.reminded"]
    assert set(actions[1:]) == {"access_request.reminded"}

    async def approved() -> bool:
        # It may be reminded between the two.
        answer = await answer_of(approve(ben, await ben.get(reminded.access_request_id)))
        assert isinstance(answer, pb.AccessRequest), answer
        return answer.state == pb.ACCESS_REQUEST_STATE_APPROVED

    assert await eventually(approved)


async def test_waits_for_a_time_or_until_something_is_so(house: House) -> None:
    """A wait for a time goes on by itself; one for a condition once it is true, and is denied when
    that does not come in time; nobody decides while it waits, and while policy does not answer it
    waits on."""
    short = await _made(house, "A", *_wait(duration=seconds(0.5)))
    until = await _made(house, "B", *_wait(condition="open", timeout=seconds(600)))
    in_vain = await _made(house, "C", *_wait(condition="never", timeout=seconds(0.5)))
    assert short.state == until.state == pb.ACCESS_REQUEST_STATE_PENDING
    assert (asked(short), short.current_step.needed) == (set(), 0)
    assert short.current_step.origin == pb.APPROVER_ORIGIN_UNSPECIFIED
    assert "ApprovalRequested" not in await house.event_types()
    root = house.person("Root", [ADMIN])
    refusal = await refused(approve(root, until))
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ACCESS_REQUEST_STATE",
    )

    over = await house.person("A").reaches(short.access_request_id, "APPROVED")
    assert kinds(over)[2:] == ["step_opened", "wait_over", "approved", "lease_granted"]
    assert over.timeline[3].actor.service == "requests"
    denied = await house.person("C").reaches(in_vain.access_request_id, "DENIED")
    assert denied.timeline[-1].denied.message == "What it waited for did not come in time."
    assert (await root.get(until.access_request_id)).etag == until.etag

    await house.policy.stop()
    house.policy.true.add("open")
    await house.policy.start()
    done = await house.person("B").reaches(until.access_request_id, "APPROVED")
    assert kinds(done)[3:] == ["wait_over", "approved", "lease_granted"]
    found = (await records(house, until.access_request_id))[-1]
    assert (found.action, found.actor.service) == ("access_request.approved", "requests")
    assert json.loads(found.details_json)["lease_id"] == done.lease_id
