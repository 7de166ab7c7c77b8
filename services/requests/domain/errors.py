"""How this service refuses. Reasons are the values of `ErrorReason`, without its prefix.

How decisions and access reviews are refused is in `deciding_errors` and `campaign_errors`.
"""

from collections.abc import Sequence
from datetime import timedelta

from libs.domain.callers import Person
from libs.domain.errors import (
    AlreadyExists,
    Invalid,
    NotAllowed,
    NotFound,
    Violation,
    WrongState,
)


def access_request_not_found(access_request_id: str) -> NotFound:
    """There is none, or it is none of the caller's business."""
    return NotFound(
        "ACCESS_REQUEST_NOT_FOUND",
        f"There is no access request {access_request_id}.",
        access_request_id=access_request_id,
    )


def lease_not_found(lease_id: str) -> NotFound:
    """There is none, or it is none of the caller's business."""
    return NotFound("LEASE_NOT_FOUND", f"There is no lease {lease_id}.", lease_id=lease_id)


def access_request_open(access_request_id: str) -> AlreadyExists:
    """The person's wish for this entitlement is on its way already."""
    return AlreadyExists(
        "ACCESS_REQUEST_OPEN",
        f"The access request {access_request_id} for this entitlement is open. Watch that one.",
        access_request_id=access_request_id,
    )


def already_leased(lease_id: str) -> AlreadyExists:
    """The person has what they ask for."""
    return AlreadyExists(
        "ALREADY_LEASED",
        f"The lease {lease_id} of this entitlement has not ended.",
        lease_id=lease_id,
    )


def nothing_to_take_over(entitlement_id: str, user_id: str) -> WrongState:
    """The subject holds nothing of it."""
    return WrongState(
        "NOTHING_TO_TAKE_OVER",
        f"{user_id} holds nothing of {entitlement_id} in Entra, as of the last sync. Ask without "
        "takes_over.",
        entitlement_id=entitlement_id,
        user_id=user_id,
    )


def takeover_not_found(takeover_id: str) -> NotFound:
    """There is none."""
    return NotFound(
        "TAKEOVER_NOT_FOUND", f"There is no takeover {takeover_id}.", takeover_id=takeover_id
    )


def takeover_state(takeover_id: str, state: str, verb: str) -> WrongState:
    """It does not wait for anybody."""
    return WrongState(
        "TAKEOVER_STATE",
        f"{takeover_id} is {state} and can't be {verb}.",
        takeover_id=takeover_id,
        state=state,
    )


def takeover_open(takeover_id: str) -> AlreadyExists:
    """There is one of the entitlement."""
    return AlreadyExists(
        "TAKEOVER_OPEN",
        f"The takeover {takeover_id} of this entitlement is not over. Confirm or cancel it when it "
        "is held, or wait for its end.",
        takeover_id=takeover_id,
    )


def duration_too_long(max_duration: timedelta, field: str = "requested_duration") -> Invalid:
    """More was asked for than the entitlement allows."""
    limit = _seconds(max_duration)
    return Invalid.field(
        field,
        f"is longer than {limit}, the most this entitlement is leased for",
        reason="DURATION_TOO_LONG",
        max_duration=limit,
    )


def extended_too_long(max_duration: timedelta) -> Invalid:
    """The lease lasts as long as it may."""
    limit = _seconds(max_duration)
    return Invalid.field(
        "duration",
        f"can't be added: from now on the lease lasts {limit} already, the most there is",
        reason="DURATION_TOO_LONG",
        max_duration=limit,
    )


def access_request_state(access_request_id: str, state: str, verb: str) -> WrongState:
    """The access request is not where this can be done."""
    return WrongState(
        "ACCESS_REQUEST_STATE",
        f"{access_request_id} is {state} and can't be {verb}.",
        access_request_id=access_request_id,
        state=state,
    )


def lease_state(lease_id: str, state: str, verb: str) -> WrongState:
    """The lease is not where this can be done."""
    return WrongState(
        "LEASE_STATE",
        f"{lease_id} is {state} and can't be {verb}.",
        lease_id=lease_id,
        state=state,
    )


def lease_without_end(lease_id: str) -> WrongState:
    """There is nothing to extend."""
    return WrongState(
        "LEASE_WITHOUT_END",
        f"{lease_id} has no end, so it can't last longer.",
        lease_id=lease_id,
    )


