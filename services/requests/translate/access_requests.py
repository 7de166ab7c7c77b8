"""What AccessRequestService is asked for."""

from collections.abc import Sequence
from typing import Any

from latchkey.requests.v1 import access_request_pb2 as pb
from libs.domain.callers import Person
from libs.domain.fields import Fields
from libs.rpc.well_known import duration_field
from services.requests.domain.access_request import AccessRequestState
from services.requests.domain.states import EmergencyReview
from services.requests.handlers.cancel_access_request import CancelAccessRequest
from services.requests.handlers.comment_on_access_request import CommentOnAccessRequest
from services.requests.handlers.create_access_request import CreateAccessRequest
from services.requests.handlers.list_access_requests import ListAccessRequests
from services.requests.handlers.reassign_access_request import ReassignAccessRequest
from services.requests.handlers.restart_access_request import RestartAccessRequest
from services.requests.handlers.retry_access_request import RetryAccessRequest
from services.requests.handlers.review_emergency_access import ReviewEmergencyAccess
from services.requests.handlers.rule_on import ApproveAccessRequest, DenyAccessRequest
from services.requests.handlers.wish import Wish
from services.requests.translate.common import MOST_TEXT, wanted_state

_MOST_ASSIGNEES = 20
_MOST_IN_A_BATCH = 50


