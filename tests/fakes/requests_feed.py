"""The feed of the requests service, as a real gRPC server of a test's own."""

from datetime import datetime

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.ledger.v1 import event_pb2, event_pb2_grpc
from latchkey.requests.v1 import events_pb2 as pb
from libs.domain.ids import new_id
from tests.fakes.requests_peers import Context, FakeServer


class FakeFeed(FakeServer, event_pb2_grpc.EventServiceServicer):
    """Answers with the events that the test let happen."""

    domain = "latchkey.requests"

    def __init__(self) -> None:
        super().__init__()
        self.events: list[event_pb2.Event] = []

    def happen(self, *messages: Message) -> None:
        """Appends events."""
        for message in messages:
            self.events.append(
                event_pb2.Event(
                    position=len(self.events) + 1,
                    event_id=new_id("evt"),
                    type=message.DESCRIPTOR.full_name,
                    payload=message.SerializeToString(),
                )
            )

    def restore(self) -> None:
        """Is put back to a time before everything."""
        self.events.clear()

    def _register(self, server: grpc.aio.Server) -> None:
        event_pb2_grpc.add_EventServiceServicer_to_server(self, server)

    async def ListEvents(
        self, request: event_pb2.ListEventsRequest, context: Context
    ) -> event_pb2.ListEventsResponse:
        await self.take(context)
        after = request.after_position
        events = self.events[after : after + request.page_size]
        return event_pb2.ListEventsResponse(
            events=events, last_position=events[-1].position if events else after
        )


def asked(access_request_id: str, entitlement_id: str, app_id: str, user_id: str) -> Message:
    """An access request was made."""
    return pb.AccessRequestCreated(
        access_request_id=access_request_id,
        entitlement_id=entitlement_id,
        app_id=app_id,
        subject_user_id=user_id,
    )


def fulfilled(access_request_id: str, lease_id: str, end_time: datetime | None) -> Message:
    """Its access is in Entra."""
    message = pb.AccessRequestFulfilled(access_request_id=access_request_id, lease_id=lease_id)
    if end_time is not None:
        stamp = Timestamp()
        stamp.FromDatetime(end_time)
        message.end_time.CopyFrom(stamp)
    return message
