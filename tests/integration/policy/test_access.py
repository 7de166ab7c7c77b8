"""Who may call the policy service."""

from itertools import product
from typing import Any

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from latchkey.policy.v1 import evaluation_pb2, policy_pb2
from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, POLICY_ADMIN
from tests.integration.policy.house import PolicyHouse, a_policy, refusal, some_facts

READERS = {ADMIN, POLICY_ADMIN, AUDITOR}
ALLOWED = {
    "CreatePolicy": {POLICY_ADMIN},
    "GetPolicy": READERS,
    "ListPolicies": READERS,
    "UpdatePolicy": {POLICY_ADMIN},
    "DeletePolicy": {POLICY_ADMIN},
    "ListPolicyVersions": READERS,
    "CheckPolicy": READERS,
    "ExportPolicies": READERS,
    "ApplyPolicies": {POLICY_ADMIN},
    "EvaluatePolicy": {"requests"},
    "ExplainPolicy": {"requests"},
    "EvaluateCondition": {"requests"},
    "EvaluateDraft": {"requests"},
}
ROLES = [ADMIN, POLICY_ADMIN, AUDITOR, CONNECTOR_ADMIN]
SERVICES = ["catalog", "connector", "policy", "requests"]


def _call(house: PolicyHouse, method: str) -> tuple[Any, Any]:
    requests: dict[str, tuple[Any, Any]] = {
        "CreatePolicy": (
            house.policies.CreatePolicy,
            policy_pb2.CreatePolicyRequest(policy=a_policy()),
        ),
        "GetPolicy": (
            house.policies.GetPolicy,
            policy_pb2.GetPolicyRequest(policy_id="pol_auto_approve"),
        ),
        "ListPolicies": (house.policies.ListPolicies, policy_pb2.ListPoliciesRequest()),
        "ListPolicyVersions": (
            house.policies.ListPolicyVersions,
            policy_pb2.ListPolicyVersionsRequest(policy_id="pol_auto_approve"),
        ),
        "UpdatePolicy": (
            house.policies.UpdatePolicy,
            policy_pb2.UpdatePolicyRequest(
                policy=policy_pb2.Policy(policy_id="pol_auto_approve"),
                update_mask=FieldMask(paths=["description"]),
                etag="1",
            ),
        ),
        "DeletePolicy": (
            house.policies.DeletePolicy,
            policy_pb2.DeletePolicyRequest(policy_id="pol_auto_approve", etag="1"),
        ),
        "CheckPolicy": (
            house.policies.CheckPolicy,
            policy_pb2.CheckPolicyRequest(policy_id="pol_auto_approve"),
        ),
        "ExportPolicies": (house.policies.ExportPolicies, policy_pb2.ExportPoliciesRequest()),
        "ApplyPolicies": (
            house.policies.ApplyPolicies,
            policy_pb2.ApplyPoliciesRequest(document="policies: []"),
        ),
        "EvaluatePolicy": (
            house.evaluation.EvaluatePolicy,
            evaluation_pb2.EvaluatePolicyRequest(facts=some_facts()),
        ),
        "ExplainPolicy": (
            house.evaluation.ExplainPolicy,
            evaluation_pb2.ExplainPolicyRequest(facts=some_facts()),
        ),
        "EvaluateCondition": (
            house.evaluation.EvaluateCondition,
            evaluation_pb2.EvaluateConditionRequest(condition="true", facts=some_facts()),
        ),
        "EvaluateDraft": (
            house.evaluation.EvaluateDraft,
            evaluation_pb2.EvaluateDraftRequest(policy=a_policy(), facts=[some_facts()]),
        ),
    }
    return requests[method]


async def test_only_those_may_call(house: PolicyHouse) -> None:
    """Each method answers those whom the contract names, and refuses all others."""
    callers = {role: house.as_person(role) for role in ROLES}
    callers |= {name: house.as_service(name) for name in SERVICES}
    callers["nobody in particular"] = house.as_person()
    for (method, allowed), (name, metadata) in product(ALLOWED.items(), callers.items()):
        stub, request = _call(house, method)
        if name in allowed and method in ("UpdatePolicy", "DeletePolicy"):
            # Let in, and refused for what the policy is.
            await refusal(
                stub(request, metadata=metadata),
                grpc.StatusCode.FAILED_PRECONDITION,
                "POLICY_BUILT_IN",
            )
        elif name in allowed:
            await stub(request, metadata=metadata)
        else:
            facts = await refusal(
                stub(request, metadata=metadata),
                grpc.StatusCode.PERMISSION_DENIED,
                "CALLER_NOT_ALLOWED",
            )
            assert facts["method"].endswith(method)


async def test_nobody_calls_without_a_token(house: PolicyHouse) -> None:
    """Each method refuses a call without a token, and one with a token of nobody."""
    nobody = [(), (("authorization", "Bearer nonsense"),)]
    for method, metadata in product(ALLOWED, nobody):
        stub, request = _call(house, method)
        await refusal(
            stub(request, metadata=metadata), grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNKNOWN"
        )