def not_theirs_to_change(person: Person, allowed: str) -> NotAllowed:
    """Who may see it may not always change it."""
    return NotAllowed(
        "CALLER_NOT_ALLOWED",
        f"Only {allowed} may do this.",
        allowed=allowed,
        caller=person.user_id,
    )


def too_many_comments(access_request_id: str, most: int) -> WrongState:
    """A timeline has to fit into a message."""
    return WrongState(
        "TOO_MANY_COMMENTS",
        f"{access_request_id} has {most} comments, and takes no more.",
        access_request_id=access_request_id,
        most=most,
    )


def duration_longer_than_asked(asked: timedelta) -> Invalid:
    """Who approves may shorten, and never lengthen."""
    limit = _seconds(asked)
    return Invalid.field(
        "duration",
        f"is longer than {limit}, which was asked for; an approval may only shorten it",
        reason="DURATION_TOO_LONG",
        max_duration=limit,
    )


def on_behalf_not_allowed(subject_user_id: str) -> NotAllowed:
    """Who may ask for others is their manager, or has a role for it."""
    return NotAllowed(
        "ON_BEHALF_NOT_ALLOWED",
        f"You may not ask for {subject_user_id}: their manager, the helpdesk and administrators "
        "may.",
        subject_user_id=subject_user_id,
    )


def subject_not_found(subject_user_id: str) -> NotFound:
    """The catalog knows nobody of this id, or not in this tenant."""
    return NotFound(
        "SUBJECT_NOT_FOUND",
        f"There is nobody {subject_user_id} in the directory.",
        subject_user_id=subject_user_id,
    )


def emergency_not_enabled(entitlement_id: str) -> WrongState:
    """The entitlement has no emergency policy."""
    return WrongState(
        "EMERGENCY_NOT_ENABLED",
        f"{entitlement_id} can't be asked for in an emergency. Ask without.",
        entitlement_id=entitlement_id,
    )


def emergency_review_open(access_request_id: str) -> WrongState:
    """One emergency at a time, and each is looked at afterwards."""
    return WrongState(
        "EMERGENCY_REVIEW_OPEN",
        f"The emergency access of {access_request_id} has not been reviewed. An owner of its app "
        "or an administrator has to, before the next.",
        access_request_id=access_request_id,
    )


def review_not_open(access_request_id: str) -> WrongState:
    """There is nothing to review."""
    return WrongState(
        "REVIEW_NOT_OPEN",
        f"{access_request_id} has no review that is open.",
        access_request_id=access_request_id,
    )


def not_theirs_to_see(person: Person, allowed: str) -> NotAllowed:
    """What is in somebody's inbox is for them."""
    return NotAllowed(
        "CALLER_NOT_ALLOWED",
        f"Only {allowed} may see this.",
        allowed=allowed,
        caller=person.user_id,
    )


def draft_invalid(violations: Sequence[Violation]) -> Invalid:
    """Policy refuses the policy that is not saved."""
    return Invalid(violations, reason="DRAFT_INVALID")


def task_not_found(task_id: str) -> NotFound:
    """There is none, or it is none of the caller's business."""
    return NotFound("TASK_NOT_FOUND", f"There is no task {task_id}.", task_id=task_id)


def task_state(task_id: str, state: str, verb: str) -> WrongState:
    """The task is not where this can be done."""
    return WrongState(
        "TASK_STATE",
        f"{task_id} is {state} and can't be {verb}.",
        task_id=task_id,
        state=state,
    )


def entitlement_not_found(app_id: str, entitlement_id: str) -> NotFound:
    """The app has no such entitlement; none at all where the id is empty."""
    what = f"has no entitlement {entitlement_id}" if entitlement_id else "offers no entitlement"
    return NotFound(
        "ENTITLEMENT_NOT_FOUND",
        f"{app_id} {what}." if app_id else f"There is no entitlement {entitlement_id}.",
        app_id=app_id,
        entitlement_id=entitlement_id,
    )


def _seconds(length: timedelta) -> str:
    """As protobuf writes a duration in JSON: whole seconds without a fraction."""
    whole = length // timedelta(seconds=1)
    return f"{whole}s" if length == timedelta(seconds=whole) else f"{length.total_seconds()}s"
