"""The other services, as the handlers need them."""

from collections.abc import AsyncIterator, Sequence

from google.protobuf.message import Message

from latchkey.catalog.v1 import ingest_pb2, ingest_pb2_grpc, resolution_pb2_grpc
from latchkey.requests.v1 import lease_pb2, lease_pb2_grpc
from libs.domain.errors import Invalid, NotFound, Unavailable
from libs.rpc.peers import Peer
from services.connector.domain.connection import Connection
from services.connector.domain.directory import AppInScope
from services.connector.domain.lease import Confirmation, ConfirmedTarget, Lease
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.sync import Checkpoint, Ingested, NumberedPage, Sync
from services.connector.domain.target import Target
from services.connector.translate import ingest, leases

_MOST_TARGETS = 100
_MOST_LEASES = 500
_MOST_APPS = 1000
# The completing message may remove much in one transaction.
_INGEST_SECONDS = 300.0


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
        """The leases that are on their way out of Entra, the longest overdue first."""
        found = await self._in_state(lease_pb2.LEASE_STATE_ENDING)
        return [lease_id for _, lease_id in sorted(found)]

    async def granted(self) -> Sequence[str]:
        """The leases that are on their way into Entra."""
        found = await self._in_state(lease_pb2.LEASE_STATE_GRANTED)
        return [lease_id for _, lease_id in found]

    async def _in_state(
        self, state: lease_pb2.LeaseState.ValueType
    ) -> Sequence[tuple[leases.Moment, str]]:
        """Leases, with when they end."""
        found: list[tuple[leases.Moment, str]] = []
        request = lease_pb2.ListLeasesRequest(state=state, page_size=_MOST_LEASES)
        while True:
            answer = await self._peer.call(self._leases.ListLeases, request)
            found += [(leases.end_of(lease), lease.lease_id) for lease in answer.leases]
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

    async def check_held(
        self, connection_id: str, expected: Sequence[ExpectedAssignment]
    ) -> tuple[str, frozenset[str]]:
        """The newest sync, empty while it is not complete, and what it did not see."""
        request = leases.check_held_request(connection_id, expected)
        answer = await self._peer.call(self._resolution.CheckHeld, request)
        if len(answer.states) != len(expected):
            raise Unavailable("the catalog service", "it answered for other assignments")
        return answer.sync_id, leases.missing_of(expected, answer)

    async def checkpoint(self, connection_id: str) -> Checkpoint:
        """How far it has the newest sync of a connection."""
        request = ingest_pb2.GetCheckpointRequest(connection_id=connection_id)
        answer = await self._peer.call(self._ingest.GetCheckpoint, request)
        return ingest.checkpoint_of(answer)

    async def ingest(
        self, sync: Sync, connection: Connection, pages: AsyncIterator[NumberedPage]
    ) -> Ingested:
        """Brings it pages until they end."""

        async def messages() -> AsyncIterator[Message]:
            async for page in pages:
                yield ingest.ingest_request(sync, connection, page)

        answer = await self._peer.send(self._ingest.Ingest, messages(), seconds=_INGEST_SECONDS)
        return ingest.ingested_of(answer)

    async def apps_in_scope(self, connection_id: str) -> Sequence[AppInScope]:
        """The apps of a connection."""
        found: list[AppInScope] = []
        request = ingest_pb2.ListAppsInScopeRequest(
            connection_id=connection_id, page_size=_MOST_APPS
        )
        while True:
            answer = await self._peer.call(self._ingest.ListAppsInScope, request, seconds=20)
            found += ingest.apps_in_scope_of(answer)
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token
