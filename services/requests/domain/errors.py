"""How this service refuses. Reasons are the values of `ErrorReason`, without its prefix."""

from datetime import timedelta

from libs.domain.callers import Person
from libs.domain.errors import AlreadyExists, Invalid, NotAllowed, NotFound, WrongState


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


def duration_too_long(max_duration: timedelta) -> Invalid:
    """More was asked for than the entitlement allows."""
    limit = f"{max_duration.total_seconds():g}s"
    return Invalid.field(
        "requested_duration",
        f"is longer than {limit}, the most this entitlement is leased for",
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


def not_theirs_to_change(person: Person, allowed: str) -> NotAllowed:
    """Who may see it may not always change it."""
    return NotAllowed(
        "CALLER_NOT_ALLOWED",
        f"Only {allowed} may do this.",
        allowed=allowed,
        caller=person.user_id,
    )


def delegation_not_found(delegation_id: str) -> NotFound:
    """There is none, or it is over, or it is none of the caller's business."""
    return NotFound(
        "DELEGATION_NOT_FOUND",
        f"There is no delegation {delegation_id}.",
        delegation_id=delegation_id,
    )


def delegate_not_found(user_id: str) -> NotFound:
    """Nobody who can decide, or be decided for, has this id."""
    return NotFound(
        "DELEGATE_NOT_FOUND",
        f"{user_id} is not an enabled person of the directory.",
        user_id=user_id,
    )


def delegation_loop(delegation_id: str) -> WrongState:
    """The delegator would come to decide in their own place; `delegation_id` is the last on the
    way back to them."""
    return WrongState(
        "DELEGATION_LOOP",
        "The delegate has named the delegator for a part of that time, directly or through "
        f"others, last by {delegation_id}. Name somebody else, or another time.",
        delegation_id=delegation_id,
    )


def delegation_exists(delegation_id: str) -> AlreadyExists:
    """The delegator has a delegate already."""
    return AlreadyExists(
        "DELEGATION_EXISTS",
        f"{delegation_id} names a delegate for a part of that time. End that one first.",
        delegation_id=delegation_id,
    )
