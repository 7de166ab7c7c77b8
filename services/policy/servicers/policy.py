"""PolicyService, over gRPC."""

from typing import Any

import grpc

from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.policy.handlers.create_policy import CreatePolicyHandler
from services.policy.handlers.get_policy import get_policy
from services.policy.ports import Policies
from services.policy.translate import policy as translate

Context = grpc.aio.ServicerContext[Any, Any]


class PolicyServicer(policy_pb2_grpc.PolicyServiceServicer):
    """How access requests are decided."""

    def __init__(
        self, writes: Writes, create_policy: CreatePolicyHandler, policies: Policies
    ) -> None:
        self._writes = writes
        self._create_policy = create_policy
        self._policies = policies

    async def CreatePolicy(
        self, request: policy_pb2.CreatePolicyRequest, context: Context
    ) -> policy_pb2.CreatePolicyResponse:
        command = translate.create_policy(request, caller())
        return await self._writes.answer(
            lambda: self._create_policy(command),
            translate.create_policy_response,
            policy_pb2.CreatePolicyResponse,
            key_of(caller(), "/latchkey.policy.v1.PolicyService/CreatePolicy", request),
        )

    async def GetPolicy(
        self, request: policy_pb2.GetPolicyRequest, context: Context
    ) -> policy_pb2.GetPolicyResponse:
        policy_id = translate.get_policy(request)
        policy = await get_policy(self._policies, policy_id)
        return translate.get_policy_response(policy)

    async def ListPolicies(
        self, request: policy_pb2.ListPoliciesRequest, context: Context
    ) -> policy_pb2.ListPoliciesResponse:
        page_request = translate.list_policies(request)
        page = await self._policies.page(page_request)
        return translate.list_policies_response(page)
