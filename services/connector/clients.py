"""The other services, as the handlers need them."""

from collections.abc import AsyncIterator, Sequence

from google.protobuf.message import Message

from latchkey.catalog.v1 import ingest_pb2, ingest_pb2_grpc, resolution_pb2_grpc
from latchkey.requests.v1 import lease_pb2, lease_pb2_grpc
from libs.domain.errors import Invalid, NotFound, Unavailable
from libs.rpc.peers import Peer
from services.connector.domain.connection import Connection
from services.connector.domain.lease import Confirmation, ConfirmedTarget, Lease
from services.connector.domain.target import Target
from services.connector.ports import Checkpoint, Ingested, NumberedPage
from services.connector.translate import ingest, leases

_MOST_TARGETS = 100
_MOST_LEASES = 500
_INGEST_SECONDS = 60.0


class RequestsClient:
    """The requests service."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._leases = lease_pb2_grpc.LeaseServiceStub(peer.channel)

    async def lease(self, lease_id: str) -> Lease:
        """A lease."""
        request = lease_pb2.GetLeaseRequest(lease_id=lease_id)
        try:
            answer = await self._peer.call(self._leases.GetLease, request)
        except Invalid as error:
            # What is no lease id at all is no lease either.
            raise NotFound("LEASE_NOT_FOUND", error.message, lease_id=lease_id) from error
        return leases.lease_of(answer.lease)

    async def ending(self) -> Sequence[str]:
        """The leases that are on their way out of Entra."""
        return await self._in_state(lease_pb2.LEASE_STATE_ENDING)

    async def granted(self) -> Sequence[str]:
        """The leases that are on their way into Entra."""
        return await self._in_state(lease_pb2.LEASE_STATE_GRANTED)

    async def _in_state(self, state: lease_pb2.LeaseState.ValueType) -> Sequence[str]:
        found: list[str] = []
        request = lease_pb2.ListLeasesRequest(state=state, page_size=_MOST_LEASES)
        while True:
            answer = await self._peer.call(self._leases.ListLeases, request)
            found += [lease.lease_id for lease in answer.leases]
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token


class CatalogClient:
    """The catalog service."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._ingest = ingest_pb2_grpc.IngestServiceStub(peer.channel)
        self._resolution = resolution_pb2_grpc.ResolutionServiceStub(peer.channel)

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[Target]
    ) -> Confirmation:
        """What the catalog says of targets."""
        confirmed: list[ConfirmedTarget] = []
        # Once at least, for the subject.
        for start in range(0, max(1, len(targets)), _MOST_TARGETS):
            asked = targets[start : start + _MOST_TARGETS]
            request = leases.confirm_request(entitlement_id, user_id, asked)
            answer = await self._peer.call(self._resolution.ConfirmTargets, request)
            found = leases.confirmation_of(answer)
            if len(found.targets) != len(asked):
                raise Unavailable("the catalog service", "it answered for other targets")
            confirmed += found.targets
        return Confirmation(found.subject, tuple(confirmed))

    async def checkpoint(self, sync_id: str) -> Checkpoint:
        """How far it has a sync."""
        request = ingest_pb2.GetCheckpointRequest(sync_id=sync_id)
        answer = await self._peer.call(self._ingest.GetCheckpoint, request)
        return Checkpoint(answer.last_page_number, answer.checkpoint, answer.completed)

    async def ingest(
        self, sync_id: str, connection: Connection, pages: AsyncIterator[NumberedPage]
    ) -> Ingested:
        """Brings it pages until they end."""

        async def messages() -> AsyncIterator[Message]:
            async for page in pages:
                yield ingest.ingest_request(sync_id, connection, page)

        answer = await self._peer.send(self._ingest.Ingest, messages(), seconds=_INGEST_SECONDS)
        return Ingested(answer.last_page_number, answer.seen_count)
