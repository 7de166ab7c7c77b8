"""Deliveries, assignments and operations as rows, both ways."""

from collections.abc import Iterable
from typing import Any

from services.connector.domain.assignment import Assignment, AssignmentState
from services.connector.domain.attempt import (
    AttemptBegun,
    AttemptEnded,
    AttemptOutcome,
    AttemptRecord,
)
from services.connector.domain.delivery import Delivery, DeliveryState
from services.connector.domain.operation import Lane, Operation, OperationKind, OperationState
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal, Target
from services.connector.domain.verdict import Exchange, Remedy


def target_to_json(target: Target) -> dict[str, str]:
    """A target for a JSON column."""
    common = {
        "directory_entitlement_id": target.directory_entitlement_id,
        "connection_id": target.connection_id,
        "display_name": target.display_name,
    }
    if isinstance(target.kind, GroupMembership):
        return common | {"entra_group_id": target.kind.entra_group_id}
    return common | {
        "entra_service_principal_id": target.kind.entra_service_principal_id,
        "entra_app_role_id": target.kind.entra_app_role_id,
    }


def target_from_json(fields: dict[str, str]) -> Target:
    """The target that `target_to_json` wrote."""
    kind: GroupMembership | AppRoleGrant
    if "entra_group_id" in fields:
        kind = GroupMembership(fields["entra_group_id"])
    else:
        kind = AppRoleGrant(fields["entra_service_principal_id"], fields["entra_app_role_id"])
    return Target(
        fields["directory_entitlement_id"],
        fields["connection_id"],
        fields["display_name"],
        kind,
    )


def _principal(row: Any) -> Principal:
    return Principal(row.user_id, row.entra_tenant_id, row.entra_principal_id)


def _principal_values(principal: Principal) -> dict[str, Any]:
    return {
        "user_id": principal.user_id,
        "entra_tenant_id": principal.entra_tenant_id,
        "entra_principal_id": principal.entra_object_id,
    }


def _remedy_value(remedy: Remedy | None) -> str:
    return "" if remedy is None else remedy.value


def _remedy_of(value: str) -> Remedy | None:
    return Remedy(value) if value else None


def delivery_changes(delivery: Delivery) -> dict[str, Any]:
    """What of a delivery's row changes, in the version after this one."""
    return {
        "round": delivery.round,
        "state": delivery.state.value,
        "failure_reason": delivery.failure_reason,
        "failure_message": delivery.failure_message,
        "remedy": _remedy_value(delivery.remedy),
        "takes_over": delivery.takes_over,
        "removed_outside_time": delivery.removed_outside_time,
        "update_time": delivery.update_time,
        "version": delivery.version + 1,
    }


def delivery_values(delivery: Delivery) -> dict[str, Any]:
    """A delivery as its row, in the version after this one."""
    return delivery_changes(delivery) | {
        "lease_id": delivery.lease_id,
        **_principal_values(delivery.subject),
        "entitlement_id": delivery.entitlement_id,
        "targets": [target_to_json(target) for target in delivery.targets],
        "emergency": delivery.emergency,
        "create_time": delivery.create_time,
    }


def delivery_of(row: Any, assignment_ids: Iterable[str]) -> Delivery:
    """The delivery of a row and its holds."""
    return Delivery(
        lease_id=row.lease_id,
        round=row.round,
        state=DeliveryState(row.state),
        subject=_principal(row),
        entitlement_id=row.entitlement_id,
        targets=tuple(target_from_json(fields) for fields in row.targets),
        create_time=row.create_time,
        update_time=row.update_time,
        assignment_ids=tuple(assignment_ids),
        emergency=row.emergency,
        takes_over=row.takes_over,
        removed_outside_time=row.removed_outside_time,
        failure_reason=row.failure_reason,
        failure_message=row.failure_message,
        remedy=_remedy_of(row.remedy),
        version=row.version,
    )


def assignment_changes(assignment: Assignment) -> dict[str, Any]:
    """What of an assignment's row changes, in the version after this one."""
    return {
        "state": assignment.state.value,
        "preexisting": assignment.preexisting,
        "in_mirror": assignment.in_mirror,
        "tries": assignment.tries,
        "entra_assignment_id": assignment.entra_assignment_id,
        "answer": assignment.answer,
        "answer_time": assignment.answer_time,
        "failure_reason": assignment.failure_reason,
        "failure_message": assignment.failure_message,
        "remedy": _remedy_value(assignment.remedy),
        "add_time": assignment.add_time,
        "remove_time": assignment.remove_time,
        "taken_over": assignment.taken_over,
        "removed_outside_time": assignment.removed_outside_time,
        "update_time": assignment.update_time,
        "version": assignment.version + 1,
    }


