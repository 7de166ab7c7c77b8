"""Deliveries, assignments and operations, as messages."""

from collections.abc import Iterable

from latchkey.connector.v1 import provisioning_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.connector.domain.assignment import Assignment, AssignmentState
from services.connector.domain.attempt import AttemptOutcome, AttemptRecord
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.operation import Lane, Operation, OperationKind, OperationState
from services.connector.domain.target import Target
from services.connector.domain.verdict import Remedy
from services.connector.handlers.get_delivery import DeliveryView
from services.connector.ports import Recorded
from services.connector.translate.targets import target_to_proto

_DELIVERY_STATES = {
    DeliveryState.PENDING: provisioning_pb2.DELIVERY_STATE_PENDING,
    DeliveryState.DELIVERED: provisioning_pb2.DELIVERY_STATE_DELIVERED,
    DeliveryState.FAILED: provisioning_pb2.DELIVERY_STATE_FAILED,
    DeliveryState.REMOVING: provisioning_pb2.DELIVERY_STATE_REMOVING,
    DeliveryState.REMOVED: provisioning_pb2.DELIVERY_STATE_REMOVED,
    DeliveryState.LOST: provisioning_pb2.DELIVERY_STATE_LOST,
}
_ASSIGNMENT_STATES = {
    AssignmentState.ADDING: provisioning_pb2.ASSIGNMENT_STATE_ADDING,
    AssignmentState.PRESENT: provisioning_pb2.ASSIGNMENT_STATE_PRESENT,
    AssignmentState.FAILED: provisioning_pb2.ASSIGNMENT_STATE_FAILED,
    AssignmentState.REMOVING: provisioning_pb2.ASSIGNMENT_STATE_REMOVING,
    AssignmentState.ABSENT: provisioning_pb2.ASSIGNMENT_STATE_ABSENT,
    AssignmentState.LOST: provisioning_pb2.ASSIGNMENT_STATE_LOST,
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
_STATES_ASKED_FOR = {asked: state for state, asked in _OPERATION_STATES.items()}
_LANES = {
    Lane.REVOKE: provisioning_pb2.OPERATION_LANE_REVOKE,
    Lane.EMERGENCY: provisioning_pb2.OPERATION_LANE_EMERGENCY,
    Lane.GRANT: provisioning_pb2.OPERATION_LANE_GRANT,
}
_REMEDIES = {
    None: provisioning_pb2.REMEDY_UNSPECIFIED,
    Remedy.NEEDS_PERSON: provisioning_pb2.REMEDY_NEEDS_PERSON,
    Remedy.HOPELESS: provisioning_pb2.REMEDY_HOPELESS,
}
_OUTCOMES = {
    None: provisioning_pb2.ATTEMPT_OUTCOME_UNSPECIFIED,
    AttemptOutcome.DONE: provisioning_pb2.ATTEMPT_OUTCOME_DONE,
    AttemptOutcome.ALREADY: provisioning_pb2.ATTEMPT_OUTCOME_ALREADY,
    AttemptOutcome.NOT_DONE: provisioning_pb2.ATTEMPT_OUTCOME_NOT_DONE,
    AttemptOutcome.UNKNOWN: provisioning_pb2.ATTEMPT_OUTCOME_UNKNOWN,
    AttemptOutcome.REFUSED: provisioning_pb2.ATTEMPT_OUTCOME_REFUSED,
}

_MOST_LEASES = 100


def lease_id(request: provisioning_pb2.GetDeliveryRequest) -> str:
    """Which lease is asked for."""
    with Fields() as fields:
        return fields.id("lease_id", request.lease_id, "lea")


def lease_ids(request: provisioning_pb2.BatchGetDeliveriesRequest) -> tuple[str, ...]:
    """Which leases are asked for."""
    with Fields() as fields:
        if not request.lease_ids:
            fields.wrong("lease_ids", f"is required, 1 to {_MOST_LEASES} ids")
        return fields.ids("lease_ids", request.lease_ids, "lea", most=_MOST_LEASES)


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
) -> tuple[PageRequest, str, OperationState | None]:
    """Which page is asked for, of which assignment and of which state; each empty when of all."""
    with Fields() as fields:
        assignment_id = fields.id("assignment_id", request.assignment_id, "asn", required=False)
        state = _STATES_ASKED_FOR.get(request.state)
        if request.state and state is None:
            fields.wrong("state", f"{request.state} is no state of an operation")
        page = PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("operations", request.assignment_id, str(request.state)),
        )
    return page, assignment_id, state


def operation_id(request: provisioning_pb2.GetOperationRequest) -> str:
    """Which operation is asked for."""
    with Fields() as fields:
        return fields.id("operation_id", request.operation_id, "opr")


def retry_request(request: provisioning_pb2.RetryOperationRequest) -> str:
    """Which operation shall be attempted at once."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return fields.id("operation_id", request.operation_id, "opr")


def delivery_response(view: DeliveryView) -> provisioning_pb2.GetDeliveryResponse:
    """How far a lease is delivered."""
    return provisioning_pb2.GetDeliveryResponse(delivery=_delivery(view))


def deliveries_response(
    views: Iterable[DeliveryView],
) -> provisioning_pb2.BatchGetDeliveriesResponse:
    """How far leases are delivered."""
    return provisioning_pb2.BatchGetDeliveriesResponse(deliveries=map(_delivery, views))


def _delivery(view: DeliveryView) -> provisioning_pb2.Delivery:
    delivery = view.delivery
    return provisioning_pb2.Delivery(
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
        remedy=_REMEDIES[delivery.remedy],
        removed_outside_time=timestamp(delivery.removed_outside_time),
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


def operation_response(found: Recorded) -> provisioning_pb2.GetOperationResponse:
    """One operation, with every attempt."""
    return provisioning_pb2.GetOperationResponse(operation=_recorded(found))


def retry_response(found: Recorded) -> provisioning_pb2.RetryOperationResponse:
    """The operation, due now."""
    return provisioning_pb2.RetryOperationResponse(operation=_recorded(found))


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
        removed_outside_time=timestamp(assignment.removed_outside_time),
        failure_reason=assignment.failure_reason,
        failure_message=assignment.failure_message,
        remedy=_REMEDIES[assignment.remedy],
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
    under_way = operation.state is OperationState.INTENDED
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
        lane=_LANES[operation.lane],
        next_attempt_time=timestamp(operation.next_attempt_time if under_way else None),
        remedy=_REMEDIES[operation.remedy],
    )


def _recorded(found: Recorded) -> provisioning_pb2.Operation:
    message = _operation(found.operation)
    message.attempts.extend(_attempt(attempt) for attempt in found.attempts)
    return message


def _attempt(attempt: AttemptRecord) -> provisioning_pb2.OperationAttempt:
    return provisioning_pb2.OperationAttempt(
        number=attempt.number,
        start_time=timestamp(attempt.start_time),
        finish_time=timestamp(attempt.finish_time),
        call=attempt.exchange.call,
        status=attempt.exchange.status,
        code=attempt.exchange.code,
        message=attempt.exchange.message,
        graph_request_id=attempt.exchange.graph_request_id,
        client_request_id=attempt.client_request_id,
        outcome=_OUTCOMES[attempt.outcome],
    )
