"""EntitlementService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import entitlement_pb2, entitlement_pb2_grpc
from services.catalog.handlers.show import ShowApp, ShowEntitlement
from services.catalog.translate import entitlement as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class EntitlementServicer(entitlement_pb2_grpc.EntitlementServiceServicer):
    """What managed apps offer."""

    show: ShowEntitlement
    show_app: ShowApp

    async def GetEntitlement(
        self, request: entitlement_pb2.GetEntitlementRequest, context: Context
    ) -> entitlement_pb2.GetEntitlementResponse:
        entitlement_id = translate.get_entitlement(request)
        return translate.get_entitlement_response(await self.show(entitlement_id))

    async def ListEntitlements(
        self, request: entitlement_pb2.ListEntitlementsRequest, context: Context
    ) -> entitlement_pb2.ListEntitlementsResponse:
        app_id, page = translate.list_entitlements(request)
        return translate.list_entitlements_response(await self.show.of_app(app_id, page))

    async def ListResourceTypes(
        self, request: entitlement_pb2.ListResourceTypesRequest, context: Context
    ) -> entitlement_pb2.ListResourceTypesResponse:
        app_id = translate.list_resource_types(request)
        return translate.list_resource_types_response(
            await self.show_app.its_resource_types(app_id)
        )
