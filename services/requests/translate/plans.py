"""Plans, out of policy's answers and into ours."""

from latchkey.policy.v1 import evaluation_pb2
from libs.rpc.well_known import length_of, time_of, timestamp
from services.requests.domain.plan import Easier, Plan
from services.requests.domain.replay import DraftAnswer
from services.requests.translate.steps import step_from_proto, step_to_proto


def plan_from_proto(message: evaluation_pb2.Plan) -> Plan:
    """What policy answered."""
    return Plan(
        policy_id=message.policy_id,
        policy_display_name=message.policy_display_name,
        policy_version=message.policy_version,
        policy_digest=message.policy_digest,
        rule=message.rule,
        condition=message.condition,
        explanation=tuple(message.explanation),
        steps=tuple(step_from_proto(step) for step in message.steps),
        evaluate_time=time_of(message.evaluate_time) if message.HasField("evaluate_time") else None,
    )


def plan_to_proto(plan: Plan) -> evaluation_pb2.Plan:
    """The plan as it was given."""
    return evaluation_pb2.Plan(
        policy_id=plan.policy_id,
        policy_display_name=plan.policy_display_name,
        policy_version=plan.policy_version,
        policy_digest=plan.policy_digest,
        rule=plan.rule,
        condition=plan.condition,
        explanation=plan.explanation,
        steps=[step_to_proto(step) for step in plan.steps],
        evaluate_time=timestamp(plan.evaluate_time),
    )


def easier_from_proto(message: evaluation_pb2.ExplainPolicyResponse.Easier) -> Easier:
    """What would be easier."""
    return Easier(length_of(message.requested_duration), plan_from_proto(message.plan))


def draft_answer_from_proto(message: evaluation_pb2.EvaluateDraftResponse.Answer) -> DraftAnswer:
    """What a policy that is not saved would say; one without a plan fails, whatever it says."""
    if not message.HasField("plan"):
        return DraftAnswer(None, message.problem or "policy does not say why")
    return DraftAnswer(plan_from_proto(message.plan))
