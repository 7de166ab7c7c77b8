"""How this service refuses. Reasons are the values of `ErrorReason`, without its prefix."""

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


def too_late(access_request_id: str, state: str, verb: str) -> WrongState:
    """The time of the step is over, and what happens then is about to."""
    return WrongState(
        "ACCESS_REQUEST_STATE",
        f"The time of the step that {access_request_id} is at is over: it can't be {verb}.",
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


def too_many_comments(access_request_id: str, most: int) -> WrongState:
    """A timeline has to fit into a message."""
    return WrongState(
        "TOO_MANY_COMMENTS",
        f"{access_request_id} has {most} comments, and takes no more.",
        access_request_id=access_request_id,
        most=most,
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


def not_theirs_to_see(person: Person, allowed: str) -> NotAllowed:
    """What is in somebody's inbox is for them."""
    return NotAllowed(
        "CALLER_NOT_ALLOWED",
        f"Only {allowed} may see this.",
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


def draft_invalid(violations: Sequence[Violation]) -> Invalid:
    """Policy refuses the policy that is not saved."""
    return Invalid(violations, reason="DRAFT_INVALID")


def campaign_not_found(campaign_id: str) -> NotFound:
    """There is none, or it is none of the caller's business."""
    return NotFound(
        "CAMPAIGN_NOT_FOUND", f"There is no campaign {campaign_id}.", campaign_id=campaign_id
    )


def campaign_item_not_found(campaign_item_id: str) -> NotFound:
    """There is none, or it is none of the caller's business."""
    return NotFound(
        "CAMPAIGN_ITEM_NOT_FOUND",
        f"There is no campaign item {campaign_item_id}.",
        campaign_item_id=campaign_item_id,
    )


def campaign_state(campaign_id: str, state: str, verb: str) -> WrongState:
    """The campaign is not where this can be done."""
    return WrongState(
        "CAMPAIGN_STATE",
        f"{campaign_id} is {state} and can't be {verb}.",
        campaign_id=campaign_id,
        state=state,
    )


def campaign_due(campaign_id: str, state: str) -> WrongState:
    """Its time is over, and what happens then is about to."""
    return WrongState(
        "CAMPAIGN_STATE",
        f"{campaign_id} is due: nothing can be said of its items any more.",
        campaign_id=campaign_id,
        state=state,
    )


def campaign_item_state(campaign_item_id: str, state: str) -> WrongState:
    """It has been said."""
    return WrongState(
        "CAMPAIGN_STATE",
        f"{campaign_item_id} is {state}: a verdict is not taken back.",
        campaign_item_id=campaign_item_id,
        state=state,
    )


def campaign_too_large(most: int) -> WrongState:
    """More people hold it than one campaign takes."""
    return WrongState(
        "CAMPAIGN_TOO_LARGE",
        f"There are more than {most} holders. Review one entitlement of the app at a time.",
        most=most,
    )


def own_access(campaign_item_id: str) -> NotAllowed:
    """Nobody says it of what they hold themselves."""
    return NotAllowed(
        "SELF_DECISION",
        f"You can't review {campaign_item_id}: it is your own access. Somebody else has to.",
        campaign_item_id=campaign_item_id,
    )


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
