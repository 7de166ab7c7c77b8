"""Who may call the policy service, as the contracts say it."""

from libs.domain.callers import ADMIN, AUDITOR, POLICY_ADMIN
from libs.rpc.access import only_services, roles

_POLICY = "/latchkey.policy.v1.PolicyService"
_EVALUATION = "/latchkey.policy.v1.EvaluationService"

ACCESS = {
    f"{_POLICY}/CreatePolicy": roles(POLICY_ADMIN),
    f"{_POLICY}/GetPolicy": roles(ADMIN, POLICY_ADMIN, AUDITOR),
    f"{_POLICY}/ListPolicies": roles(ADMIN, POLICY_ADMIN, AUDITOR),
    f"{_EVALUATION}/EvaluatePolicy": only_services("requests"),
    f"{_EVALUATION}/ExplainPolicy": only_services("requests"),
    f"{_EVALUATION}/EvaluateCondition": only_services("requests"),
    f"{_EVALUATION}/EvaluateDraft": only_services("requests"),
}
