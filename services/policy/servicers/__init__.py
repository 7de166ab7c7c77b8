"""gRPC in: one module per service of the contract, and the table of who may call."""

from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc, policy_pb2, policy_pb2_grpc
from libs.db.writes import Writes
from libs.domain.clock import Clock
from libs.rpc.server import Servicer
from services.policy.handlers.create_policy import CreatePolicyHandler
from services.policy.handlers.evaluate_draft import EvaluateDraftHandler
from services.policy.handlers.evaluate_policy import EvaluatePolicyHandler
from services.policy.handlers.explain_policy import ExplainPolicyHandler
from services.policy.handlers.remembered_policies import RememberedPolicies
from services.policy.ports import Expressions, Policies
from services.policy.servicers.access import ACCESS
from services.policy.servicers.evaluation import EvaluationServicer
from services.policy.servicers.policy import PolicyServicer

__all__ = ["ACCESS", "servicers"]


def servicers(
    *,
    writes: Writes,
    policies: Policies,
    remembered: RememberedPolicies,
    expressions: Expressions,
    clock: Clock,
    default_policy_id: str,
) -> list[Servicer]:
    """Everything that the policy service answers."""
    return [
        (
            policy_pb2.DESCRIPTOR.services_by_name["PolicyService"],
            policy_pb2_grpc.add_PolicyServiceServicer_to_server,
            PolicyServicer(writes, CreatePolicyHandler(policies, expressions, clock), policies),
        ),
        (
            evaluation_pb2.DESCRIPTOR.services_by_name["EvaluationService"],
            evaluation_pb2_grpc.add_EvaluationServiceServicer_to_server,
            EvaluationServicer(
                EvaluatePolicyHandler(remembered, expressions, clock, default_policy_id),
                ExplainPolicyHandler(remembered, expressions, clock, default_policy_id),
                EvaluateDraftHandler(policies, expressions, clock),
                expressions,
            ),
        ),
    ]
