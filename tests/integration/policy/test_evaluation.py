"""EvaluationService over a real channel, on both databases."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from sqlalchemy import insert, update

from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from services.policy.domain.content import Content, Rule
from services.policy.domain.steps import Accept
from services.policy.store.tables import policies, policy_versions
from tests.integration.policy.house import (
    PolicyHouse,
    a_policy,
    accept,
    refusal,
    reject,
    some_facts,
)

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


async def test_another_replicas_version_counts_at_once(house: PolicyHouse) -> None:
    """What another process makes the current version is what the next evaluation is by."""
    created = await house.create(a_policy(rules=[], baseline=[reject("No.")]))
    assert list((await house.evaluate(created.policy_id)).steps) == [reject("No.")]
    content = Content((Rule("Now", "true", (Accept("Yes."),)),), (Accept(),))

    def work(connection: Any) -> None:
        connection.execute(
            insert(policy_versions).values(
                policy_id=created.policy_id,
                version=2,
                content=content.to_json(),
                digest=content.digest,
                create_time=created.create_time.ToDatetime(tzinfo=house.service.clock.now().tzinfo),
            )
        )
        connection.execute(
            update(policies).where(policies.c.policy_id == created.policy_id).values(version=2)
        )

    await house.service.database.write(work)
    plan = await house.evaluate(created.policy_id)
    assert (plan.policy_version, plan.policy_digest) == (2, content.digest)
    assert list(plan.steps) == [accept("Yes.")]


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
