"""EvaluationService over a real channel, on both databases."""

from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from grpc.aio import AioRpcError

from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from tests.integration.policy.house import (
    PolicyHouse,
    a_policy,
    accept,
    refusal,
    reject,
    some_facts,
)
from tests.support.eventually import eventually

pytestmark = pytest.mark.either_database

FACTS = some_facts()


def without(facts: evaluation_pb2.Facts, field: str) -> evaluation_pb2.Facts:
    """The facts without one of them."""
    fewer = evaluation_pb2.Facts.FromString(facts.SerializeToString())
    fewer.ClearField(field)  # type: ignore[arg-type]  # one of the literals that it takes
    return fewer


async def test_the_default_is_auto_approve(house: PolicyHouse) -> None:
    """Where no policy is named Auto-approve answers, with everything that a plan tells."""
    plan = await house.evaluate()
    assert (plan.policy_id, plan.policy_display_name) == ("pol_auto_approve", "Auto-approve")
    assert (plan.policy_version, len(plan.policy_digest)) == (1, 64)
    assert (plan.rule, plan.condition) == ("", "")
    assert list(plan.explanation) == ["no rule matched, so the baseline"]
    assert list(plan.steps) == [accept()]
    assert plan.evaluate_time.seconds > FACTS.now.seconds - 10**9


async def test_created_policy_decides(house: PolicyHouse) -> None:
    """A policy that was created a moment ago answers by its rules."""
    created = await house.create(a_policy())
    plan = await house.evaluate(created.policy_id)
    assert list(plan.steps) == [reject("Not now.")]
    plan = await house.evaluate(created.policy_id, some_facts(emergency=True))
    assert (plan.rule, plan.condition) == ("Emergency", "emergency")
    assert list(plan.explanation) == ["rule 'Emergency': true"]
    assert list(plan.steps) == [accept("Good luck.")]
    assert (plan.policy_version, plan.policy_digest) == (1, created.digest)


async def test_failing_condition_approves_nothing(house: PolicyHouse) -> None:
    """A condition that fails fails the call, and says in which rule and why."""
    rule = policy_pb2.Rule(display_name="Odd", condition="1 / 0 == 1", steps=[accept()])
    created = await house.create(a_policy(rules=[rule], baseline=[accept()]))
    facts = await refusal(
        house.evaluate(created.policy_id), StatusCode.FAILED_PRECONDITION, "EVALUATION_FAILED"
    )
    assert facts == {"policy_id": created.policy_id, "rule": "Odd", "problem": "divide by zero"}


async def test_changes_count_here_at_once_and_elsewhere_soon(
    house: PolicyHouse, database_url: str, nats_url: str, tmp_path: Path
) -> None:
    """The next evaluation of the process that changed a policy is by the change; that of another
    replica is a second later. A deleted policy answers nothing."""
    created = await house.create(a_policy(rules=[], baseline=[reject("No.")]))
    policy_id = created.policy_id
    async with PolicyHouse.open(database_url, nats_url, tmp_path / "replica") as replica:
        for each in (house, replica):
            assert list((await each.evaluate(policy_id)).steps) == [reject("No.")]
        changed = await house.call(
            "UpdatePolicy",
            policy=policy_pb2.Policy(policy_id=policy_id, baseline=[accept("Yes.")]),
            update_mask=FieldMask(paths=["baseline"]),
            etag=created.etag,
        )
        plan = await house.evaluate(policy_id)
        assert (plan.policy_version, list(plan.steps)) == (2, [accept("Yes.")])
        assert plan.policy_digest == changed.policy.digest

        async def seen() -> bool:
            return bool((await replica.evaluate(policy_id)).policy_digest == plan.policy_digest)

        await eventually(seen)
        await house.call("DeletePolicy", policy_id=policy_id, etag=changed.policy.etag)
        await refusal(house.evaluate(policy_id), StatusCode.NOT_FOUND, "POLICY_NOT_FOUND")

        async def gone() -> bool:
            try:
                await replica.evaluate(policy_id)
            except AioRpcError as error:
                return error.code() == StatusCode.NOT_FOUND
            return False

        await eventually(gone)


async def test_approvers_by_expression_are_people(house: PolicyHouse) -> None:
    """A plan has the people whom an expression named, and none where it named nobody."""
    by_expression = policy_pb2.Step(
        approval=policy_pb2.Step.Approval(
            approvers=policy_pb2.Approvers(expression="emergency ? [] : managers")
        )
    )
    created = await house.create(a_policy(rules=[], baseline=[by_expression]))
    for facts, user_ids in (
        (some_facts(manager_user_ids=["usr_b", "usr_c"]), ["usr_b", "usr_c"]),
        (some_facts(manager_user_ids=["usr_b"], emergency=True), []),
    ):
        (step,) = (await house.evaluate(created.policy_id, facts)).steps
        assert step.approval.approvers.WhichOneof("kind") == "people"
        assert list(step.approval.approvers.people.user_ids) == user_ids
        assert step.approval.needed == 1


