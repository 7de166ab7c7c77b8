"""What would happen, without anything that happens."""

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import Connection, select

from latchkey.catalog.v1 import settings_pb2
from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import ADMIN, AUDITOR, HELPDESK, POLICY_ADMIN
from libs.domain.errors import LatchkeyError, WrongState
from libs.domain.ids import derived_id, new_id
from services.requests.store.tables import metadata
from tests.fakes.requests_peers import EDITOR, VIEWER
from tests.integration.requests_service.deciders import (
    ACCEPT,
    GROUP,
    MANAGER,
    MEMBERS,
    OWNERS,
    asks,
    named,
    seconds,
    uid,
)
from tests.integration.requests_service.house import House, Person, refused

pytestmark = pytest.mark.either_database

# Set when an event has reached the broker, which may be later.
_OF_THE_BROKER = ("published", "stream_created", "stream_sequence")


async def _preview(
    person: Person, entitlement_id: str = EDITOR, **fields: Any
) -> pb.PreviewAccessRequestResponse:
    request = pb.PreviewAccessRequestRequest(entitlement_id=entitlement_id, **fields)
    found: pb.PreviewAccessRequestResponse = await person.call(
        person.access_requests.PreviewAccessRequest, request
    )
    return found


async def _tables(house: House) -> dict[str, list[str]]:
    """Everything that is kept, but for whether an event has reached the broker already."""

    def read(connection: Connection) -> dict[str, list[str]]:
        return {
            table.name: sorted(
                repr(row)
                for row in connection.execute(
                    select(*(column for column in table.c if column.name not in _OF_THE_BROKER))
                )
            )
            for table in metadata.sorted_tables
        }

    return await house.service.database.read(read)


def _seen(step: pb.PreviewAccessRequestResponse.PreviewStep) -> tuple[set[str], int, int]:
    return {each.user_id for each in step.approvers}, step.approver_count, step.needed


async def test_it_makes_nothing_and_says_what_then_happens(house: House) -> None:
    """Plan, steps with who may decide, duration, delivery and instructions; no table changes, and
    nothing is published; the access request that is made right after has the same plan, duration
    and approvers, and its lease the same targets. What would be easier is told."""
    house.catalog.line[uid("Ada")] = [uid("Max")]
    house.catalog.owners = [uid("Ada"), uid("Olga"), uid("Otto")]
    house.catalog.instructions = "Read the guide first."
    wait = policy_pb2.Step(wait=policy_pb2.Step.Wait(duration=seconds(60)))
    house.policy.steps = [asks(MANAGER), wait, asks(OWNERS, all=True, distinct=True), ACCEPT]
    ada = house.person("Ada")
    before = await _tables(house)
    found = await _preview(ada)
    assert not found.HasField("easier")
    house.policy.easier = evaluation_pb2.ExplainPolicyResponse.Easier(
        requested_duration=Duration(seconds=14400),
        plan=evaluation_pb2.Plan(policy_display_name="Self-service", steps=[ACCEPT]),
    )
    found = await _preview(ada)
    assert await _tables(house) == before
    assert [(each.number, each.summary) for each in found.steps] == [
        (0, "approved by the subject's manager"),
        (1, "waits for 1 minute"),
        (2, "approved by all of the app's owners"),
        (3, "approved at once"),
    ]
    assert _seen(found.steps[0]) == ({uid("Max")}, 1, 1)
    assert _seen(found.steps[1]) == (set(), 0, 0)
    assert _seen(found.steps[2]) == ({uid("Olga"), uid("Otto")}, 2, 2)
    assert all(not each.problem for each in found.steps)
    assert found.duration.seconds == 8 * 3600
    assert found.instructions == "Read the guide first."
    assert found.easier.requested_duration.seconds == 14400
    assert found.easier.summary == "up to 4 hours this is approved at once"
    assert found.easier.plan.steps == [ACCEPT]

    made = await ada.create()
    for plan in (found.plan, made.plan):
        assert plan.HasField("evaluate_time")
        plan.ClearField("evaluate_time")
    assert made.plan == found.plan
    assert made.requested_duration == found.duration
    assert [each.user_id for each in made.current_step.approvers] == [uid("Max")]
    house.policy.steps = [ACCEPT]
    ben = house.person("Ben")
    found = await _preview(ben, requested_duration=Duration(seconds=120))
    assert found.duration.seconds == 120
    made = await ben.create(requested_duration=Duration(seconds=120))
    assert (await ben.lease(made.lease_id)).targets == found.targets
    assert len(found.targets) == 2


