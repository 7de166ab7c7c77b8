"""ProvisioningService."""

from dataclasses import dataclass
from typing import Any

import grpc

from latchkey.connector.v1 import provisioning_pb2, provisioning_pb2_grpc
from services.connector.handlers.get_delivery import ReadProvisioning
from services.connector.translate import provisioning as translate

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class ProvisioningServicer(provisioning_pb2_grpc.ProvisioningServiceServicer):
    """What the connector has done in Entra for the leases."""

    read: ReadProvisioning

    async def GetDelivery(
        self, request: provisioning_pb2.GetDeliveryRequest, context: Context
    ) -> provisioning_pb2.GetDeliveryResponse:
        return translate.delivery_response(await self.read.delivery(translate.lease_id(request)))

    async def ListAssignments(
        self, request: provisioning_pb2.ListAssignmentsRequest, context: Context
    ) -> provisioning_pb2.ListAssignmentsResponse:
        page, user_id = translate.assignments_request(request)
        return translate.assignments_response(await self.read.assignments(page, user_id))

    async def ListOperations(
        self, request: provisioning_pb2.ListOperationsRequest, context: Context
    ) -> provisioning_pb2.ListOperationsResponse:
        page, assignment_id = translate.operations_request(request)
        return translate.operations_response(await self.read.operations(page, assignment_id))