async def test_every_kind_of_resource_can_be_asked_about(house: PolicyHouse) -> None:
    """Whatever the catalog has may be what is asked for."""
    for kind in ("CREDENTIAL", "ROLE", "APP_ROLE"):
        entitlement = evaluation_pb2.EntitlementFacts(entitlement_id="ent_1", resource_kind=kind)
        assert (await house.evaluate("", some_facts(entitlement=entitlement))).policy_version == 1


async def test_who_has_no_department_is_in_none(house: PolicyHouse) -> None:
    """An attribute that is not given, or empty, fails the condition that reads it."""
    rule = policy_pb2.Rule(
        display_name="Others", condition='subject.department != "Sales"', steps=[accept()]
    )
    created = await house.create(a_policy(rules=[rule], baseline=[accept()]))
    for person in (
        evaluation_pb2.PersonFacts(user_id="usr_ada"),
        evaluation_pb2.PersonFacts(user_id="usr_ada", department=""),
    ):
        facts = await refusal(
            house.evaluate(created.policy_id, some_facts(subject=person)),
            StatusCode.FAILED_PRECONDITION,
            "EVALUATION_FAILED",
        )
        assert facts["problem"] == "subject.department is not in the directory"


async def test_unknown_policy_is_not_found(house: PolicyHouse) -> None:
    """A policy that is named and not there fails the call."""
    facts = await refusal(house.evaluate("pol_gone"), StatusCode.NOT_FOUND, "POLICY_NOT_FOUND")
    assert facts == {"policy_id": "pol_gone"}


IMPOSSIBLE: list[tuple[evaluation_pb2.Facts, set[str]]] = [
    (
        evaluation_pb2.Facts(),
        {f"facts.{name}" for name in ("subject", "requester", "entitlement", "app", "now")},
    ),
    (without(FACTS, "subject"), {"facts.subject", "facts.subject.user_id"}),
    (without(FACTS, "requester"), {"facts.requester", "facts.requester.user_id"}),
    (without(FACTS, "entitlement"), {"facts.entitlement"}),
    (without(FACTS, "app"), {"facts.app", "facts.app.app_id"}),
    (without(FACTS, "now"), {"facts.now"}),
    (some_facts(now=Timestamp(seconds=10**15)), {"facts.now"}),
    (some_facts(now=Timestamp(nanos=-1)), {"facts.now"}),
    (some_facts(requested_duration=Duration()), {"facts.requested_duration"}),
    (some_facts(requested_duration=Duration(seconds=-5)), {"facts.requested_duration"}),
    (some_facts(requested_duration=Duration(seconds=10**10)), {"facts.requested_duration"}),
    (some_facts(requested_duration=Duration(seconds=10**18)), {"facts.requested_duration"}),
    (
        some_facts(subject=evaluation_pb2.PersonFacts(user_id="ada")),
        {"facts.subject.user_id"},
    ),
    (
        some_facts(subject=evaluation_pb2.PersonFacts(user_id="usr_a", manager_user_id="b")),
        {"facts.subject.manager_user_id"},
    ),
    (
        some_facts(
            subject=evaluation_pb2.PersonFacts(
                user_id="usr_a", display_name="\0", department="x" * 1001, job_title="\x07"
            )
        ),
        {f"facts.subject.{name}" for name in ("display_name", "department", "job_title")},
    ),
    (
        some_facts(entitlement=evaluation_pb2.EntitlementFacts(resource_kind="GROUP")),
        {"facts.entitlement.entitlement_id", "facts.entitlement.resource_kind"},
    ),
    (
        some_facts(app=evaluation_pb2.AppFacts(app_id="app_a", display_name="x" * 1001)),
        {"facts.app.display_name"},
    ),
    (some_facts(held=[evaluation_pb2.HeldFacts()] * 1001), {"facts.held"}),
    (some_facts(manager_user_ids=["usr_a"] * 6), {"facts.manager_user_ids"}),
    (some_facts(manager_user_ids=["usr_a", "b"]), {"facts.manager_user_ids[1]"}),
    (some_facts(app_owner_user_ids=["usr_a"] * 101), {"facts.app_owner_user_ids"}),
    (some_facts(entitlement_owner_user_ids=[""]), {"facts.entitlement_owner_user_ids[0]"}),
]


async def test_facts_that_can_not_be_are_refused(house: PolicyHouse) -> None:
    """Even Auto-approve accepts nothing on facts that are missing or impossible."""
    for facts, fields in IMPOSSIBLE:
        violations = await refusal(
            house.evaluate("", facts), StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"
        )
        assert violations.keys() >= fields


async def test_bad_policy_id_is_refused(house: PolicyHouse) -> None:
    """The policy's id must be one of a policy."""
    for policy_id in ("app_1", "pol_\0", "pol_" + "x" * 100, " "):
        violations = await refusal(
            house.evaluate(policy_id), StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"
        )
        assert list(violations) == ["policy_id"]
