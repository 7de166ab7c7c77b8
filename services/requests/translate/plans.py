"""Plans, out of policy's answers and into ours."""

from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from libs.rpc.well_known import time_of, timestamp
from services.requests.domain.plan import Accept, Plan, Reject, Step, UnknownStep


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
        steps=tuple(_step_from_proto(step) for step in message.steps),
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
        steps=[_step_to_proto(step) for step in plan.steps],
        evaluate_time=timestamp(plan.evaluate_time),
    )


def _step_from_proto(message: policy_pb2.Step) -> Step:
    match message.WhichOneof("kind"):
        case "accept":
            return Accept(message.accept.message)
        case "reject":
            return Reject(message.reject.message)
        case _:
            return UnknownStep()


def _step_to_proto(step: Step) -> policy_pb2.Step:
    if isinstance(step, Accept):
        return policy_pb2.Step(accept=policy_pb2.Step.Accept(message=step.message))
    if isinstance(step, Reject):
        return policy_pb2.Step(reject=policy_pb2.Step.Reject(message=step.message))
    return policy_pb2.Step()
