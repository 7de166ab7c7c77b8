"""What happened, as the events that leave, and what happened elsewhere, as events arrive."""

from google.protobuf.message import DecodeError, Message

from latchkey.connector.v1 import events_pb2 as connector_events_pb2
from latchkey.requests.v1 import events_pb2 as pb
from libs.domain.changes import Fact
from libs.domain.errors import Invalid
from libs.domain.fields import Fields
from libs.ledger.actors import actor_to_proto
from libs.rpc.well_known import timestamp
from services.requests.domain import facts

FOLLOWED = (
    connector_events_pb2.AccessProvisioned,
    connector_events_pb2.AccessProvisioningFailed,
    connector_events_pb2.AccessDeprovisioned,
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
            )
        case facts.AccessRequestDenied() as it:
            return pb.AccessRequestDenied(
                access_request_id=it.access_request_id,
                policy_id=it.policy_id,
                policy_version=it.policy_version,
                rule=it.rule,
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
            return pb.LeaseEnded(lease_id=it.lease_id)
        case facts.LeaseRemoved() as it:
            return pb.LeaseRemoved(lease_id=it.lease_id)
        case other:
            raise TypeError(f"{type(other).__name__} is no fact of this service")


def lease_id_of(event_type: str, payload: bytes) -> str | None:
    """The lease that an event of the connector is about; none when it names none."""
    kind = next(kind for kind in FOLLOWED if kind.DESCRIPTOR.full_name == event_type)
    try:
        message = kind.FromString(payload)
        with Fields() as fields:
            return fields.id("lease_id", message.lease_id, "lea")
    except (DecodeError, Invalid):
        return None
