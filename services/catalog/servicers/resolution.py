"""ResolutionService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import resolution_pb2, resolution_pb2_grpc
from services.catalog.handlers.check_held import CheckHeld
from services.catalog.handlers.confirm_targets import ConfirmTargets
from services.catalog.handlers.resolve_entitlement import ResolveEntitlement
from services.catalog.translate import resolution as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class ResolutionServicer(resolution_pb2_grpc.ResolutionServiceServicer):
    """What the other services ask of the catalog."""

    resolve: ResolveEntitlement
    confirm: ConfirmTargets
    check_held: CheckHeld

    async def ResolveEntitlement(
        self, request: resolution_pb2.ResolveEntitlementRequest, context: Context
    ) -> resolution_pb2.ResolveEntitlementResponse:
        query = translate.resolve_entitlement_query(request)
        return translate.resolve_entitlement_response(await self.resolve(query), request)

    async def ConfirmTargets(
        self, request: resolution_pb2.ConfirmTargetsRequest, context: Context
    ) -> resolution_pb2.ConfirmTargetsResponse:
        query = translate.confirm_targets_query(request)
        return translate.confirm_targets_response(await self.confirm(query))

    async def BatchConfirmTargets(
        self, request: resolution_pb2.BatchConfirmTargetsRequest, context: Context
    ) -> resolution_pb2.BatchConfirmTargetsResponse:
        queries = translate.batch_confirm_query(request)
        return translate.batch_confirm_response(await self.confirm.several(queries))

    async def CheckHeld(
        self, request: resolution_pb2.CheckHeldRequest, context: Context
    ) -> resolution_pb2.CheckHeldResponse:
        query = translate.check_held_query(request)
        return translate.check_held_response(await self.check_held(query))
