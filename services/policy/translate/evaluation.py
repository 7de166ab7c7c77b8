"""`evaluation.proto`."""

from collections.abc import Sequence
from functools import lru_cache

from latchkey.policy.v1 import evaluation_pb2
from libs.domain.fields import Fields
from libs.rpc.well_known import duration, timestamp
from services.policy.domain.content import EXPRESSION_MOST
from services.policy.domain.plan import Plan
from services.policy.domain.steps import Step
from services.policy.handlers.evaluate_condition import EvaluateCondition
from services.policy.handlers.evaluate_draft import Answer, EvaluateDraft
from services.policy.handlers.evaluate_policy import EvaluatePolicy
from services.policy.handlers.explain_policy import Explained
from services.policy.translate.evaluation_facts import facts_of
from services.policy.translate.policy import content
from services.policy.translate.steps import steps_to_proto

_MOST_FACTS = 500


def evaluate_policy(
    request: evaluation_pb2.EvaluatePolicyRequest | evaluation_pb2.ExplainPolicyRequest,
) -> EvaluatePolicy:
    """The question to a policy.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = EvaluatePolicy(
            policy_id=fields.id("policy_id", request.policy_id, "pol", required=False),
            facts=facts_of(fields.inside("facts"), request.facts),
        )
    return command


def evaluate_policy_response(plan: Plan) -> evaluation_pb2.EvaluatePolicyResponse:
    return evaluation_pb2.EvaluatePolicyResponse(plan=plan_to_proto(plan))


def explain_policy_response(explained: Explained) -> evaluation_pb2.ExplainPolicyResponse:
    response = evaluation_pb2.ExplainPolicyResponse(plan=plan_to_proto(explained.plan))
    if explained.easier is not None:
        length, plan = explained.easier
        response.easier.requested_duration.CopyFrom(duration(length))
        response.easier.plan.CopyFrom(plan_to_proto(plan))
    return response


def evaluate_condition(request: evaluation_pb2.EvaluateConditionRequest) -> EvaluateCondition:
    """The question about a condition.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = EvaluateCondition(
            condition=fields.text("condition", request.condition, most=EXPRESSION_MOST, lines=True),
            facts=facts_of(fields.inside("facts"), request.facts),
        )
    return command


def evaluate_draft(request: evaluation_pb2.EvaluateDraftRequest) -> EvaluateDraft:
    """The question to a policy that is not saved.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        if not 1 <= len(request.facts) <= _MOST_FACTS:
            fields.wrong("facts", f"has {len(request.facts)}, must be 1 to {_MOST_FACTS}")
        facts = request.facts if len(request.facts) <= _MOST_FACTS else ()
        if not request.HasField("policy"):
            fields.wrong("policy", "is required")
        policy = request.policy
        command = EvaluateDraft(
            policy_id=fields.id("policy.policy_id", policy.policy_id, "pol", required=False),
            display_name=fields.text("policy.display_name", policy.display_name, most=200),
            content=content(fields, "policy", policy),
            facts=[
                facts_of(fields.inside(f"facts[{number}]"), each)
                for number, each in enumerate(facts)
            ],
        )
    return command


def evaluate_draft_response(answers: Sequence[Answer]) -> evaluation_pb2.EvaluateDraftResponse:
    return evaluation_pb2.EvaluateDraftResponse(
        answers=[
            evaluation_pb2.EvaluateDraftResponse.Answer(
                plan=None if answer.plan is None else plan_to_proto(answer.plan),
                problem=answer.problem,
            )
            for answer in answers
        ]
    )


def plan_to_proto(plan: Plan) -> evaluation_pb2.Plan:
    message = evaluation_pb2.Plan()
    message.CopyFrom(
        _settled(
            plan.policy_id,
            plan.policy_display_name,
            plan.policy_version,
            plan.policy_digest,
            plan.rule,
            plan.condition,
            plan.steps,
        )
    )
    message.explanation.extend(plan.explanation)
    message.evaluate_time.CopyFrom(timestamp(plan.evaluate_time))
    return message


@lru_cache(1000)
def _settled(
    policy_id: str,
    policy_display_name: str,
    policy_version: int,
    policy_digest: str,
    rule: str,
    condition: str,
    steps: tuple[Step, ...],
) -> evaluation_pb2.Plan:
    """What a plan says by the rule that matched. The same few are said over and over, and to make
    one costs as much as all else that an answer takes; so it is copied."""
    return evaluation_pb2.Plan(
        policy_id=policy_id,
        policy_display_name=policy_display_name,
        policy_version=policy_version,
        policy_digest=policy_digest,
        rule=rule,
        condition=condition,
        steps=steps_to_proto(steps),
    )
