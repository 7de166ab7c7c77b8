"""Nobody decides for themselves, in whatever disguise."""

import json

import grpc
import pytest

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import ADMIN
from tests.integration.requests_service.deciders import (
    GROUP,
    MANAGER,
    MEMBERS,
    OWNERS,
    approve,
    asked,
    asks,
    delegate,
    deny,
    named,
    reassign,
    records,
    uid,
)
from tests.integration.requests_service.house import House, Person, Refusal, refused

pytestmark = pytest.mark.either_database

_DENIED = grpc.StatusCode.PERMISSION_DENIED


async def _tries(house: House, who: Person, made: pb.AccessRequest, role: str) -> None:
    """Approves, denies and hands on, alone and among several: refused each time with who they are,
    with an audit record each time, and nothing else changes."""
    request_id = made.access_request_id
    admin = house.person("Admin", [ADMIN])
    before, events = await admin.get(request_id), len(await house.events())
    earlier = len(await _refusals(house, request_id))
    for number, call in enumerate((approve, deny, reassign)):
        refusal = await refused(
            call(who, made) if call is not reassign else reassign(who, made, "Ben")
        )
        _is_self_decision(refusal, made, role)
        assert len(await _refusals(house, request_id)) == earlier + number + 1
    item = pb.BatchDecideAccessRequestsRequest.Item(
        approve=pb.ApproveAccessRequestRequest(access_request_id=request_id, etag=made.etag)
    )
    batch = pb.BatchDecideAccessRequestsRequest(items=[item])
    answer = await who.call(who.access_requests.BatchDecideAccessRequests, batch)
    assert answer.results[0].failure.reason == "SELF_DECISION"
    # An old view of what is their own does not hide that they tried.
    own = "delegate" not in role
    refusal = await refused(approve(who, made, etag="77"))
    assert refusal.reason == ("SELF_DECISION" if own else "ETAG_MISMATCH")

    found = (await _refusals(house, request_id))[earlier:]
    assert [json.loads(it)["verb"] for it in found] == [
        *("approved", "denied", "reassigned", "approved"),
        *(["approved"] if own else []),
    ]
    assert {json.loads(it)["role"] for it in found} == {role}
    assert await admin.get(request_id) == before
    assert len(await house.events()) == events
    assert not (await admin.get(request_id)).lease_id


def _is_self_decision(refusal: Refusal, made: pb.AccessRequest, role: str) -> None:
    assert (refusal.code, refusal.reason) == (_DENIED, "SELF_DECISION")
    assert refusal.facts == {"access_request_id": made.access_request_id, "role": role}
    assert f"you are {role}" in refusal.message


async def _refusals(house: House, request_id: str) -> list[str]:
    return [
        it.details_json
        for it in await records(house, request_id)
        if it.action == "access_request.self_decision_refused"
    ]


async def test_whatever_makes_the_requester_an_approver(house: House) -> None:
    """Named, an owner, in the group, their own manager, an administrator: they are not among those
    who may decide, and who tries is refused and recorded."""
    house.catalog.owners = [uid("Ada"), uid("Ben")]
    house.catalog.groups[GROUP] = [uid("Ada"), uid("Ben")]
    house.catalog.line[uid("Ada")] = [uid("Ada")]
    ada = house.person("Ada", [ADMIN])
    for approvers in (named("Ada", "Ben"), OWNERS, MEMBERS):
        house.policy.steps = [asks(approvers)]
        made = await ada.create()
        assert asked(made) == {uid("Ben")}
        await _tries(house, ada, made, "the requester")
        await deny(house.person("Ben"), made)
    house.policy.steps = [asks(MANAGER, fallback=named("Ben"))]
    made = await ada.create()
    assert asked(made) == {uid("Ben")}
    assert made.current_step.origin == pb.APPROVER_ORIGIN_FALLBACK
    await _tries(house, ada, made, "the requester")


async def test_whoever_asks_for_somebody_else_and_whoever_it_is_for(house: House) -> None:
    """The manager who asks for a report, and the report: neither decides, though one is the manager
    whom the policy names and the other an owner; it is for the manager's own manager to say."""
    house.catalog.line[uid("Ada")] = [uid("Max"), uid("Mia")]
    house.catalog.owners = [uid("Ada"), uid("Max"), uid("Mia")]
    ada, max_ = house.person("Ada"), house.person("Max")
    house.policy.steps = [asks(OWNERS)]
    made = await max_.create(subject_user_id=uid("Ada"))
    assert asked(made) == {uid("Mia")}
    await _tries(house, max_, made, "the requester")
    await _tries(house, ada, made, "the subject")
    made = await house.person("Mia").get(made.access_request_id)
    done = await approve(house.person("Mia"), made)
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED


async def test_in_anothers_place_and_through_another(house: House) -> None:
    """The requester as an approver's delegate, and the delegate of the requester or of the subject:
    all refused and recorded; a delegate who is an approver themselves decides as that."""
    house.policy.steps = [asks(named("Ben", "Cleo"))]
    house.catalog.line[uid("Sue")] = [uid("Ada")]
    await delegate(house, "Ben", "Ada")
    await delegate(house, "Ada", "Dora")
    await delegate(house, "Sue", "Sid")
    ada = house.person("Ada")
    made = await ada.create(subject_user_id=uid("Sue"))
    assert asked(made) == {uid("Ben"), uid("Cleo")}
    await _tries(house, ada, made, "the requester")
    await _tries(house, house.person("Dora"), made, "the delegate of the requester")
    await _tries(house, house.person("Sid"), made, "the delegate of the subject")
    cleo = house.person("Cleo")
    await delegate(house, "Cleo", "Dora")
    made = await cleo.get(made.access_request_id)
    done = await approve(house.person("Dora"), made)
    assert done.state == pb.ACCESS_REQUEST_STATE_APPROVED
    given = next(e for e in done.timeline if e.HasField("step_approved"))
    assert given.step_approved.on_behalf_of.user_id == uid("Cleo")


async def test_nobody_but_oneself_is_nobody(house: House) -> None:
    """Where a policy names only the requester, nobody can decide: NO_APPROVER with the reason; who
    tries all the same is told that it is their own, and nobody can hand it to them."""
    house.policy.steps = [asks(named("Ada"))]
    ada = house.person("Ada")
    made = await ada.create()
    assert made.state == pb.ACCESS_REQUEST_STATE_NO_APPROVER
    assert "the requester may not decide" in made.current_step.problem
    _is_self_decision(await refused(approve(ada, made)), made, "the requester")
    admin = house.person("Admin", [ADMIN])
    to_ada = await refused(reassign(admin, made, "Ada"))
    assert (to_ada.code, to_ada.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ASSIGNEE_NOT_ELIGIBLE",
    )
    assert to_ada.facts == {"user_id": uid("Ada"), "why": "they are the requester"}
