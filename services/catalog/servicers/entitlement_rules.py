"""EntitlementRulesService, over gRPC."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.catalog.v1 import entitlement_rules_pb2, entitlement_rules_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.catalog.handlers.entitlement_rules import (
    ApplyEntitlementRules,
    GetEntitlementRules,
)
from services.catalog.translate import entitlement_rules as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class EntitlementRulesServicer(entitlement_rules_pb2_grpc.EntitlementRulesServiceServicer):
    """What of an app may be asked for, by whom, under which policy."""

    writes: Writes
    get: GetEntitlementRules
    apply: ApplyEntitlementRules

    async def GetEntitlementRules(
        self, request: entitlement_rules_pb2.GetEntitlementRulesRequest, context: Context
    ) -> entitlement_rules_pb2.GetEntitlementRulesResponse:
        app_id = translate.get_entitlement_rules(request)
        return translate.get_entitlement_rules_response(await self.get(app_id))

    async def PreviewEntitlementRules(
        self, request: entitlement_rules_pb2.PreviewEntitlementRulesRequest, context: Context
    ) -> entitlement_rules_pb2.PreviewEntitlementRulesResponse:
        command = translate.preview_entitlement_rules(request)
        return translate.preview_entitlement_rules_response(await self.apply.preview(command))

    async def ApplyEntitlementRules(
        self, request: entitlement_rules_pb2.ApplyEntitlementRulesRequest, context: Context
    ) -> entitlement_rules_pb2.ApplyEntitlementRulesResponse:
        command, actor = translate.apply_entitlement_rules(request), caller()
        return await self.writes.answer(
            lambda: self.apply(command, actor),
            translate.apply_entitlement_rules_response,
            entitlement_rules_pb2.ApplyEntitlementRulesResponse,
            key_of(
                actor,
                "/latchkey.catalog.v1.EntitlementRulesService/ApplyEntitlementRules",
                request,
            ),
        )
