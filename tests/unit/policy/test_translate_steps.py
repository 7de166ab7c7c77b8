"""Steps between the contract and the domain, and what is refused on the way."""

from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given

from latchkey.policy.v1 import policy_pb2
from libs.domain.errors import Invalid
from libs.domain.fields import Fields
from services.policy.domain.steps import Step
from services.policy.translate.steps import steps, steps_to_proto
from tests.unit.policy.contents import APPROVALS, WAITS


@given(APPROVALS | WAITS)
def test_what_is_sent_comes_back(step: Step) -> None:
    """A step is the same after it was a message, and none of these is refused."""
    with Fields() as fields:
        read = steps(fields, "baseline", steps_to_proto([step]))
    assert read == (step,)


def _approval(**fields: Any) -> dict[str, Any]:
    return {"approval": {"approvers": {"manager": {}}} | fields}


def _by(**kind: Any) -> dict[str, Any]:
    return _approval(approvers=kind)


def _limit(**fields: Any) -> dict[str, Any]:
    return _approval(timeLimit=fields)


APPROVAL = "steps[0].approval"
REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["steps[0]"]),
    ({"approval": {}}, [f"{APPROVAL}.approvers"]),
    (_approval(needed=-1), [f"{APPROVAL}.needed"]),
    (_approval(needed=21), [f"{APPROVAL}.needed"]),
    (_approval(needed=1, all=True), [f"{APPROVAL}.needed"]),
    (_approval(fallback={}), [f"{APPROVAL}.fallback"]),
    (_by(people={}), [f"{APPROVAL}.approvers.people.user_ids"]),
    (_by(people={"userIds": ["ada"]}), [f"{APPROVAL}.approvers.people.user_ids[0]"]),
    (_by(people={"userIds": ["usr_a"] * 2}), [f"{APPROVAL}.approvers.people.user_ids[1]"]),
    (
        _by(people={"userIds": [f"usr_{n}" for n in range(101)]}),
        [f"{APPROVAL}.approvers.people.user_ids"],
    ),
    (_by(manager={"level": 6}), [f"{APPROVAL}.approvers.manager.level"]),
    (_by(manager={"level": -1}), [f"{APPROVAL}.approvers.manager.level"]),
    (_by(groupMembers={}), [f"{APPROVAL}.approvers.group_members.group_id"]),
    (
        _by(groupMembers={"groupId": "usr_a"}),
        [f"{APPROVAL}.approvers.group_members.group_id"],
    ),
    (_by(expression=""), [f"{APPROVAL}.approvers.expression"]),
    (_by(expression="x" * 4097), [f"{APPROVAL}.approvers.expression"]),
    (_limit(), [f"{APPROVAL}.time_limit.after", f"{APPROVAL}.time_limit"]),
    (_limit(after="59s", deny={}), [f"{APPROVAL}.time_limit.after"]),
    (_limit(after="7776001s", deny={}), [f"{APPROVAL}.time_limit.after"]),
    (_limit(after="60s", reassign={}), [f"{APPROVAL}.time_limit.reassign"]),
    (
        _limit(after="60s", escalateToPolicyId="app_x"),
        [f"{APPROVAL}.time_limit.escalate_to_policy_id"],
    ),
    ({"wait": {}}, ["steps[0].wait"]),
    ({"wait": {"duration": "60s", "condition": "true", "timeout": "60s"}}, ["steps[0].wait"]),
    ({"wait": {"duration": "60s", "timeout": "60s"}}, ["steps[0].wait.timeout"]),
    ({"wait": {"duration": "59s"}}, ["steps[0].wait.duration"]),
    ({"wait": {"condition": "true"}}, ["steps[0].wait.timeout"]),
    ({"wait": {"condition": "true", "timeout": "7776001s"}}, ["steps[0].wait.timeout"]),
    ({"wait": {"condition": "\0", "timeout": "60s"}}, ["steps[0].wait.condition"]),
]


@pytest.mark.parametrize(("form", "wrong"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_can_not_be_meant_is_refused(form: dict[str, Any], wrong: list[str]) -> None:
    """Each field that is not as it must be is named by its path."""
    step = json_format.ParseDict(form, policy_pb2.Step())
    with pytest.raises(Invalid) as raised, Fields() as fields:
        steps(fields, "steps", [step])
    assert [violation.field for violation in raised.value.violations] == wrong
