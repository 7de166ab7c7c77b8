"""What the other services are asked, and what they answer."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message

from latchkey.catalog.v1 import (
    app_pb2,
    approver_pb2,
    directory_pb2,
    entitlement_pb2,
    grant_pb2,
    resolution_pb2,
    settings_pb2,
    target_pb2,
)
from latchkey.connector.v1 import provisioning_pb2
from libs.domain.errors import Invalid, LatchkeyError, NotAllowed, NotFound, Unavailable
from libs.rpc.well_known import length_of, time_of
from services.requests.domain import errors
from services.requests.domain.delivery import Delivery, DeliveryState, Remedy, TargetAnswer
from services.requests.domain.gone import Gone
from services.requests.domain.holders import HeldThing
from services.requests.domain.offered import Offered
from services.requests.domain.person import PersonRef
from services.requests.domain.progress import Resolved
from services.requests.domain.resolution import (
    DirectoryPerson,
    EmergencyTerms,
    Holding,
    Resolution,
)
from services.requests.domain.steps import Approvers, UnknownApprovers
from services.requests.domain.takeover import UnmanagedAction
from services.requests.domain.target import Target
from services.requests.translate.common import target_from_proto
from services.requests.translate.steps import approvers_from_proto

_ACTIONS = {
    settings_pb2.UNMANAGED_ACCESS_ACTION_ADOPT: UnmanagedAction.ADOPT,
    settings_pb2.UNMANAGED_ACCESS_ACTION_REMOVE: UnmanagedAction.REMOVE,
}
# Reasons of the catalog that our own callers are told: they mean the same in both packages.
PASSED_ON = frozenset(
    {
        "ENTITLEMENT_NOT_FOUND",
        "PERSON_NOT_IN_DIRECTORY",
        "PERSON_DISABLED",
        "GROUP_NOT_WRITABLE",
        "APP_REMOVED",
        "ENTITLEMENT_REMOVED",
        "NOT_PROVISIONABLE",
    }
)


def catalog_error(
    error: LatchkeyError, requester_user_id: str, subject_user_id: str
) -> LatchkeyError:
    """What our caller is told when the catalog refuses."""
    if error.reason in PASSED_ON:
        return error
    if error.reason == "USER_NOT_FOUND" and requester_user_id != subject_user_id:
        return errors.subject_not_found(subject_user_id)
    if error.reason == "USER_NOT_FOUND":
        # They ask for themselves, so who is not found is the caller.
        return NotAllowed(
            "PERSON_NOT_IN_DIRECTORY",
            "You are not among the people of the directory. Sync, or sign in as one of them.",
            **error.facts,
        )
    return Unavailable.refused("the catalog service", error)


def resolution_from_proto(message: resolution_pb2.ResolveEntitlementResponse) -> Resolution:
    """What the catalog answered.

    Raises:
        Unavailable: it names a target of a kind that this version does not know.
    """
    entitlement = message.entitlement
    kind = entitlement_pb2.ResourceKind.Name(entitlement.resource_kind)
    return Resolution(
        entitlement_id=entitlement.entitlement_id,
        entitlement_display_name=entitlement.display_name,
        resource_kind=kind.removeprefix("RESOURCE_KIND_"),
        app_id=entitlement.app_id,
        app_display_name=message.app_display_name,
        targets=_targets(entitlement.fulfilment),
        requester=_person_from_proto(message.requester),
        subject=_person_from_proto(message.subject),
        subject_ref=user_ref(message.subject),
        policy_id=message.policy_id,
        max_duration=length_of(message.max_duration) if message.HasField("max_duration") else None,
        emergency=_emergency(message.settings.emergency),
        managers=tuple(user_ref(each) for each in message.managers),
        app_owners=tuple(user_ref(each) for each in message.app_owners),
        entitlement_owners=tuple(user_ref(each) for each in message.entitlement_owners),
        held=tuple(
            Holding(each.entitlement_id, each.display_name, each.app_id)
            for each in message.holdings
        ),
        instructions=message.instructions,
        held_ids=tuple(message.held_directory_entitlement_ids),
        approvers=_known_approvers(message),
    )


def _known_approvers(
    message: resolution_pb2.ResolveEntitlementResponse,
) -> dict[Approvers, Resolved]:
    named = (*message.managers, *message.app_owners, *message.entitlement_owners)
    people = {user.user_id: user for user in named}
    return {
        source: Resolved(tuple(user_ref(people[id]) for id in each.user_ids), each.problem)
        for each in message.approvers
        # One kind that is not known is not all of them.
        if not isinstance(source := approvers_from_proto(each.source), UnknownApprovers)
    }


def _targets(messages: Sequence[target_pb2.Target]) -> tuple[Target, ...]:
    targets = [target_from_proto(target) for target in messages]
    known = tuple(target for target in targets if target is not None)
    if len(known) != len(targets):
        raise Unavailable("the catalog service", "it names a target of an unknown kind")
    return known


def resolved_from_proto(message: approver_pb2.ResolvedApprovers) -> Resolved:
    """Whom one source stands for."""
    return Resolved(tuple(user_ref(each) for each in message.people), message.problem)


def held_from_proto(grant: grant_pb2.Grant) -> HeldThing:
    """One thing that somebody holds."""
    return HeldThing(
        subject=PersonRef(
            grant.user_id,
            grant.user_entra_tenant_id,
            grant.user_entra_object_id,
            grant.user_display_name,
        ),
        entitlement_id=grant.entitlement_id,
        entitlement_display_name=grant.entitlement_display_name,
        directory_entitlement_id=grant.directory_entitlement_id,
        directory_display_name=grant.directory_display_name,
        group_id=grant.group_id,
        group_display_name=grant.group_display_name,
        unmanaged=grant.unmanaged,
        since=time_of(grant.start_time) if grant.HasField("start_time") else None,
        seen=time_of(grant.first_seen_time) if grant.HasField("first_seen_time") else None,
    )


def offered_from_proto(entitlement: entitlement_pb2.Entitlement, app: app_pb2.App) -> Offered:
    """An entitlement as its app offers it.

    Raises:
        Unavailable: it names a target of a kind that this version does not know.
    """
    action, time = app.unmanaged_access_action, app.unmanaged_access_action_time
    kind = entitlement_pb2.ResourceKind.Name(entitlement.resource_kind)
    return Offered(
        entitlement_id=entitlement.entitlement_id,
        display_name=entitlement.display_name,
        resource_kind=kind.removeprefix("RESOURCE_KIND_"),
        app_id=app.app_id,
        app_display_name=app.display_name,
        targets=_targets(entitlement.fulfilment),
        gone=entitlement_gone(entitlement),
        unprovisionable_reason=entitlement.settings.unprovisionable_reason,
        action=_ACTIONS.get(action, UnmanagedAction.REPORT),
        action_time=time_of(time) if app.HasField("unmanaged_access_action_time") else None,
    )


def acts_on_unmanaged(app: app_pb2.App) -> bool:
    """Whether access from outside is more than reported."""
    return app.unmanaged_access_action in _ACTIONS


def user_ref(user: directory_pb2.User) -> PersonRef:
    """A person of the directory."""
    return PersonRef(user.user_id, user.entra_tenant_id, user.entra_object_id, user.display_name)


def _emergency(message: settings_pb2.EmergencySettings) -> EmergencyTerms | None:
    if not message.enabled:
        return None
    longest = length_of(message.max_duration) if message.HasField("max_duration") else None
    return EmergencyTerms(message.policy_id, longest)


def person_gone(user: directory_pb2.User) -> Gone | None:
    """Why the person may hold nothing; none while they are enabled."""
    return None if user.account_enabled else Gone("The person is disabled in the directory.")


def enabled_person(user: directory_pb2.User) -> PersonRef | None:
    """A person of the directory; none for one who is disabled."""
    return None if person_gone(user) is not None else user_ref(user)


def entitlement_gone(entitlement: entitlement_pb2.Entitlement) -> Gone | None:
    """Why nobody can have it any more; none while it is not said to be removed."""
    if entitlement.state != entitlement_pb2.ENTITLEMENT_STATE_REMOVED:
        return None
    return Gone(entitlement.removal_reason or "It is no longer in the directory.")


def unknown(error: LatchkeyError, reason: str, words: str) -> Gone:
    """What an error of the catalog says of something that was asked for: that it is not there.

    Raises:
        Unavailable: it says anything else.
    """
    if isinstance(error, NotFound) and error.reason == reason:
        return Gone(words, unknown=True)
    raise Unavailable.refused("the catalog service", error) from error


def draft_error(error: LatchkeyError) -> LatchkeyError:
    """What our caller is told when policy refuses a policy that is not saved. That it refuses what
    we told it of access requests is no fault of theirs."""
    if isinstance(error, Invalid):
        theirs = [it for it in error.violations if it.field.partition(".")[0] == "policy"]
        if theirs:
            return errors.draft_invalid(theirs)
    return Unavailable.refused("the policy service", error)


def delivery_from_proto(message: provisioning_pb2.Delivery) -> Delivery:
    """What the connector answered.

    Raises:
        Unavailable: it is in a state that this version does not know.
    """
    try:
        name = provisioning_pb2.DeliveryState.Name(message.state)
        state = DeliveryState(name.removeprefix("DELIVERY_STATE_"))
    except ValueError as error:
        raise Unavailable("the connector service", "its answer is not known") from error
    answers = []
    for found in message.targets:
        if (target := target_from_proto(found.target)) is not None:
            answers.append(_answer(target, found))
    return Delivery(
        state=state,
        round=message.round,
        targets=tuple(answers),
        failure_reason=message.failure_reason,
        failure_message=message.failure_message,
        remedy=_remedy(message.remedy),
        removed_outside_time=_time(message, "removed_outside_time"),
    )


def _answer(target: Target, found: provisioning_pb2.TargetDelivery) -> TargetAnswer:
    return TargetAnswer(
        target=target,
        answer=found.answer,
        preexisting=found.preexisting,
        answer_time=_time(found, "answer_time"),
        present=found.assignment_state == provisioning_pb2.ASSIGNMENT_STATE_PRESENT,
        lost=found.assignment_state == provisioning_pb2.ASSIGNMENT_STATE_LOST,
        failure_reason=found.failure_reason,
        failure_message=found.failure_message,
        remedy=_remedy(found.remedy),
        removed_outside_time=_time(found, "removed_outside_time"),
    )


def _remedy(number: provisioning_pb2.Remedy.ValueType) -> Remedy:
    """One that this version does not know is no promise that somebody can help."""
    try:
        return Remedy(provisioning_pb2.Remedy.Name(number).removeprefix("REMEDY_"))
    except ValueError:
        return Remedy.UNSPECIFIED


def _time(message: Message, field: str) -> datetime | None:
    return time_of(getattr(message, field)) if message.HasField(field) else None


def _person_from_proto(message: directory_pb2.User) -> DirectoryPerson:
    return DirectoryPerson(
        user_id=message.user_id,
        display_name=message.display_name,
        department=message.department,
        job_title=message.job_title,
        manager_user_id=message.manager_user_id,
    )
