"""DelegationService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.requests.v1 import delegation_pb2 as pb
from latchkey.requests.v1 import delegation_pb2_grpc as pb_grpc
from libs.db.writes import Writes
from libs.rpc.calls import person
from services.requests.handlers.create_delegation import DelegationCreator
from services.requests.handlers.delete_delegation import DelegationDeleter
from services.requests.handlers.list_delegations import DelegationLister
from services.requests.servicers.writing import written
from services.requests.translate import delegations as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class DelegationServicer(pb_grpc.DelegationServiceServicer):
    """Who decides in another's place."""

    writes: Writes
    create: DelegationCreator
    list: DelegationLister
    delete: DelegationDeleter

    async def CreateDelegation(
        self, request: pb.CreateDelegationRequest, context: Context
    ) -> pb.CreateDelegationResponse:
        command = translate.create_command(request, person())
        return await written(
            self.writes,
            request,
            lambda: self.create(command),
            translate.create_response,
            pb.CreateDelegationResponse,
        )

    async def ListDelegations(
        self, request: pb.ListDelegationsRequest, context: Context
    ) -> pb.ListDelegationsResponse:
        page = await self.list(translate.list_command(request, person()))
        return translate.list_response(page)

    async def DeleteDelegation(
        self, request: pb.DeleteDelegationRequest, context: Context
    ) -> pb.DeleteDelegationResponse:
        command = translate.delete_command(request, person())
        return await written(
            self.writes,
            request,
            lambda: self.delete(command),
            translate.delete_response,
            pb.DeleteDelegationResponse,
        )