def assignment_values(assignment: Assignment) -> dict[str, Any]:
    """An assignment as its row, in the version after this one."""
    return assignment_changes(assignment) | {
        "assignment_id": assignment.assignment_id,
        "connection_id": assignment.target.connection_id,
        **_principal_values(assignment.principal),
        "directory_entitlement_id": assignment.target.directory_entitlement_id,
        "target": target_to_json(assignment.target),
        "create_time": assignment.create_time,
    }


def assignment_of(
    row: Any,
    lease_ids: Iterable[str],
    emergency_lease_ids: Iterable[str],
    operation: Operation | None,
) -> Assignment:
    """The assignment of a row, its live holds and its operation under way."""
    return Assignment(
        assignment_id=row.assignment_id,
        principal=_principal(row),
        target=target_from_json(row.target),
        create_time=row.create_time,
        update_time=row.update_time,
        state=AssignmentState(row.state),
        preexisting=row.preexisting,
        in_mirror=row.in_mirror,
        tries=row.tries,
        entra_assignment_id=row.entra_assignment_id,
        answer=row.answer,
        answer_time=row.answer_time,
        failure_reason=row.failure_reason,
        failure_message=row.failure_message,
        remedy=_remedy_of(row.remedy),
        add_time=row.add_time,
        remove_time=row.remove_time,
        taken_over=row.taken_over,
        removed_outside_time=row.removed_outside_time,
        lease_ids=frozenset(lease_ids),
        emergency_lease_ids=frozenset(emergency_lease_ids),
        operation=operation,
        version=row.version,
    )


def operation_changes(operation: Operation) -> dict[str, Any]:
    """What of an operation's row changes, in the version after this one."""
    under_way = operation.state is OperationState.INTENDED
    return {
        "open_key": operation.assignment_id if under_way else None,
        "lane": operation.lane.value,
        "state": operation.state.value,
        "attempt_count": operation.attempt_count,
        "awaits": operation.awaits,
        "answer": operation.answer,
        "problem": operation.problem,
        "remedy": _remedy_value(operation.remedy),
        "next_attempt_time": operation.next_attempt_time,
        "finish_time": operation.finish_time,
        "version": operation.version + 1,
    }


def operation_values(operation: Operation) -> dict[str, Any]:
    """An operation as its row, in the version after this one."""
    return operation_changes(operation) | {
        "operation_id": operation.operation_id,
        "assignment_id": operation.assignment_id,
        "kind": operation.kind.value,
        "create_time": operation.create_time,
    }


def operation_of(row: Any) -> Operation:
    """The operation of a row."""
    return Operation(
        operation_id=row.operation_id,
        assignment_id=row.assignment_id,
        kind=OperationKind(row.kind),
        create_time=row.create_time,
        next_attempt_time=row.next_attempt_time,
        lane=Lane(row.lane),
        state=OperationState(row.state),
        attempt_count=row.attempt_count,
        awaits=row.awaits,
        answer=row.answer,
        problem=row.problem,
        remedy=_remedy_of(row.remedy),
        finish_time=row.finish_time,
        version=row.version,
    )


def attempt_values(operation_id: str, begun: AttemptBegun) -> dict[str, Any]:
    """An attempt as its row, before there is an answer."""
    return {
        "operation_id": operation_id,
        "number": begun.number,
        "start_time": begun.start_time,
        "call": "",
        "status": 0,
        "code": "",
        "message": "",
        "graph_request_id": "",
        "client_request_id": begun.client_request_id,
        "outcome": "",
    }


def attempt_changes(ended: AttemptEnded) -> dict[str, Any]:
    """What of an attempt's row changes when it ends."""
    return {
        "finish_time": ended.finish_time,
        "call": ended.exchange.call,
        "status": ended.exchange.status,
        "code": ended.exchange.code,
        "message": ended.exchange.message,
        "graph_request_id": ended.exchange.graph_request_id,
        "outcome": ended.outcome.value,
    }


def attempt_of(row: Any) -> AttemptRecord:
    """The attempt of a row."""
    return AttemptRecord(
        number=row.number,
        start_time=row.start_time,
        client_request_id=row.client_request_id,
        finish_time=row.finish_time,
        outcome=AttemptOutcome(row.outcome) if row.outcome else None,
        exchange=Exchange(
            row.call,
            row.status,
            row.code,
            row.message,
            row.graph_request_id,
            row.client_request_id,
        ),
    )
