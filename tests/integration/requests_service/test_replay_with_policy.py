"""What replaying says comes true: the requests service beside the policy service itself."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import replay_pb2, replay_pb2_grpc
from libs.domain import ids
from libs.domain.callers import ADMIN, POLICY_ADMIN
from libs.rpc.well_known import timestamp
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.policy.house import PolicyHouse, accept, reject
from tests.integration.requests_service.house import House, refused
from tests.support.issuer import TENANT, object_id


def _approval(kind: str) -> policy_pb2.Step:
    made = policy_pb2.Approvers
    approvers = {
        "manager": made(manager=made.Manager(level=1)),
        "app owners": made(app_owners=made.AppOwners()),
    }
    return policy_pb2.Step(approval=policy_pb2.Step.Approval(approvers=approvers[kind], needed=1))


def _id(name: str) -> str:
    return ids.user_id(TENANT, object_id(name))


def _rule(name: str, condition: str, *steps: policy_pb2.Step) -> policy_pb2.Rule:
    return policy_pb2.Rule(display_name=name, condition=condition, steps=steps)


class Both:
    """Both services, and what the test does with them."""

    def __init__(self, policy: PolicyHouse, house: House) -> None:
        self.policy = policy
        self.house = house
        self.paula = house.person("Paula", [POLICY_ADMIN])
        self._replay = replay_pb2_grpc.ReplayServiceStub(house.channel(house.port))

    async def ask(self, name: str, entitlement_id: str, hours: int) -> pb.AccessRequest:
        """Somebody with a manager asks for something."""
        self.house.catalog.line[_id(name)] = [_id("Mia")]
        length = Duration(seconds=hours * 3600)
        return await self.house.person(name).create(entitlement_id, requested_duration=length)

    async def replay(self, changed: policy_pb2.Policy) -> replay_pb2.ReplayPolicyResponse:
        """What the policy would have said of everything."""
        request = replay_pb2.ReplayPolicyRequest(
            policy_id=self.house.catalog.policy_id,
            policy=changed,
            start_time=timestamp(datetime.now(UTC) - timedelta(hours=1)),
        )
        answer: replay_pb2.ReplayPolicyResponse
        answer = await self.paula.call(self._replay.ReplayPolicy, request)
        return answer

    async def save(self, saved: policy_pb2.Policy, changed: policy_pb2.Policy) -> None:
        """Makes the policy what it was replayed as."""
        request = policy_pb2.UpdatePolicyRequest(etag=saved.etag, policy=changed)
        request.policy.policy_id = saved.policy_id
        request.update_mask.paths[:] = ["rules", "baseline"]
        await self.policy.policies.UpdatePolicy(
            request, metadata=self.policy.as_person(POLICY_ADMIN)
        )


@pytest.fixture
async def both(database_url: str, nats_url: str, tmp_path: Path) -> AsyncIterator[Both]:
    """Policy on a database of its own, and requests, which asks it."""
    async with AsyncExitStack() as parts:
        url = f"sqlite:///{tmp_path / 'policy.db'}"
        policy = await parts.enter_async_context(PolicyHouse.open(url, nats_url, tmp_path))
        house = House(policy.issuer, database_url, nats_url, policy_address=policy.address)
        yield Both(policy, await parts.enter_async_context(house))


async def test_what_replay_says_comes_true(both: Both) -> None:
    """A policy is changed. Whatever replaying says would have come out differently does when it
    is asked for again or restarted with the policy saved, and the rest comes out as before."""
    house = both.house
    house.catalog.owners = [_id("Olga")]
    saved = await both.policy.create(
        policy_pb2.Policy(
            display_name="Tools",
            rules=[_rule("Half a day", 'duration <= duration("4h")', accept("Go ahead."))],
            baseline=[_approval("manager")],
        )
    )
    house.catalog.policy_id = saved.policy_id
    wishes = [(EDITOR, 1), (EDITOR, 3), (EDITOR, 8), (VIEWER, 1), (VIEWER, 3), (VIEWER, 8)]
    made = [await both.ask(f"P{n}", *wish) for n, wish in enumerate(wishes)]
    assert [each.state == pb.ACCESS_REQUEST_STATE_APPROVED for each in made] == [
        hours <= 4 for _, hours in wishes
    ]

    changed = policy_pb2.Policy(
        rules=[
            _rule("An hour", 'duration <= duration("1h")', accept()),
            _rule("Viewers", 'entitlement.display_name == "Viewer"', _approval("manager")),
            # The directory does not give anybody's job title.
            _rule("Chiefs", 'duration > duration("4h") && subject.job_title == "Chief"', accept()),
        ],
        baseline=[_approval("app owners"), _approval("manager"), accept()],
    )
    answer = await both.replay(changed)
    assert answer.replayed_count == len(made)
    said = {each.access_request_id: each for each in answer.differences}
    summaries = [said[each.access_request_id].summary for each in made if _is_in(each, said)]
    assert summaries[0] == (
        "was approved at once; would need the app's owners, then the subject's manager"
    )
    assert summaries[1].startswith("needed the subject's manager; would fail: ")
    assert "Chiefs" in summaries[1]
    assert summaries[2] == "was approved at once; would need the subject's manager"
    assert [_is_in(each, said) for each in made] == [False, True, True, False, True, False]

    await both.save(saved, changed)
    admin = house.person("Admin", [ADMIN])
    for number, (before, wish) in enumerate(zip(made, wishes, strict=True)):
        assert (await admin.get(before.access_request_id)).plan == before.plan
        again = await both.ask(f"Q{number}", *wish)
        outcomes = [again]
        if before.state == pb.ACCESS_REQUEST_STATE_PENDING:
            restart = pb.RestartAccessRequestRequest(
                access_request_id=before.access_request_id, reason="a new policy"
            )
            restarted = await admin.call(admin.access_requests.RestartAccessRequest, restart)
            outcomes.append(restarted.access_request)
        difference = said.get(before.access_request_id)
        for found in outcomes:
            if difference is None:
                assert _kinds(found) == _kinds(before)
                assert found.state == before.state
            elif difference.HasField("after"):
                assert list(found.plan.steps) == list(difference.after.steps)
                assert found.plan.rule == difference.after.rule
                assert found.state == pb.ACCESS_REQUEST_STATE_PENDING
            else:
                assert found.state == pb.ACCESS_REQUEST_STATE_EVALUATING
                assert not found.HasField("plan")
    # Of what policy could not decide there is nothing to compare; what was approved stays so.
    answer = await both.replay(changed)
    assert answer.replayed_count == 2 * len(made) - 2
    still = [each.access_request_id for each in answer.differences]
    assert still == [made[number].access_request_id for number in (4, 1)]


async def test_a_policy_that_could_not_be_saved_is_refused(both: Both) -> None:
    """With the same words for the same fields; one that has no name yet is taken."""
    saved = await both.policy.create(
        policy_pb2.Policy(display_name="Tools", baseline=[reject("No.")])
    )
    both.house.catalog.policy_id = saved.policy_id
    await both.ask("Ada", EDITOR, 1)
    itself = _approval("manager")
    itself.approval.time_limit.after.seconds = 3600
    itself.approval.time_limit.escalate_to_policy_id = saved.policy_id
    wrong = [
        (
            policy_pb2.Policy(rules=[_rule("R", "nobody.x", accept())], baseline=[accept()]),
            "policy.rules[0].condition",
        ),
        (policy_pb2.Policy(), "policy.baseline"),
        (
            policy_pb2.Policy(baseline=[itself]),
            "policy.baseline[0].approval.time_limit.escalate_to_policy_id",
        ),
    ]
    for policy, field in wrong:
        refusal = await refused(both.replay(policy))
        assert (refusal.code, refusal.reason) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "DRAFT_INVALID",
        )
        assert refusal.fields == [field]
    answer = await both.replay(policy_pb2.Policy(baseline=[accept()]))
    assert [each.summary for each in answer.differences] == [
        "was denied: No.; would be approved at once"
    ]
    assert answer.differences[0].after.policy_display_name == "draft"


def _is_in(
    found: pb.AccessRequest, said: dict[str, replay_pb2.ReplayPolicyResponse.Difference]
) -> bool:
    return found.access_request_id in said


def _kinds(found: pb.AccessRequest) -> list[str | None]:
    return [step.WhichOneof("kind") for step in found.plan.steps]
