"""EntitlementService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import entitlement_pb2, entitlement_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.domain.changes import Outcome
from libs.rpc.calls import caller
from services.catalog.domain.rules import GovernedEntitlement
from services.catalog.handlers.show import ShowApp, ShowEntitlement
from services.catalog.handlers.update_entitlement import UpdateEntitlement
from services.catalog.translate import entitlement as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class EntitlementServicer(entitlement_pb2_grpc.EntitlementServiceServicer):
    """What managed apps offer."""

    writes: Writes
    show: ShowEntitlement
    show_app: ShowApp
    update: UpdateEntitlement

    async def GetEntitlement(
        self, request: entitlement_pb2.GetEntitlementRequest, context: Context
    ) -> entitlement_pb2.GetEntitlementResponse:
        entitlement_id = translate.get_entitlement(request)
        return translate.get_entitlement_response(await self.show(entitlement_id))

    async def ListEntitlements(
        self, request: entitlement_pb2.ListEntitlementsRequest, context: Context
    ) -> entitlement_pb2.ListEntitlementsResponse:
        app_id, type_id, page = translate.list_entitlements(request)
        return translate.list_entitlements_response(await self.show.of_app(app_id, type_id, page))

    async def ListResourceTypes(
        self, request: entitlement_pb2.ListResourceTypesRequest, context: Context
    ) -> entitlement_pb2.ListResourceTypesResponse:
        app_id = translate.list_resource_types(request)
        return translate.list_resource_types_response(
            await self.show_app.its_resource_types(app_id)
        )

    async def UpdateEntitlement(
        self, request: entitlement_pb2.UpdateEntitlementRequest, context: Context
    ) -> entitlement_pb2.UpdateEntitlementResponse:
        command, actor = translate.update_entitlement_command(request), caller()

        async def updated() -> Outcome[GovernedEntitlement]:
            outcome = await self.update(command, actor)
            return Outcome(await self.show.governed(outcome.result), outcome.change)

        return await self.writes.answer(
            updated,
            translate.update_entitlement_response,
            entitlement_pb2.UpdateEntitlementResponse,
            key_of(actor, "/latchkey.catalog.v1.EntitlementService/UpdateEntitlement", request),
        )
