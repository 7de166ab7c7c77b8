"""Deliveries, assignments and operations, as messages."""

from latchkey.connector.v1 import provisioning_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.connector.domain.assignment import Assignment, AssignmentState
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.operation import Operation, OperationKind, OperationState
from services.connector.domain.target import Target
from services.connector.handlers.get_delivery import DeliveryView
from services.connector.translate.targets import target_to_proto

_DELIVERY_STATES = {
    DeliveryState.PENDING: provisioning_pb2.DELIVERY_STATE_PENDING,
    DeliveryState.DELIVERED: provisioning_pb2.DELIVERY_STATE_DELIVERED,
    DeliveryState.FAILED: provisioning_pb2.DELIVERY_STATE_FAILED,
    DeliveryState.REMOVING: provisioning_pb2.DELIVERY_STATE_REMOVING,
    DeliveryState.REMOVED: provisioning_pb2.DELIVERY_STATE_REMOVED,
}
_ASSIGNMENT_STATES = {
    AssignmentState.ADDING: provisioning_pb2.ASSIGNMENT_STATE_ADDING,
    AssignmentState.PRESENT: provisioning_pb2.ASSIGNMENT_STATE_PRESENT,
    AssignmentState.FAILED: provisioning_pb2.ASSIGNMENT_STATE_FAILED,
    AssignmentState.REMOVING: provisioning_pb2.ASSIGNMENT_STATE_REMOVING,
    AssignmentState.ABSENT: provisioning_pb2.ASSIGNMENT_STATE_ABSENT,
}
_OPERATION_KINDS = {
    OperationKind.ADD: provisioning_pb2.OPERATION_KIND_ADD,
    OperationKind.REMOVE: provisioning_pb2.OPERATION_KIND_REMOVE,
}
_OPERATION_STATES = {
    OperationState.INTENDED: provisioning_pb2.OPERATION_STATE_INTENDED,
    OperationState.SUCCEEDED: provisioning_pb2.OPERATION_STATE_SUCCEEDED,
    OperationState.FAILED: provisioning_pb2.OPERATION_STATE_FAILED,
}


def lease_id(request: provisioning_pb2.GetDeliveryRequest) -> str:
    """Which lease is asked for."""
    with Fields() as fields:
        return fields.id("lease_id", request.lease_id, "lea")


def assignments_request(
    request: provisioning_pb2.ListAssignmentsRequest,
) -> tuple[PageRequest, str]:
    """Which page is asked for, and of which person; of all when that is empty."""
    with Fields() as fields:
        user_id = fields.id("user_id", request.user_id, "usr", required=False)
        page = PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("assignments", request.user_id),
        )
    return page, user_id


def operations_request(
    request: provisioning_pb2.ListOperationsRequest,
) -> tuple[PageRequest, str]:
    """Which page is asked for, and of which assignment; of all when that is empty."""
    with Fields() as fields:
        assignment_id = fields.id("assignment_id", request.assignment_id, "asn", required=False)
        page = PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("operations", request.assignment_id),
        )
    return page, assignment_id


def delivery_response(view: DeliveryView) -> provisioning_pb2.GetDeliveryResponse:
    """How far a lease is delivered."""
    delivery = view.delivery
    return provisioning_pb2.GetDeliveryResponse(
        delivery=provisioning_pb2.Delivery(
            lease_id=delivery.lease_id,
            state=_DELIVERY_STATES[delivery.state],
            round=delivery.round,
            targets=[
                _target_delivery(target, view.picture.find(delivery.subject, target))
                for target in delivery.targets
            ],
            failure_reason=delivery.failure_reason,
            failure_message=delivery.failure_message,
            update_time=timestamp(delivery.update_time),
        )
    )


def assignments_response(page: Page[Assignment]) -> provisioning_pb2.ListAssignmentsResponse:
    """A page of assignments."""
    return provisioning_pb2.ListAssignmentsResponse(
        assignments=[_assignment(assignment) for assignment in page.items],
        next_page_token=page.next_page_token,
    )


def operations_response(page: Page[Operation]) -> provisioning_pb2.ListOperationsResponse:
    """A page of operations."""
    return provisioning_pb2.ListOperationsResponse(
        operations=[_operation(operation) for operation in page.items],
        next_page_token=page.next_page_token,
    )


def _target_delivery(
    target: Target, assignment: Assignment | None
) -> provisioning_pb2.TargetDelivery:
    if assignment is None:
        return provisioning_pb2.TargetDelivery(target=target_to_proto(target))
    return provisioning_pb2.TargetDelivery(
        target=target_to_proto(target),
        assignment_id=assignment.assignment_id,
        assignment_state=_ASSIGNMENT_STATES[assignment.state],
        preexisting=assignment.preexisting,
        answer_time=timestamp(assignment.answer_time),
        answer=assignment.answer,
    )


def _assignment(assignment: Assignment) -> provisioning_pb2.Assignment:
    return provisioning_pb2.Assignment(
        assignment_id=assignment.assignment_id,
        user_id=assignment.principal.user_id,
        entra_principal_id=assignment.principal.entra_object_id,
        target=target_to_proto(assignment.target),
        state=_ASSIGNMENT_STATES[assignment.state],
        preexisting=assignment.preexisting,
        entra_assignment_id=assignment.entra_assignment_id,
        lease_ids=sorted(assignment.lease_ids),
        update_time=timestamp(assignment.update_time),
    )


def _operation(operation: Operation) -> provisioning_pb2.Operation:
    return provisioning_pb2.Operation(
        operation_id=operation.operation_id,
        assignment_id=operation.assignment_id,
        kind=_OPERATION_KINDS[operation.kind],
        state=_OPERATION_STATES[operation.state],
        attempt_count=operation.attempt_count,
        answer=operation.answer,
        problem=operation.problem,
        create_time=timestamp(operation.create_time),
        finish_time=timestamp(operation.finish_time),
    )
