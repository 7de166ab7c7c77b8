"""The events of the requests service, as what they mean for uses."""

from datetime import datetime

from google.protobuf.message import DecodeError

from latchkey.ledger.v1 import event_pb2
from latchkey.requests.v1 import events_pb2 as pb
from libs.domain.errors import Unavailable
from libs.rpc.well_known import time_of
from services.catalog.domain import following
from services.catalog.domain.following import FeedEvent, Happening

_PACKAGE = "latchkey.requests.v1."


def feed_event(event: event_pb2.Event) -> FeedEvent:
    """An event at its place.

    Raises:
        Unavailable: its payload is not what its type says. Passing over it could lose a lease.
    """
    try:
        happening = _happening(event.type, event.payload)
    except DecodeError as error:
        raise Unavailable(
            "the requests service", f"its event {event.event_id} can't be read"
        ) from error
    return FeedEvent(event.position, event.event_id, happening)


def _happening(event_type: str, payload: bytes) -> Happening | None:
    """What it means; none for events that mean nothing here, and for those of later versions."""
    match event_type.removeprefix(_PACKAGE):
        case "AccessRequestCreated":
            made = pb.AccessRequestCreated.FromString(payload)
            return following.Asked(
                made.access_request_id, made.entitlement_id, made.app_id, made.subject_user_id
            )
        case "AccessRequestApproved":
            approved = pb.AccessRequestApproved.FromString(payload)
            if not approved.lease_id:
                return None  # a lease lasts longer, and says so itself
            return following.Granted(approved.access_request_id, approved.lease_id)
        case "LeaseExtended":
            extended = pb.LeaseExtended.FromString(payload)
            return following.Extended(
                extended.access_request_id, extended.lease_id, time_of(extended.end_time)
            )
        case "AccessRequestRetried":
            retried = pb.AccessRequestRetried.FromString(payload)
            return following.Granted(retried.access_request_id, retried.lease_id)
        case "AccessRequestFulfilled":
            fulfilled = pb.AccessRequestFulfilled.FromString(payload)
            return following.Fulfilled(fulfilled.access_request_id, _end_time(fulfilled))
        case "AccessRequestFailed":
            return following.Failed(pb.AccessRequestFailed.FromString(payload).access_request_id)
        case "AccessRequestDenied":
            return following.Closed(pb.AccessRequestDenied.FromString(payload).access_request_id)
        case "AccessRequestCancelled":
            return following.Closed(pb.AccessRequestCancelled.FromString(payload).access_request_id)
        case "LeaseEnded":
            return following.LeaseEnding(pb.LeaseEnded.FromString(payload).lease_id)
        case "LeaseRemoved":
            return following.LeaseGone(pb.LeaseRemoved.FromString(payload).lease_id)
        case _:
            return None


def _end_time(message: pb.AccessRequestFulfilled) -> datetime | None:
    return time_of(message.end_time) if message.HasField("end_time") else None