async def test_who_is_in_a_group_and_who_is_missing(house: House) -> None:
    """Of a group plain people learn how many may decide, administrators who; where nobody can, the
    preview says why, of every step."""
    house.catalog.groups[GROUP] = [uid("Ada"), uid("Gus"), uid("Gil")]
    house.policy.steps = [asks(MEMBERS), asks(MANAGER), asks(MANAGER, fallback=named("Fay"))]
    found = await _preview(house.person("Ada"))
    assert _seen(found.steps[0]) == (set(), 2, 1)
    assert _seen(found.steps[1]) == (set(), 0, 1)
    assert "the subject's manager: nobody can" in found.steps[1].problem
    assert _seen(found.steps[2]) == ({uid("Fay")}, 1, 1)
    assert found.steps[2].origin == pb.APPROVER_ORIGIN_FALLBACK
    for role in (ADMIN, AUDITOR, POLICY_ADMIN):
        found = await _preview(house.person("Root", [role]))
        assert _seen(found.steps[0])[0] == {uid("Ada"), uid("Gus"), uid("Gil")}
    # For another the members are those who may decide for that one.
    found = await _preview(
        house.person("Gus", [HELPDESK]), subject_user_id=uid("Ada"), entitlement_id=VIEWER
    )
    assert _seen(found.steps[0]) == (set(), 1, 1)


async def test_what_may_not_be_asked_for_is_not_previewed(house: House) -> None:
    """Refused as the access request would be, and UNAVAILABLE while policy does not answer; nothing
    is kept of any of it."""
    ada = house.person("Ada")
    made = await ada.create(VIEWER)
    before = await _tables(house)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"entitlement_id": new_id("ent")}, "ENTITLEMENT_NOT_FOUND"),
        ({"entitlement_id": VIEWER}, "ACCESS_REQUEST_OPEN"),
        ({"entitlement_id": ""}, "FIELD_INVALID"),
        ({"requested_duration": Duration(seconds=8 * 3600 + 1)}, "DURATION_TOO_LONG"),
        ({"requested_duration": Duration(seconds=59)}, "FIELD_INVALID"),
        ({"subject_user_id": "x"}, "FIELD_INVALID"),
        ({"subject_user_id": uid("Ben")}, "ON_BEHALF_NOT_ALLOWED"),
        ({"emergency": True}, "EMERGENCY_NOT_ENABLED"),
    ]
    for fields, reason in cases:
        assert (await refused(_preview(ada, **fields))).reason == reason
    refusals: list[LatchkeyError] = [
        WrongState("PERSON_DISABLED", "no"),
        WrongState("APP_REMOVED", "gone"),
    ]
    for refusal in refusals:
        house.catalog.refusal = refusal
        assert (await refused(_preview(ada))).reason == refusal.reason
    house.catalog.refusal = None
    house.catalog.emergency = settings_pb2.EmergencySettings(
        enabled=True, policy_id=derived_id("pol", "emergency"), max_duration=Duration(seconds=600)
    )
    house.policy.steps = [ACCEPT]
    found = await _preview(ada, emergency=True)
    assert (found.plan.policy_id, found.duration.seconds) == (derived_id("pol", "emergency"), 600)
    await house.policy.stop()
    away = await refused(_preview(ada))
    assert (away.code, away.reason) == (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
    assert away.message.count("does not answer") == 1
    assert await _tables(house) == before
    assert made.lease_id