def create_command(
    request: pb.CreateAccessRequestRequest, requester: Person
) -> CreateAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = CreateAccessRequest(
            wish=_wish(fields, request, requester),
            justification=fields.text(
                "justification", request.justification, most=MOST_TEXT, lines=True
            ),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def preview_command(request: pb.PreviewAccessRequestRequest, requester: Person) -> Wish:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        wish = _wish(fields, request, requester)
    return wish


def _wish(
    fields: Fields,
    request: pb.CreateAccessRequestRequest | pb.PreviewAccessRequestRequest,
    requester: Person,
) -> Wish:
    if request.takes_over and request.emergency:
        fields.wrong("takes_over", "can't be given with emergency")
    return Wish(
        requester=requester,
        entitlement_id=fields.id("entitlement_id", request.entitlement_id, "ent"),
        requested_duration=duration_field(fields, "requested_duration", request.requested_duration)
        if request.HasField("requested_duration")
        else None,
        subject_user_id=fields.id(
            "subject_user_id", request.subject_user_id, "usr", required=False
        ),
        emergency=request.emergency,
        takes_over=request.takes_over,
    )


def access_request_id(request: pb.GetAccessRequestRequest | pb.WatchAccessRequestRequest) -> str:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        return _request_id(fields, request)


def list_command(request: pb.ListAccessRequestsRequest, person: Person) -> ListAccessRequests:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        state = wanted_state(
            fields, request.state, pb.AccessRequestState, AccessRequestState, "an access request"
        )
        command = ListAccessRequests(
            person=person,
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            state=state,
            app_id=fields.id("app_id", request.app_id, "app", required=False),
            approver_user_id=fields.id(
                "approver_user_id", request.approver_user_id, "usr", required=False
            ),
            emergency_review_open=request.emergency_review_open,
        )
        if request.approver_user_id and request.emergency_review_open:
            fields.wrong("emergency_review_open", "can't be given with approver_user_id")
        if request.approver_user_id and state not in (None, AccessRequestState.PENDING):
            fields.wrong("state", "is PENDING for all that wait for somebody to decide")
    return command


def cancel_command(request: pb.CancelAccessRequestRequest, person: Person) -> CancelAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = CancelAccessRequest(
            person=person,
            access_request_id=_request_id(fields, request),
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
            access_request_id=_request_id(fields, request),
            etag=fields.text("etag", request.etag, least=0, most=100),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def approve_command(
    request: pb.ApproveAccessRequestRequest, person: Person
) -> ApproveAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = ApproveAccessRequest(
            person=person,
            access_request_id=_request_id(fields, request),
            etag=_etag(fields, request),
            reason=fields.text("reason", request.reason, least=0, most=MOST_TEXT, lines=True),
            duration=duration_field(fields, "duration", request.duration)
            if request.HasField("duration")
            else None,
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def deny_command(request: pb.DenyAccessRequestRequest, person: Person) -> DenyAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = DenyAccessRequest(
            person=person,
            access_request_id=_request_id(fields, request),
            etag=_etag(fields, request),
            reason=fields.text("reason", request.reason, least=0, most=MOST_TEXT, lines=True),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def reassign_command(
    request: pb.ReassignAccessRequestRequest, person: Person
) -> ReassignAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    named = request.approver_user_ids
    with Fields() as fields:
        if not 1 <= len(named) <= _MOST_ASSIGNEES:
            fields.wrong(
                "approver_user_ids", f"has {len(named)} people, must be 1 to {_MOST_ASSIGNEES}"
            )
        command = ReassignAccessRequest(
            person=person,
            access_request_id=_request_id(fields, request),
            etag=_etag(fields, request),
            approver_user_ids=tuple(
                dict.fromkeys(
                    fields.id(f"approver_user_ids[{number}]", each, "usr")
                    for number, each in enumerate(named[:_MOST_ASSIGNEES])
                )
            ),
            reason=fields.text("reason", request.reason, most=MOST_TEXT, lines=True),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def comment_command(
    request: pb.CommentOnAccessRequestRequest, person: Person
) -> CommentOnAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = CommentOnAccessRequest(
            person=person,
            access_request_id=_request_id(fields, request),
            comment=fields.text("comment", request.comment, most=MOST_TEXT, lines=True),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def restart_command(
    request: pb.RestartAccessRequestRequest, person: Person
) -> RestartAccessRequest:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        command = RestartAccessRequest(
            person=person,
            access_request_id=_request_id(fields, request),
            reason=fields.text("reason", request.reason, most=MOST_TEXT, lines=True),
            etag=fields.text("etag", request.etag, least=0, most=100),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def review_command(
    request: pb.ReviewEmergencyAccessRequest, person: Person
) -> ReviewEmergencyAccess:
    """
    Raises:
        Invalid: FIELD_INVALID.
    """
    verdicts = {
        pb.EMERGENCY_REVIEW_STATE_JUSTIFIED: EmergencyReview.JUSTIFIED,
        pb.EMERGENCY_REVIEW_STATE_NOT_JUSTIFIED: EmergencyReview.NOT_JUSTIFIED,
    }
    with Fields() as fields:
        if request.verdict not in verdicts:
            fields.wrong("verdict", "must be JUSTIFIED or NOT_JUSTIFIED")
        command = ReviewEmergencyAccess(
            person=person,
            access_request_id=_request_id(fields, request),
            etag=_etag(fields, request),
            verdict=verdicts.get(request.verdict, EmergencyReview.UNSPECIFIED),
            comment=fields.text("comment", request.comment, most=MOST_TEXT, lines=True),
        )
        fields.idempotency_key(request.idempotency_key)
    return command


def check_batch(path: str, count: int) -> None:
    """Does nothing for as many as one call takes.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        if not 1 <= count <= _MOST_IN_A_BATCH:
            fields.wrong(path, f"has {count}, must be 1 to {_MOST_IN_A_BATCH}")


def check_items(items: Sequence[pb.BatchDecideAccessRequestsRequest.Item]) -> None:
    """Does nothing when each says what is decided.

    Raises:
        Invalid: FIELD_INVALID.
    """
    with Fields() as fields:
        for number, item in enumerate(items):
            if item.WhichOneof("decision") is None:
                fields.wrong(f"items[{number}]", "must be one of approve, deny")


def _request_id(fields: Fields, request: Any) -> str:
    return fields.id("access_request_id", request.access_request_id, "req")


def _etag(fields: Fields, request: Any) -> str:
    return fields.text("etag", request.etag, most=100)
