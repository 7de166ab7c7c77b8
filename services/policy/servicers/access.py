"""Who may call the policy service, as the contracts say it."""

from libs.domain.callers import ADMIN, AUDITOR, POLICY_ADMIN
from libs.rpc.access import only_services, roles

_POLICY = "/latchkey.policy.v1.PolicyService"
_EVALUATION = "/latchkey.policy.v1.EvaluationService"

_READERS = (ADMIN, POLICY_ADMIN, AUDITOR)

ACCESS = {
    f"{_POLICY}/CreatePolicy": roles(POLICY_ADMIN),
    f"{_POLICY}/GetPolicy": roles(*_READERS),
    f"{_POLICY}/ListPolicies": roles(*_READERS),
    f"{_POLICY}/UpdatePolicy": roles(POLICY_ADMIN),
    f"{_POLICY}/DeletePolicy": roles(POLICY_ADMIN),
    f"{_POLICY}/ListPolicyVersions": roles(*_READERS),
    f"{_POLICY}/CheckPolicy": roles(*_READERS),
    f"{_POLICY}/ExportPolicies": roles(*_READERS),
    f"{_POLICY}/ApplyPolicies": roles(POLICY_ADMIN),
    f"{_EVALUATION}/EvaluatePolicy": only_services("requests"),
    f"{_EVALUATION}/ExplainPolicy": only_services("requests"),
    f"{_EVALUATION}/EvaluateCondition": only_services("requests"),
    f"{_EVALUATION}/EvaluateDraft": only_services("requests"),
}
