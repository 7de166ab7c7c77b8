"""What else EvaluationService is asked, over a real channel: ExplainPolicy, EvaluateCondition and
EvaluateDraft."""

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc import StatusCode

from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from tests.integration.policy.house import (
    PolicyHouse,
    a_policy,
    accept,
    refusal,
    reject,
    some_facts,
)

pytestmark = pytest.mark.either_database


def _approval(**fields: Any) -> policy_pb2.Step:
    approvers = policy_pb2.Approvers(manager=policy_pb2.Approvers.Manager(level=1))
    return policy_pb2.Step(approval=policy_pb2.Step.Approval(approvers=approvers, **fields))


def _rule(name: str, condition: str, *steps: policy_pb2.Step) -> policy_pb2.Rule:
    return policy_pb2.Rule(display_name=name, condition=condition, steps=steps or [accept()])


def _facts(hours: int, **fields: Any) -> evaluation_pb2.Facts:
    return some_facts(requested_duration=Duration(seconds=hours * 3600), **fields)


async def test_explaining_says_what_would_be_easier(house: PolicyHouse) -> None:
    """The longest shorter duration with fewer approvals is given with its plan, and nothing where
    there is none."""
    rules = [
        _rule("Short", 'duration < duration("4h")'),
        _rule("Day", 'duration < duration("24h")', _approval()),
    ]
    created = await house.create(a_policy(rules=rules, baseline=[_approval(needed=2)]))

    async def explained(hours: int) -> Any:
        request = evaluation_pb2.ExplainPolicyRequest(
            policy_id=created.policy_id, facts=_facts(hours)
        )
        return await house.evaluation.ExplainPolicy(request, metadata=house.as_service("requests"))

    answer = await explained(30)
    assert (answer.plan.rule, list(answer.plan.steps)) == ("", [_approval(needed=2)])
    assert answer.easier.requested_duration.seconds == 24 * 3600 - 1
    assert answer.easier.plan.rule == "Day"
    assert answer.easier.plan.policy_digest == created.digest
    answer = await explained(8)
    assert (answer.plan.rule, answer.easier.plan.rule) == ("Day", "Short")
    answer = await explained(1)
    assert (answer.plan.rule, answer.HasField("easier")) == ("Short", False)

    request = evaluation_pb2.ExplainPolicyRequest(policy_id="pol_gone", facts=_facts(1))
    await refusal(
        house.evaluation.ExplainPolicy(request, metadata=house.as_service("requests")),
        StatusCode.NOT_FOUND,
        "POLICY_NOT_FOUND",
    )


async def test_a_condition_is_true_false_or_fails(house: PolicyHouse) -> None:
    """A wait's condition is answered with what is known now; what has no answer is an error."""

    async def holds(condition: str, facts: evaluation_pb2.Facts) -> bool:
        request = evaluation_pb2.EvaluateConditionRequest(condition=condition, facts=facts)
        answer = await house.evaluation.EvaluateCondition(
            request, metadata=house.as_service("requests")
        )
        return bool(answer.holds)

    trained = 'held.exists(it, it.display_name == "Trained")'
    held = evaluation_pb2.HeldFacts(entitlement_id="ent_1", display_name="Trained", app_id="app_1")
    assert not await holds(trained, some_facts())
    assert await holds(trained, some_facts(held=[held]))
    wrong = await refusal(
        holds("true &&\n  hold", some_facts()), StatusCode.INVALID_ARGUMENT, "EXPRESSION_INVALID"
    )
    assert wrong == {"condition": "line 2, column 3: undeclared reference to 'hold'"}
    failed = await refusal(
        holds("subject.job_title == 'CFO'", some_facts()),
        StatusCode.FAILED_PRECONDITION,
        "EVALUATION_FAILED",
    )
    assert failed == {"problem": "subject.job_title is not in the directory"}
    wrong = await refusal(
        holds("", evaluation_pb2.Facts()), StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"
    )
    assert wrong.keys() >= {"condition", "facts.subject", "facts.now"}


async def test_a_draft_answers_each_of_the_facts_by_itself(house: PolicyHouse) -> None:
    """A policy that is not saved says what it would say; facts for which it fails do not keep
    others from their answers, and nothing is saved."""
    draft = a_policy(rules=[_rule("Seniors", 'subject.job_title == "Senior"')])
    senior, unknown = (
        evaluation_pb2.PersonFacts(user_id="usr_ada", job_title="Senior"),
        evaluation_pb2.PersonFacts(user_id="usr_ada"),
    )
    facts = [some_facts(subject=senior), some_facts(subject=unknown), some_facts(subject=senior)]
    response = await house.evaluation.EvaluateDraft(
        evaluation_pb2.EvaluateDraftRequest(policy=draft, facts=facts),
        metadata=house.as_service("requests"),
    )
    first, failed, last = response.answers
    assert first.plan.rule == last.plan.rule == "Seniors"
    assert (first.plan.policy_id, first.plan.policy_version) == ("", 0)
    assert (first.problem, failed.HasField("plan")) == ("", False)
    assert "subject.job_title is not in the directory" in failed.problem
    created = await house.create(draft)
    assert created.digest == first.plan.policy_digest


async def test_a_draft_is_checked_as_on_saving(house: PolicyHouse) -> None:
    """What could not be saved is not evaluated, and the fields are named as they would be."""
    escalating = _approval(
        time_limit=policy_pb2.TimeLimit(
            after=Duration(seconds=3600), escalate_to_policy_id="pol_mine"
        )
    )
    drafts: list[tuple[policy_pb2.Policy | None, str, set[str]]] = [
        (None, "FIELD_INVALID", {"policy", "policy.baseline"}),
        (
            a_policy(rules=[_rule("A", "nothing")]),
            "EXPRESSION_INVALID",
            {"policy.rules[0].condition"},
        ),
        (a_policy(baseline=[accept(), reject("No.")]), "POLICY_INVALID", {"policy.baseline[0]"}),
        (
            a_policy(policy_id="pol_mine", baseline=[escalating]),
            "POLICY_INVALID",
            {"policy.baseline[0].approval.time_limit.escalate_to_policy_id"},
        ),
    ]
    for draft, reason, fields in drafts:
        request = evaluation_pb2.EvaluateDraftRequest(policy=draft, facts=[some_facts()])
        wrong = await refusal(
            house.evaluation.EvaluateDraft(request, metadata=house.as_service("requests")),
            StatusCode.INVALID_ARGUMENT,
            reason,
        )
        assert wrong.keys() >= fields
    for facts, field in (
        ([], "facts"),
        ([some_facts()] * 501, "facts"),
        ([some_facts(), evaluation_pb2.Facts()], "facts[1].subject"),
    ):
        request = evaluation_pb2.EvaluateDraftRequest(policy=a_policy(), facts=facts)
        wrong = await refusal(
            house.evaluation.EvaluateDraft(request, metadata=house.as_service("requests")),
            StatusCode.INVALID_ARGUMENT,
            "FIELD_INVALID",
        )
        assert field in wrong
