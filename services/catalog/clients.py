"""The other services, as the handlers need them."""

from collections.abc import Sequence

from latchkey.ledger.v1 import event_pb2, event_pb2_grpc
from libs.domain.errors import LatchkeyError, Unavailable
from libs.rpc.peers import Peer
from services.catalog.domain.following import FeedEvent
from services.catalog.translate.feed import feed_event


class NoRequests:
    """Where no requests service is named, as `ports.Requests`."""

    async def events(self, after: int, most: int) -> Sequence[FeedEvent]:
        raise Unavailable("the requests service", "LATCHKEY_REQUESTS_ADDRESS is not set")


class Requests:
    """The requests service, as `ports.Requests`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._events = event_pb2_grpc.EventServiceStub(peer.channel)

    async def events(self, after: int, most: int) -> Sequence[FeedEvent]:
        request = event_pb2.ListEventsRequest(after_position=after, page_size=most)
        try:
            answer = await self._peer.call(self._events.ListEvents, request)
        except LatchkeyError as error:
            raise Unavailable.refused("the requests service", error) from error
        return [feed_event(event) for event in answer.events]
