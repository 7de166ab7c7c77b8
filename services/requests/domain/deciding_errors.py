"""How deciding, and naming others to decide, is refused. Reasons as in `errors`."""

from libs.domain.errors import AlreadyExists, Invalid, NotAllowed, NotFound, WrongState


def too_late(access_request_id: str, state: str, verb: str) -> WrongState:
    """The time of the step is over, and what happens then is about to."""
    return WrongState(
        "ACCESS_REQUEST_STATE",
        f"The time of the step that {access_request_id} is at is over: it can't be {verb}.",
        access_request_id=access_request_id,
        state=state,
    )


def self_decision(access_request_id: str, role: str) -> NotAllowed:
    """Nobody decides for themselves, in whatever disguise."""
    return NotAllowed(
        "SELF_DECISION",
        f"You can't decide {access_request_id}: you are {role}. Somebody else has to.",
        access_request_id=access_request_id,
        role=role,
    )


def not_an_approver(access_request_id: str, who: str) -> NotAllowed:
    """Who may see it may not decide its step, or not any more."""
    return NotAllowed(
        "NOT_AN_APPROVER",
        f"You are not among those who may decide {access_request_id} now: {who}.",
        access_request_id=access_request_id,
        who=who,
    )


def already_decided(access_request_id: str) -> WrongState:
    """One approval each."""
    return WrongState(
        "ALREADY_DECIDED",
        f"You have approved this step of {access_request_id} already, or somebody in your place.",
        access_request_id=access_request_id,
    )


def reason_required(verb: str) -> Invalid:
    """The step wants to know why."""
    return Invalid.field("reason", f"is required: the policy wants to know why you {verb}")


def reassignment_not_allowed(access_request_id: str) -> NotAllowed:
    """The policy keeps the step with those whom it names."""
    return NotAllowed(
        "REASSIGNMENT_NOT_ALLOWED",
        f"The policy does not let this step of {access_request_id} be handed to others; an "
        "administrator may.",
        access_request_id=access_request_id,
    )


def assignee_not_eligible(user_id: str, why: str) -> WrongState:
    """Who is handed a step must be able to decide it."""
    return WrongState(
        "ASSIGNEE_NOT_ELIGIBLE",
        f"{user_id} can't decide it: {why}.",
        user_id=user_id,
        why=why,
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
