"""What happened, as the events that leave, and what happened elsewhere, as events arrive."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError, Message

from latchkey.catalog.v1 import events_pb2 as catalog_events_pb2
from latchkey.connector.v1 import events_pb2 as connector_events_pb2
from latchkey.requests.v1 import events_pb2 as pb
from libs.domain.changes import Fact
from libs.domain.errors import Invalid
from libs.domain.fields import Fields
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import duration, timestamp
from services.requests.domain import facts
from services.requests.translate.campaign_facts import campaign_fact_to_message
from services.requests.translate.decision_facts import decision_fact_to_message
from services.requests.translate.takeovers import takeover_fact_to_message
from services.requests.translate.task_facts import task_fact_to_message

FOLLOWED_OF_PEOPLE = (catalog_events_pb2.UserDeactivated,)
FOLLOWED_OF_APPS = (
    catalog_events_pb2.AppUnmanaged,
    catalog_events_pb2.AppRemoved,
    catalog_events_pb2.EntitlementRemoved,
)
FOLLOWED_OF_OUTSIDE = (catalog_events_pb2.UnmanagedAccessFound,)
FOLLOWED = (
    connector_events_pb2.AccessProvisioned,
    connector_events_pb2.AccessProvisioningFailed,
    connector_events_pb2.AccessDeprovisioned,
    connector_events_pb2.AccessRemovedOutside,
)


def fact_to_message(fact: Fact) -> Message:
    """The event that says it."""
    match fact.body:
        case facts.AccessRequestCreated() as it:
            return pb.AccessRequestCreated(
                access_request_id=it.access_request_id,
                entitlement_id=it.entitlement_id,
                app_id=it.app_id,
                subject_user_id=it.subject_user_id,
                actor=actor_to_proto(it.actor),
            )
        case facts.AccessRequestApproved() as it:
            return pb.AccessRequestApproved(
                access_request_id=it.access_request_id,
                lease_id=it.lease_id,
                policy_id=it.policy_id,
                policy_version=it.policy_version,
                rule=it.rule,
                approver_user_ids=it.approver_user_ids,
            )
        case facts.AccessRequestDenied() as it:
            return pb.AccessRequestDenied(
                access_request_id=it.access_request_id,
                policy_id=it.policy_id,
                policy_version=it.policy_version,
                rule=it.rule,
                actor=actor_to_proto(it.actor),
            )
        case facts.AccessRequestCancelled() as it:
            return pb.AccessRequestCancelled(
                access_request_id=it.access_request_id, actor=actor_to_proto(it.actor)
            )
        case facts.AccessRequestFulfilled() as it:
            return pb.AccessRequestFulfilled(
                access_request_id=it.access_request_id,
                lease_id=it.lease_id,
                end_time=timestamp(it.end_time),
            )
        case facts.AccessRequestFailed() as it:
            return pb.AccessRequestFailed(
                access_request_id=it.access_request_id,
                lease_id=it.lease_id,
                failure_reason=it.failure_reason,
            )
        case facts.AccessRequestRetried() as it:
            return pb.AccessRequestRetried(
                access_request_id=it.access_request_id,
                lease_id=it.lease_id,
                actor=actor_to_proto(it.actor),
            )
        case facts.LeaseGranted() as it:
            return pb.LeaseGranted(lease_id=it.lease_id, round=it.round)
        case facts.LeaseEnded() as it:
            return pb.LeaseEnded(lease_id=it.lease_id, overdue_duration=duration(it.overdue))
        case facts.LeaseExtended() as it:
            return pb.LeaseExtended(
                lease_id=it.lease_id,
                access_request_id=it.access_request_id,
                end_time=timestamp(it.end_time),
            )
        case facts.LeaseEndNear() as it:
            return pb.LeaseEndNear(
                lease_id=it.lease_id,
                entitlement_id=it.entitlement_id,
                subject_user_id=it.subject_user_id,
                end_time=timestamp(it.end_time),
            )
        case facts.LeaseEndLate() as it:
            return pb.LeaseEndLate(
                lease_id=it.lease_id,
                entitlement_id=it.entitlement_id,
                subject_user_id=it.subject_user_id,
                end_time=timestamp(it.end_time),
            )
        case facts.LeaseRemovedOutside() as it:
            return pb.LeaseRemovedOutside(
                lease_id=it.lease_id,
                directory_entitlement_ids=it.directory_entitlement_ids,
                restored=it.restored,
            )
        case facts.LeaseRemoved() as it:
            return pb.LeaseRemoved(lease_id=it.lease_id)
        case facts.DelegationCreated() as it:
            return pb.DelegationCreated(
                delegation_id=it.delegation_id,
                delegator_user_id=it.delegator_user_id,
                delegate_user_id=it.delegate_user_id,
                start_time=timestamp(it.start_time),
                end_time=timestamp(it.end_time),
                actor=actor_to_proto(it.actor),
            )
        case facts.DelegationDeleted() as it:
            return pb.DelegationDeleted(
                delegation_id=it.delegation_id, actor=actor_to_proto(it.actor)
            )
        case other if (message := decision_fact_to_message(other)) is not None:
            return message
        case other if (message := campaign_fact_to_message(other)) is not None:
            return message
        case other if (message := task_fact_to_message(other)) is not None:
            return message
        case other if (message := takeover_fact_to_message(other)) is not None:
            return message
        case other:
            raise TypeError(f"{type(other).__name__} is no fact of this service")


def lease_id_of(event_type: str, payload: bytes) -> str | None:
    """The lease that an event of the connector is about; none when it names none."""
    return _id_of(FOLLOWED, event_type, payload, "lease_id", "lea")


def user_id_of(event_type: str, payload: bytes) -> str | None:
    """The person that an event of the catalog is about; none when it names none."""
    return _id_of(FOLLOWED_OF_PEOPLE, event_type, payload, "user_id", "usr")


def app_id_of(event_type: str, payload: bytes) -> str | None:
    """The app that an event of the catalog is about; none when it names none."""
    return _id_of(FOLLOWED_OF_APPS, event_type, payload, "app_id", "app")


def entitlement_id_of(event_type: str, payload: bytes) -> str | None:
    """The entitlement that an event of the catalog is about; none when it names none."""
    return _id_of(FOLLOWED_OF_OUTSIDE, event_type, payload, "entitlement_id", "ent")


def _id_of(
    kinds: Sequence[type[Message]], event_type: str, payload: bytes, field: str, prefix: str
) -> str | None:
    kind = next(kind for kind in kinds if kind.DESCRIPTOR.full_name == event_type)
    try:
        message = kind.FromString(payload)
        with Fields() as fields:
            return fields.id(field, getattr(message, field), prefix)
    except (DecodeError, Invalid):
        return None
