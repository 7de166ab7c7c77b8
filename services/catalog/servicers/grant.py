"""GrantService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import grant_pb2, grant_pb2_grpc
from libs.rpc.calls import caller, person
from services.catalog.handlers.show_grants import ShowGrants
from services.catalog.translate import grant as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class GrantServicer(grant_pb2_grpc.GrantServiceServicer):
    """Who has what in the directory, and why."""

    show: ShowGrants

    async def ListGrants(
        self, request: grant_pb2.ListGrantsRequest, context: Context
    ) -> grant_pb2.ListGrantsResponse:
        which, page = translate.list_grants(request)
        return translate.list_grants_response(await self.show(which, page, caller()))

    async def ExplainAccess(
        self, request: grant_pb2.ExplainAccessRequest, context: Context
    ) -> grant_pb2.ExplainAccessResponse:
        asked = translate.explain_access(request)
        return translate.explain_access_response(await self.show.explain(*asked, person()))
