"""ApproverService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import approver_pb2, approver_pb2_grpc
from services.catalog.handlers.check_approvers import CheckApprovers
from services.catalog.handlers.resolve_approvers import ResolveApprovers
from services.catalog.ports import PolicyUses
from services.catalog.translate import approver as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class ApproverServicer(approver_pb2_grpc.ApproverServiceServicer):
    """Who may decide, as the directory has it."""

    resolve: ResolveApprovers
    check: CheckApprovers
    uses: PolicyUses

    async def ResolveApprovers(
        self, request: approver_pb2.ResolveApproversRequest, context: Context
    ) -> approver_pb2.ResolveApproversResponse:
        query = translate.resolve_approvers_query(request)
        return translate.resolve_approvers_response(await self.resolve(query))

    async def CheckApprovers(
        self, request: approver_pb2.CheckApproversRequest, context: Context
    ) -> approver_pb2.CheckApproversResponse:
        query = translate.check_approvers_query(request)
        return translate.check_approvers_response(await self.check(query))

    async def ListPolicyUses(
        self, request: approver_pb2.ListPolicyUsesRequest, context: Context
    ) -> approver_pb2.ListPolicyUsesResponse:
        page = await self.uses.page(*translate.list_policy_uses(request))
        return translate.list_policy_uses_response(page)
