"""What the other services are asked, and what they answer."""

from datetime import datetime, timedelta

from latchkey.catalog.v1 import directory_pb2, entitlement_pb2, resolution_pb2
from latchkey.connector.v1 import provisioning_pb2
from latchkey.policy.v1 import evaluation_pb2
from libs.domain.errors import LatchkeyError, NotAllowed, NotFound, Unavailable
from libs.rpc.well_known import duration, length_of, time_of, timestamp
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.gone import Gone
from services.requests.domain.person import PersonRef
from services.requests.domain.resolution import DirectoryPerson, Resolution
from services.requests.translate.common import target_from_proto

# Reasons of the catalog that our own callers are told: they mean the same in both packages.
PASSED_ON = frozenset(
    {
        "ENTITLEMENT_NOT_FOUND",
        "PERSON_NOT_IN_DIRECTORY",
        "PERSON_DISABLED",
        "GROUP_NOT_WRITABLE",
        "APP_REMOVED",
    }
)


def catalog_error(error: LatchkeyError) -> LatchkeyError:
    """What our caller is told when the catalog refuses."""
    if error.reason in PASSED_ON:
        return error
    if error.reason == "USER_NOT_FOUND":
        # People ask for themselves, so who is not found is the caller.
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
    targets = [target_from_proto(target) for target in entitlement.fulfilment]
    known = tuple(target for target in targets if target is not None)
    if len(known) != len(targets):
        raise Unavailable("the catalog service", "it names a target of an unknown kind")
    kind = entitlement_pb2.ResourceKind.Name(entitlement.resource_kind)
    return Resolution(
        entitlement_id=entitlement.entitlement_id,
        entitlement_display_name=entitlement.display_name,
        resource_kind=kind.removeprefix("RESOURCE_KIND_"),
        app_id=entitlement.app_id,
        app_display_name=message.app_display_name,
        targets=known,
        requester=_person_from_proto(message.requester),
        subject=_person_from_proto(message.subject),
        policy_id=message.policy_id,
        max_duration=length_of(message.max_duration) if message.HasField("max_duration") else None,
    )


def person_gone(user: directory_pb2.User) -> Gone | None:
    """Why the person may hold nothing; none while they are enabled."""
    return None if user.account_enabled else Gone("The person is disabled in the directory.")


def enabled_person(user: directory_pb2.User) -> PersonRef | None:
    """A person of the directory; none for one who is disabled."""
    if person_gone(user) is not None:
        return None
    return PersonRef(user.user_id, user.entra_tenant_id, user.entra_object_id, user.display_name)


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


def facts_to_proto(
    resolution: Resolution, length: timedelta | None, now: datetime
) -> evaluation_pb2.Facts:
    """What policy is told."""
    return evaluation_pb2.Facts(
        subject=_person_to_facts(resolution.subject),
        requester=_person_to_facts(resolution.requester),
        entitlement=evaluation_pb2.EntitlementFacts(
            entitlement_id=resolution.entitlement_id,
            display_name=resolution.entitlement_display_name,
            resource_kind=resolution.resource_kind,
        ),
        app=evaluation_pb2.AppFacts(
            app_id=resolution.app_id, display_name=resolution.app_display_name
        ),
        requested_duration=duration(length),
        now=timestamp(now),
    )


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
            time = time_of(found.answer_time) if found.HasField("answer_time") else None
            answers.append(TargetAnswer(target, found.answer, found.preexisting, time))
    return Delivery(
        state=state,
        round=message.round,
        targets=tuple(answers),
        failure_reason=message.failure_reason,
        failure_message=message.failure_message,
    )


def _person_from_proto(message: directory_pb2.User) -> DirectoryPerson:
    return DirectoryPerson(
        user_id=message.user_id,
        display_name=message.display_name,
        department=message.department,
        job_title=message.job_title,
        manager_user_id=message.manager_user_id,
    )


def _person_to_facts(person: DirectoryPerson) -> evaluation_pb2.PersonFacts:
    return evaluation_pb2.PersonFacts(
        user_id=person.user_id,
        display_name=person.display_name,
        department=person.department,
        job_title=person.job_title,
        manager_user_id=person.manager_user_id,
    )
