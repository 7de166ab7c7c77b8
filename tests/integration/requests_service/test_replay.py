"""ReplayService over the wire, on both databases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.policy.v1 import policy_pb2
from latchkey.requests.v1 import access_request_pb2
from latchkey.requests.v1 import replay_pb2 as pb
from latchkey.requests.v1 import replay_pb2_grpc as pb_grpc
from libs.domain import ids
from libs.domain.callers import ADMIN, AUDITOR, HELPDESK, POLICY_ADMIN
from libs.domain.errors import Invalid, NotAllowed, Violation
from libs.rpc.well_known import timestamp
from tests.integration.requests_service.house import House, Person, refused
from tests.support.issuer import TENANT, object_id

pytestmark = pytest.mark.either_database

_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_ACCEPT = policy_pb2.Step(accept=policy_pb2.Step.Accept())
_MANAGER = policy_pb2.Step(
    approval=policy_pb2.Step.Approval(
        approvers=policy_pb2.Approvers(manager=policy_pb2.Approvers.Manager(level=1)), needed=1
    )
)


def _id(name: str) -> str:
    return ids.user_id(TENANT, object_id(name))


def _rule(subject: str, *steps: policy_pb2.Step) -> policy_pb2.Rule:
    """What the fake policy takes for a rule about somebody."""
    return policy_pb2.Rule(display_name=subject, condition=_id(subject), steps=steps)


class Replaying:
    """Somebody who calls ReplayService."""

    def __init__(self, house: House, who: Person) -> None:
        self._stub = pb_grpc.ReplayServiceStub(house.channel(house.port))
        self._who = who
        self._policy_id = house.catalog.policy_id

    async def __call__(self, **fields: Any) -> pb.ReplayPolicyResponse:
        """A page about the last hour."""
        given: dict[str, Any] = {
            "policy_id": self._policy_id,
            "policy": policy_pb2.Policy(baseline=[_ACCEPT]),
            "start_time": timestamp(datetime.now(UTC) - timedelta(hours=1)),
        } | fields
        request = pb.ReplayPolicyRequest(
            **{name: value for name, value in given.items() if value is not None}
        )
        answer: pb.ReplayPolicyResponse = await self._who.call(self._stub.ReplayPolicy, request)
        return answer


def _replaying(house: House, role: str = POLICY_ADMIN) -> Replaying:
    return Replaying(house, house.person("Paula", [role]))


async def test_what_would_come_out_differently(house: House) -> None:
    """Each with both plans and the difference in words; policy is told what it was told then, and
    of which policy it is; nothing is written, and page after page goes through each once."""
    names = [f"P{number}" for number in range(7)]
    made = [await house.person(name).create() for name in names]
    # It stays undecided until the end: looking at it again writes nothing.
    house.policy.steps = [policy_pb2.Step()]
    await house.person("Undecided").create()
    told = [each.facts for each in house.policy.asked[:7]]
    before = await house.actions(), await house.event_types()
    rules = [_rule("P1", _MANAGER), _rule("P2"), _rule("P6", _ACCEPT, _ACCEPT)]
    draft = policy_pb2.Policy(display_name="Stricter", rules=rules, baseline=[_ACCEPT])

    start = timestamp(datetime.now(UTC) - timedelta(hours=1))
    found: list[pb.ReplayPolicyResponse.Difference] = []
    counts, token = [], ""
    while True:
        page = await _replaying(house)(
            policy=draft, start_time=start, page_size=3, page_token=token
        )
        found += page.differences
        counts.append(page.replayed_count)
        if not (token := page.next_page_token):
            break
    assert counts == [3, 3, 1]
    asked_about = [each for request in house.policy.drafts for each in request.facts]
    assert asked_about == told[::-1]
    for request in house.policy.drafts:
        assert request.policy.policy_id == house.catalog.policy_id
        assert request.policy.rules == draft.rules
    assert [each.access_request_id for each in found] == [
        made[number].access_request_id for number in (6, 2, 1)
    ]
    two_acceptances, unknown, manager = found
    assert two_acceptances.summary.startswith("was approved at once; would be approved, then")
    assert unknown.summary == "was approved at once; would fail: that is not known"
    assert not unknown.HasField("after")
    assert manager.summary == "was approved at once; would need the subject's manager"
    assert manager.before == made[1].plan
    assert (manager.after.policy_display_name, manager.after.rule) == ("Stricter", "P1")
    assert list(manager.after.steps) == [_MANAGER]
    assert manager.entitlement_id == made[1].entitlement_id
    assert manager.entitlement_display_name == "Editor"
    assert manager.subject == made[1].subject
    assert manager.state == access_request_pb2.ACCESS_REQUEST_STATE_APPROVED
    assert (await house.actions(), await house.event_types()) == before

    # The period begins with its first moment, and ends before its last.
    between = await _replaying(house, AUDITOR)(
        start_time=made[1].create_time, end_time=made[3].create_time
    )
    assert between.replayed_count == 2
    everything = await _replaying(house, ADMIN)(policy_id="pol_another")
    assert everything == pb.ReplayPolicyResponse()


async def test_long_answers_are_taken_in_parts(house: House) -> None:
    """Of policy's and of our own: what does not fit into a message comes in several."""
    made = [await house.person(f"P{number}").create() for number in range(16)]
    house.policy.explanation = ["rule 'x': false" * 20] * 1000  # 300 kB each
    draft = policy_pb2.Policy(baseline=[_MANAGER])
    start = timestamp(datetime.now(UTC) - timedelta(hours=1))
    found, pages, token = [], 0, ""
    while True:
        page = await _replaying(house)(policy=draft, start_time=start, page_token=token)
        assert page.ByteSize() < 4 << 20
        found += [each.access_request_id for each in page.differences]
        pages += 1
        if not (token := page.next_page_token):
            break
    assert found == [each.access_request_id for each in made[::-1]]
    assert pages == 3
    assert [len(request.facts) for request in house.policy.drafts][:3] == [16, 8, 8]


