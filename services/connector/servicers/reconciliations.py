"""ReconciliationService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.connector.v1 import reconciliation_pb2, reconciliation_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.connector.handlers.reconciliations import SeeToReconciliations
from services.connector.translate import reconciliations as translate

Context = grpc.aio.ServicerContext[Any, Any]
_SERVICE = "/latchkey.connector.v1.ReconciliationService"


@dataclass(frozen=True, slots=True)
class ReconciliationServicer(reconciliation_pb2_grpc.ReconciliationServiceServicer):
    """The looks at whether Entra still holds what leases brought there."""

    writes: Writes
    use: SeeToReconciliations

    async def GetReconciliation(
        self, request: reconciliation_pb2.GetReconciliationRequest, context: Context
    ) -> reconciliation_pb2.GetReconciliationResponse:
        return translate.get_response(await self.use.get(translate.reconciliation_id(request)))

    async def ListReconciliations(
        self, request: reconciliation_pb2.ListReconciliationsRequest, context: Context
    ) -> reconciliation_pb2.ListReconciliationsResponse:
        page, connection_id, state = translate.page_request(request)
        return translate.list_response(await self.use.page(page, connection_id, state))

    async def ConfirmReconciliation(
        self, request: reconciliation_pb2.ConfirmReconciliationRequest, context: Context
    ) -> reconciliation_pb2.ConfirmReconciliationResponse:
        reconciliation_id = translate.confirmed_id(request)
        return await self.writes.answer(
            lambda: self.use.confirm(reconciliation_id, caller()),
            translate.confirm_response,
            reconciliation_pb2.ConfirmReconciliationResponse,
            key_of(caller(), f"{_SERVICE}/ConfirmReconciliation", request),
        )
