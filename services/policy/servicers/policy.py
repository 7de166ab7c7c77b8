"""PolicyService, over gRPC."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.domain.changes import Outcome
from libs.rpc.calls import caller
from services.policy.handlers.apply_policies import ApplyPoliciesHandler
from services.policy.handlers.check_policy import CheckPolicyHandler
from services.policy.handlers.create_policy import CreatePolicyHandler
from services.policy.handlers.delete_policy import DeletePolicyHandler
from services.policy.handlers.export_policies import export_policies
from services.policy.handlers.get_policy import get_policy, list_versions
from services.policy.handlers.update_policy import UpdatePolicyHandler
from services.policy.ports import Policies
from services.policy.translate import apply, check
from services.policy.translate import policy as translate

_SERVICE = "/latchkey.policy.v1.PolicyService"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class PolicyServicer(policy_pb2_grpc.PolicyServiceServicer):
    """How access requests are decided."""

    writes: Writes
    policies: Policies
    create: CreatePolicyHandler
    update: UpdatePolicyHandler
    delete: DeletePolicyHandler
    check: CheckPolicyHandler
    apply: ApplyPoliciesHandler

    async def CreatePolicy(
        self, request: policy_pb2.CreatePolicyRequest, context: Context
    ) -> policy_pb2.CreatePolicyResponse:
        command = translate.create_policy(request, caller())
        return await self.writes.answer(
            lambda: self.create(command),
            translate.create_policy_response,
            policy_pb2.CreatePolicyResponse,
            key_of(caller(), f"{_SERVICE}/CreatePolicy", request),
        )

    async def GetPolicy(
        self, request: policy_pb2.GetPolicyRequest, context: Context
    ) -> policy_pb2.GetPolicyResponse:
        policy_id, version = translate.get_policy(request)
        policy = await get_policy(self.policies, policy_id, version)
        return translate.get_policy_response(policy)

    async def ListPolicies(
        self, request: policy_pb2.ListPoliciesRequest, context: Context
    ) -> policy_pb2.ListPoliciesResponse:
        page_request = translate.list_policies(request)
        page = await self.policies.page(page_request)
        return translate.list_policies_response(page)

    async def UpdatePolicy(
        self, request: policy_pb2.UpdatePolicyRequest, context: Context
    ) -> policy_pb2.UpdatePolicyResponse:
        command = translate.update_policy(request, caller())
        return await self.writes.answer(
            lambda: self.update(command),
            translate.update_policy_response,
            policy_pb2.UpdatePolicyResponse,
            key_of(caller(), f"{_SERVICE}/UpdatePolicy", request),
        )

    async def DeletePolicy(
        self, request: policy_pb2.DeletePolicyRequest, context: Context
    ) -> policy_pb2.DeletePolicyResponse:
        command = translate.delete_policy(request, caller())
        return await self.writes.answer(
            lambda: self.delete(command),
            translate.delete_policy_response,
            policy_pb2.DeletePolicyResponse,
            key_of(caller(), f"{_SERVICE}/DeletePolicy", request),
        )

    async def ListPolicyVersions(
        self, request: policy_pb2.ListPolicyVersionsRequest, context: Context
    ) -> policy_pb2.ListPolicyVersionsResponse:
        policy_id, page_request = translate.list_versions(request)
        page = await list_versions(self.policies, policy_id, page_request)
        return translate.list_versions_response(page)

    async def CheckPolicy(
        self, request: policy_pb2.CheckPolicyRequest, context: Context
    ) -> policy_pb2.CheckPolicyResponse:
        command = check.check_policy(request)
        return check.check_policy_response(await self.check(command))

    async def ExportPolicies(
        self, request: policy_pb2.ExportPoliciesRequest, context: Context
    ) -> policy_pb2.ExportPoliciesResponse:
        policy_ids = apply.export_policies(request)
        exported = await export_policies(self.policies, policy_ids)
        return apply.export_policies_response(exported)

    async def ApplyPolicies(
        self, request: policy_pb2.ApplyPoliciesRequest, context: Context
    ) -> policy_pb2.ApplyPoliciesResponse:
        # A large document takes a second to read, and another one to compare: on the event loop no
        # policy would be evaluated meanwhile.
        command = await asyncio.to_thread(apply.apply_policies, request, caller())

        async def applied() -> Outcome[policy_pb2.ApplyPoliciesResponse]:
            outcome = await self.apply(command)
            response = await asyncio.to_thread(apply.apply_policies_response, outcome.result)
            return Outcome(response, outcome.change)

        return await self.writes.answer(
            applied,
            lambda response: response,
            policy_pb2.ApplyPoliciesResponse,
            key_of(caller(), f"{_SERVICE}/ApplyPolicies", request),
        )
