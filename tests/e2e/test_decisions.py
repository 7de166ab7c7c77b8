"""People decide, over real processes, and the simulated Entra agrees with what they decided."""

import asyncio
from datetime import timedelta

import grpc
import pytest

from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain import ids
from libs.rpc.errors import error_info
from tests.e2e.conftest import Ready, people
from tests.support.eventually import eventually
from tools.dev import cast
from tools.dev.cast import REQUESTER, Member
from tools.dev.decisions import MANAGER_APPROVAL, Decider, Rulebook

pytestmark = pytest.mark.asyncio(loop_scope="module")
_PENDING = pb.ACCESS_REQUEST_STATE_PENDING
_FULFILLED = pb.ACCESS_REQUEST_STATE_FULFILLED
_DENIED = pb.ACCESS_REQUEST_STATE_DENIED
_APPROVERS = (
    "Tobias Renner",
    "Amara Okafor",
    "Luis Cardoso",
    "Beatrice Moreau",
    "Hannah Lindqvist",
    "Priya Raman",
    "Jonas Weber",
    "Sofia Petrenko",
    "Daniel Achterberg",
    "Mei Tanaka",
)


def _user_id(member: Member) -> str:
    return ids.user_id(cast.TENANT_ID, member.entra_object_id)


async def _is_editor(ready: Ready, member: Member) -> bool:
    holdings = await ready.entra.holds(member.entra_object_id)
    return cast.EDITORS_GROUP_ID in holdings.group_ids


async def _end(ready: Ready, member: Member, request: pb.AccessRequest) -> pb.AccessRequest:
    async for now in ready.guide(member).watch_request(request.access_request_id):
        request = now
    return request


async def test_a_manager_decides_and_only_then_entra_has_it(ready: Ready) -> None:
    """`Manager approval` as it is built in: the preview names the manager, the access request waits
    in their inbox, Entra has nothing, and after a shorter approval everything for that long."""
    await Rulebook(ready.operator).use(ready.role_entitlement_id, MANAGER_APPROVAL)
    nora = Decider(ready.client(REQUESTER))
    preview = await nora.preview(ready.role_entitlement_id)
    (step,) = preview.steps
    (manager,) = step.approvers
    request = await ready.guide(REQUESTER).ask(ready.role_entitlement_id, "I edit the brochure.")
    assert request.state == _PENDING
    assert [each.user_id for each in request.current_step.approvers] == [manager.user_id]
    assert preview.plan.policy_digest == request.plan.policy_digest
    assert preview.plan.steps == request.plan.steps
    assert not await _is_editor(ready, REQUESTER)

    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await nora.approve(request, "I need it.")
    assert error_info(refusal.value).reason == "SELF_DECISION"

    (member,) = people(manager.display_name)
    boss = Decider(ready.client(member))
    (waiting,) = await boss.inbox(_user_id(member))
    assert waiting.access_request_id == request.access_request_id
    approved = await boss.approve(waiting, "Go ahead.", timedelta(hours=2))
    done = await _end(ready, REQUESTER, approved)
    assert done.state == _FULFILLED
    assert done.requested_duration.ToTimedelta() == timedelta(hours=2)
    assert await _is_editor(ready, REQUESTER)
    assert await boss.inbox(_user_id(member)) == []


async def test_what_is_denied_never_reaches_entra(ready: Ready) -> None:
    """The requester reads why, and Entra wrote nothing down."""
    await Rulebook(ready.operator).use(ready.role_entitlement_id, MANAGER_APPROVAL)
    (member,) = people("Callum Fraser")
    request = await ready.guide(member).ask(ready.role_entitlement_id, "May I?")
    (boss_ref,) = request.current_step.approvers
    (boss_member,) = people(boss_ref.display_name)
    boss = Decider(ready.client(boss_member))
    denied = await boss.deny(await boss.get(request.access_request_id), "Not this quarter.")
    assert denied.state == _DENIED
    assert denied.timeline[-1].denied.message == "Not this quarter."
    assert await ready.entra.writes(member.entra_object_id) == []
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await boss.approve(denied, "After all.")
    assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_twenty_approve_and_twenty_deny_at_once_and_one_wins(ready: Ready) -> None:
    """All others are `ABORTED`, and Entra agrees with the state that came of it."""
    approvers = people(*_APPROVERS)
    named = policy_pb2.Approvers(
        people=policy_pb2.Approvers.People(user_ids=[_user_id(each) for each in approvers])
    )
    policy = await Rulebook(ready.operator).create(
        policy_pb2.Policy(
            display_name="Any of ten",
            baseline=[policy_pb2.Step(approval=policy_pb2.Step.Approval(approvers=named))],
        )
    )
    await Rulebook(ready.operator).use(ready.role_entitlement_id, policy.policy_id)
    deciders = [Decider(ready.client(each)) for each in approvers]
    outcomes = []
    for name in ("Oskar Nyberg", "Ruth Adeyemi", "Samuel Osei"):
        (member,) = people(name)
        request = await ready.guide(member).ask(ready.role_entitlement_id, "Decide!")
        assert request.state == _PENDING
        answers = await asyncio.gather(
            *(each.approve(request, "Yes.") for each in deciders * 2),
            *(each.deny(request, "No.") for each in deciders * 2),
            return_exceptions=True,
        )
        won = [answer for answer in answers if isinstance(answer, pb.AccessRequest)]
        lost = [a for a in answers if isinstance(a, grpc.aio.AioRpcError)]
        assert (len(won), len(lost)) == (1, 39)
        assert {error.code() for error in lost} == {grpc.StatusCode.ABORTED}
        end = await _end(ready, member, won[0])
        outcomes.append(end.state)
        assert end.state in (_FULFILLED, _DENIED)

        async def agrees(member: Member = member, end: pb.AccessRequest = end) -> bool:
            return await _is_editor(ready, member) == (end.state == _FULFILLED)

        await eventually(agrees, 5)
        if end.state == _DENIED:
            assert await ready.entra.writes(member.entra_object_id) == []
    assert len(outcomes) == 3


async def test_policies_are_asked_about_where_they_are_used(ready: Ready) -> None:
    """Over real processes the policy service asks the catalog: for whom nobody could approve, and
    whether a policy can go."""
    owners = policy_pb2.Approvers(app_owners=policy_pb2.Approvers.AppOwners())
    approval = policy_pb2.Step(approval=policy_pb2.Step.Approval(approvers=owners))
    rulebook = Rulebook(ready.operator)
    policy = await rulebook.create(policy_pb2.Policy(display_name="Owners", baseline=[approval]))
    stub = policy_pb2_grpc.PolicyServiceStub(ready.operator.channel("policy"))
    await rulebook.use(ready.role_entitlement_id, policy.policy_id)
    check = policy_pb2.CheckPolicyRequest(policy_id=policy.policy_id, coverage=True)
    (covered,) = (await ready.operator.call(stub.CheckPolicy, check)).coverage
    assert (covered.app_id, covered.access_profile_display_name) == (ready.app_id, "Everyone")
    delete = policy_pb2.DeletePolicyRequest(policy_id=policy.policy_id, etag=policy.etag)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await ready.operator.call(stub.DeletePolicy, delete)
    assert error_info(raised.value).reason == "POLICY_IN_USE"
    await rulebook.use(ready.role_entitlement_id, MANAGER_APPROVAL)
    await ready.operator.call(stub.DeletePolicy, delete)
