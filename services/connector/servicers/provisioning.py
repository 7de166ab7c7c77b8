"""ProvisioningService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.connector.v1 import provisioning_pb2, provisioning_pb2_grpc
from libs.db.writes import Writes, key_of
from libs.rpc.calls import caller
from services.connector.handlers.get_delivery import ReadProvisioning
from services.connector.handlers.retry_operation import RetryOperation
from services.connector.translate import provisioning as translate

Context = grpc.aio.ServicerContext[Any, Any]
_SERVICE = "/latchkey.connector.v1.ProvisioningService"


@dataclass(frozen=True, slots=True)
class ProvisioningServicer(provisioning_pb2_grpc.ProvisioningServiceServicer):
    """What the connector has done in Entra for the leases."""

    writes: Writes
    read: ReadProvisioning
    retry: RetryOperation

    async def GetDelivery(
        self, request: provisioning_pb2.GetDeliveryRequest, context: Context
    ) -> provisioning_pb2.GetDeliveryResponse:
        return translate.delivery_response(await self.read.delivery(translate.lease_id(request)))

    async def BatchGetDeliveries(
        self, request: provisioning_pb2.BatchGetDeliveriesRequest, context: Context
    ) -> provisioning_pb2.BatchGetDeliveriesResponse:
        found = await self.read.deliveries(translate.lease_ids(request))
        return translate.deliveries_response(found)

    async def ListAssignments(
        self, request: provisioning_pb2.ListAssignmentsRequest, context: Context
    ) -> provisioning_pb2.ListAssignmentsResponse:
        page, user_id = translate.assignments_request(request)
        return translate.assignments_response(await self.read.assignments(page, user_id))

    async def ListOperations(
        self, request: provisioning_pb2.ListOperationsRequest, context: Context
    ) -> provisioning_pb2.ListOperationsResponse:
        page, assignment_id, state = translate.operations_request(request)
        found = await self.read.operations(page, assignment_id, state)
        return translate.operations_response(found)

    async def GetOperation(
        self, request: provisioning_pb2.GetOperationRequest, context: Context
    ) -> provisioning_pb2.GetOperationResponse:
        found = await self.read.operation(translate.operation_id(request))
        return translate.operation_response(found)

    async def RetryOperation(
        self, request: provisioning_pb2.RetryOperationRequest, context: Context
    ) -> provisioning_pb2.RetryOperationResponse:
        operation_id = translate.retry_request(request)
        return await self.writes.answer(
            lambda: self.retry(operation_id, caller()),
            translate.retry_response,
            provisioning_pb2.RetryOperationResponse,
            key_of(caller(), f"{_SERVICE}/RetryOperation", request),
        )
