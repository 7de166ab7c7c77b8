"""gRPC in: one module per service of the contract, and the table of who may call."""

from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc, policy_pb2, policy_pb2_grpc
from libs.db.writes import Writes
from libs.domain.clock import Clock
from libs.rpc.server import Servicer
from services.policy.handlers.apply_policies import ApplyPoliciesHandler
from services.policy.handlers.check_policy import CheckPolicyHandler
from services.policy.handlers.checked_policy import CheckedPolicy
from services.policy.handlers.coverage import FindCoverage
from services.policy.handlers.create_policy import CreatePolicyHandler
from services.policy.handlers.delete_policy import DeletePolicyHandler
from services.policy.handlers.evaluate_draft import EvaluateDraftHandler
from services.policy.handlers.evaluate_policy import EvaluatePolicyHandler
from services.policy.handlers.explain_policy import ExplainPolicyHandler
from services.policy.handlers.remembered_policies import RememberedPolicies
from services.policy.handlers.update_policy import UpdatePolicyHandler
from services.policy.handlers.uses import Uses
from services.policy.ports import Catalog, Expressions, Policies
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
    catalog: Catalog,
    clock: Clock,
    default_policy_id: str,
) -> list[Servicer]:
    """Everything that the policy service answers."""
    checked = CheckedPolicy(policies, expressions)
    uses = Uses(policies, catalog, default_policy_id)
    return [
        (
            policy_pb2.DESCRIPTOR.services_by_name["PolicyService"],
            policy_pb2_grpc.add_PolicyServiceServicer_to_server,
            PolicyServicer(
                writes,
                policies,
                CreatePolicyHandler(policies, checked, clock),
                UpdatePolicyHandler(policies, checked, clock),
                DeletePolicyHandler(policies, uses, clock),
                CheckPolicyHandler(policies, expressions, FindCoverage(catalog), default_policy_id),
                ApplyPoliciesHandler(policies, expressions, uses, clock),
            ),
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