async def test_who_may_and_what_is_refused(house: House) -> None:
    """People without a role to see it may not, services neither; bad input names its fields; what
    policy refuses of the draft is passed on; while policy is away the caller is told so."""
    await house.person("Ada").create()
    for other in (
        house.person("Ada"),
        house.person("Hans", [HELPDESK]),
        house.as_service("connector"),
    ):
        refusal = await refused(Replaying(house, other)())
        assert refusal.reason == "CALLER_NOT_ALLOWED"

    replay = _replaying(house)
    now = datetime.now(UTC)
    nonsense = Timestamp(seconds=1 << 60)
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"policy_id": ""}, ["policy_id"]),
        ({"policy_id": "app_1", "policy": None}, ["policy_id", "policy"]),
        ({"start_time": None}, ["start_time"]),
        ({"start_time": nonsense}, ["start_time"]),
        ({"start_time": timestamp(now + timedelta(hours=1))}, ["start_time"]),
        ({"end_time": nonsense}, ["end_time"]),
        ({"start_time": timestamp(now), "end_time": timestamp(now)}, ["end_time"]),
        ({"page_size": -1}, ["page_size"]),
        ({"page_size": 501, "page_token": "x" * 2001}, ["page_size", "page_token"]),
    ]
    for fields, paths in wrong:
        refusal = await refused(replay(**fields))
        assert (refusal.code, refusal.reason, refusal.fields) == (
            _INVALID,
            "FIELD_INVALID",
            paths,
        ), fields
    assert (await refused(replay(page_token="x"))).reason == "PAGE_TOKEN_INVALID"
    assert not house.policy.drafts

    path = "policy.rules[0].condition"
    house.policy.refusal = Invalid(
        [Violation(path, "line 1, column 1: unknown"), Violation("facts[0].now", "is required")],
        reason="EXPRESSION_INVALID",
    )
    refusal = await refused(replay())
    assert (refusal.code, refusal.reason, refusal.fields) == (_INVALID, "DRAFT_INVALID", [path])
    for other_refusal in (
        Invalid([Violation("facts[0].held", "has too many")]),
        NotAllowed("CALLER_NOT_ALLOWED", "No."),
    ):
        house.policy.refusal = other_refusal
        refusal = await refused(replay())
        assert refusal.code is grpc.StatusCode.UNAVAILABLE
    await house.policy.stop()
    refusal = await refused(replay())
    assert (refusal.code, refusal.reason) == (
        grpc.StatusCode.UNAVAILABLE,
        "DEPENDENCY_UNAVAILABLE",
    )
    assert refusal.facts == {"dependency": "the policy service"}
