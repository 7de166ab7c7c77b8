"""LeaseService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.requests.v1 import lease_pb2 as pb
from latchkey.requests.v1 import lease_pb2_grpc as pb_grpc
from libs.db.writes import Writes
from libs.rpc.calls import caller, person
from services.requests.handlers.end_lease import Revoker
from services.requests.handlers.extend_lease import Extender
from services.requests.handlers.get_lease import LeaseReader
from services.requests.handlers.list_leases import LeaseLister
from services.requests.servicers.writing import written
from services.requests.translate import leases as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True)
class LeaseServicer(pb_grpc.LeaseServiceServicer):
    """The approved periods of access."""

    writes: Writes
    get: LeaseReader
    list: LeaseLister
    revoke: Revoker
    extend: Extender

    async def GetLease(self, request: pb.GetLeaseRequest, context: Context) -> pb.GetLeaseResponse:
        found = await self.get(caller(), translate.lease_id(request))
        return translate.get_response(found)

    async def BatchGetLeases(
        self, request: pb.BatchGetLeasesRequest, context: Context
    ) -> pb.BatchGetLeasesResponse:
        return translate.batch_response(await self.get.several(translate.lease_ids(request)))

    async def ListLeases(
        self, request: pb.ListLeasesRequest, context: Context
    ) -> pb.ListLeasesResponse:
        page = await self.list(translate.list_command(request, caller()))
        return translate.list_response(page)

    async def RevokeLease(
        self, request: pb.RevokeLeaseRequest, context: Context
    ) -> pb.RevokeLeaseResponse:
        command = translate.revoke_command(request, person())
        return await written(
            self.writes,
            request,
            lambda: self.revoke(command),
            translate.revoke_response,
            pb.RevokeLeaseResponse,
        )

    async def ExtendLease(
        self, request: pb.ExtendLeaseRequest, context: Context
    ) -> pb.ExtendLeaseResponse:
        reader = person()
        command = translate.extend_command(request, reader)
        return await written(
            self.writes,
            request,
            lambda: self.extend(command),
            lambda found: translate.extend_response(found, reader),
            pb.ExtendLeaseResponse,
        )
