"""Follows the leases of requests."""

from collections.abc import Awaitable, Callable

from google.protobuf.message import DecodeError

from latchkey.requests.v1 import events_pb2
from libs.db.committer import Received
from libs.db.writes import Writes
from libs.domain.changes import Outcome
from libs.domain.errors import NotFound
from libs.events.consumer import Follow, Hopeless
from libs.events.envelope import Event
from services.connector.handlers.deliver_lease import DeliverLease
from services.connector.handlers.end_lease import EndLease
from services.connector.ports import Room, Rooms

FOLLOWED = (events_pb2.LeaseGranted, events_pb2.LeaseEnded)
UseCase = Callable[[str, Room], Awaitable[Outcome[None]]]


def follows(writes: Writes, rooms: Rooms, deliver: DeliverLease, end: EndLease) -> list[Follow]:
    """Which events are followed, and what each has done."""
    granted, ended = FOLLOWED
    return [
        _of_lease(writes, rooms, granted, deliver),
        # It is told again when somebody says that they removed it by hand.
        _of_lease(writes, rooms, ended, lambda lease_id, _: end(lease_id, hurry=True)),
    ]


def _of_lease(
    writes: Writes,
    rooms: Rooms,
    message_type: type[events_pb2.LeaseGranted] | type[events_pb2.LeaseEnded],
    use_case: UseCase,
) -> Follow:
    async def handle(event: Event, received: Received) -> None:
        try:
            lease_id = message_type.FromString(event.payload).lease_id
        except DecodeError as error:
            raise Hopeless("its payload is not what its type says") from error
        if not lease_id:
            raise Hopeless("it names no lease")
        try:
            with rooms() as room:
                await writes.effect(received, lambda: use_case(lease_id, room))
        except NotFound as error:
            # Whoever sent it, requests does not know this lease.
            raise Hopeless(error.message) from error

    return Follow(message_type.DESCRIPTOR.full_name, handle)
