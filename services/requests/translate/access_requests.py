"""AccessRequestService, between its messages and the domain."""

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import Person
from libs.domain.fields import Fields
from libs.domain.paging import Page
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import duration, duration_field, timestamp
from services.requests.domain import timeline
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.timeline import Entry
from services.requests.handlers.cancel_access_request import CancelAccessRequest
from services.requests.handlers.create_access_request import CreateAccessRequest
from services.requests.handlers.list_access_requests import ListAccessRequests
from services.requests.handlers.retry_access_request import RetryAccessRequest
from services.requests.translate.common import (
    MOST_TEXT,
    person_to_proto,
    target_to_proto,
)
from services.requests.translate.plans import plan_to_proto


def create_command(
    request: pb.CreateAccessRequestRequest, requester: Person
) -> CreateAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = CreateAccessRequest(
            requester=requester,
            entitlement_id=fields.id("entitlement_id", request.entitlement_id, "ent"),
            justification=fields.text(
                "justification", request.justification, most=MOST_TEXT, lines=True
            ),
            requested_duration=duration_field(
                fields, "requested_duration", request.requested_duration
            )
            if request.HasField("requested_duration")
            else None,
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def access_request_id(request: pb.GetAccessRequestRequest | pb.WatchAccessRequestRequest) -> str:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return fields.id("access_request_id", request.access_request_id, "req")


def list_command(request: pb.ListAccessRequestsRequest, person: Person) -> ListAccessRequests:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    state = None
    with Fields() as fields:
        if request.state:
            try:
                name = pb.AccessRequestState.Name(request.state)
                state = AccessRequestState(name.removeprefix("ACCESS_REQUEST_STATE_"))
            except ValueError:
                fields.wrong("state", f"{request.state} is no state of an access request")
        command = ListAccessRequests(
            person=person,
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            state=state,
            app_id=fields.id("app_id", request.app_id, "app", required=False),
        )
    return command


def cancel_command(request: pb.CancelAccessRequestRequest, person: Person) -> CancelAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = CancelAccessRequest(
            person=person,
            access_request_id=fields.id("access_request_id", request.access_request_id, "req"),
            reason=fields.text("reason", request.reason, least=0, most=MOST_TEXT, lines=True),
            etag=fields.text("etag", request.etag, least=0, most=100),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def retry_command(request: pb.RetryAccessRequestRequest, person: Person) -> RetryAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = RetryAccessRequest(
            person=person,
            access_request_id=fields.id("access_request_id", request.access_request_id, "req"),
            etag=fields.text("etag", request.etag, least=0, most=100),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def create_response(found: AccessRequest) -> pb.CreateAccessRequestResponse:
    """The access request as it was made."""
    return pb.CreateAccessRequestResponse(access_request=access_request_to_proto(found))


def get_response(found: AccessRequest) -> pb.GetAccessRequestResponse:
    """One access request."""
    return pb.GetAccessRequestResponse(access_request=access_request_to_proto(found))


def watch_response(found: AccessRequest) -> pb.WatchAccessRequestResponse:
    """An access request as it is now."""
    return pb.WatchAccessRequestResponse(access_request=access_request_to_proto(found))


def list_response(page: Page[AccessRequest]) -> pb.ListAccessRequestsResponse:
    """A page of access requests."""
    return pb.ListAccessRequestsResponse(
        access_requests=[access_request_to_proto(item) for item in page.items],
        next_page_token=page.next_page_token,
    )


def cancel_response(found: AccessRequest) -> pb.CancelAccessRequestResponse:
    """The withdrawn access request."""
    return pb.CancelAccessRequestResponse(access_request=access_request_to_proto(found))


def retry_response(found: AccessRequest) -> pb.RetryAccessRequestResponse:
    """The access request on its way once more."""
    return pb.RetryAccessRequestResponse(access_request=access_request_to_proto(found))


def access_request_to_proto(found: AccessRequest) -> pb.AccessRequest:
    """An access request."""
    return pb.AccessRequest(
        access_request_id=found.access_request_id,
        state=pb.AccessRequestState.Value(f"ACCESS_REQUEST_STATE_{found.state}"),
        entitlement_id=found.entitlement_id,
        entitlement_display_name=found.entitlement_display_name,
        app_id=found.app_id,
        app_display_name=found.app_display_name,
        requester=person_to_proto(found.requester),
        subject=person_to_proto(found.subject),
        justification=found.justification,
        requested_duration=duration(found.requested_duration),
        plan=None if found.plan is None else plan_to_proto(found.plan),
        lease_id=found.lease_id,
        failure_reason=found.failure_reason,
        failure_message=found.failure_message,
        create_time=timestamp(found.create_time),
        update_time=timestamp(found.update_time),
        timeline=[_entry_to_proto(entry) for entry in found.timeline],
        etag=str(found.version),
    )


def _entry_to_proto(entry: Entry) -> pb.TimelineEntry:
    message = pb.TimelineEntry(entry_time=timestamp(entry.time), actor=actor_to_proto(entry.actor))
    match entry.what:
        case timeline.Created(justification):
            message.created.justification = justification
        case timeline.PolicyUnavailable(problem):
            message.policy_unavailable.problem = problem
        case timeline.Evaluated(policy_id, policy_version, rule):
            message.evaluated.policy_id = policy_id
            message.evaluated.policy_version = policy_version
            message.evaluated.rule = rule
        case timeline.Approved(by):
            message.approved.by = by
        case timeline.Denied(text):
            message.denied.SetInParent()
            message.denied.message = text
        case timeline.LeaseGranted(lease_id):
            message.lease_granted.lease_id = lease_id
        case timeline.TargetDelivered(target, answer, preexisting):
            message.target_delivered.target.CopyFrom(target_to_proto(target))
            message.target_delivered.answer = answer
            message.target_delivered.preexisting = preexisting
        case timeline.Fulfilled(end_time):
            message.fulfilled.SetInParent()
            if (end := timestamp(end_time)) is not None:
                message.fulfilled.end_time.CopyFrom(end)
        case timeline.DeliveryFailed(failure_reason, failure_message):
            message.delivery_failed.SetInParent()
            message.delivery_failed.failure_reason = failure_reason
            message.delivery_failed.failure_message = failure_message
        case timeline.Retried():
            message.retried.SetInParent()
        case timeline.Cancelled(reason):
            message.cancelled.SetInParent()
            message.cancelled.reason = reason
        case timeline.LeaseEnding(cause, reason):
            message.lease_ending.cause = cause
            message.lease_ending.reason = reason
        case timeline.LeaseEnded():
            message.lease_ended.SetInParent()
    return message
