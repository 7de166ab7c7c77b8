"""The other services, as the handlers need them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from google.protobuf.message import Message

from latchkey.catalog.v1 import ingest_pb2, ingest_pb2_grpc, resolution_pb2_grpc
from latchkey.requests.v1 import lease_pb2, lease_pb2_grpc
from libs.db.gathered import Gathered
from libs.domain.errors import Invalid, LatchkeyError, NotFound, Unavailable
from libs.rpc.peers import Peer
from services.connector.domain.connection import Connection
from services.connector.domain.directory import AppInScope
from services.connector.domain.lease import Confirmation, Lease
from services.connector.domain.reconciliation import ExpectedAssignment
from services.connector.domain.sync import Checkpoint, Ingested, NumberedPage, Sync
from services.connector.domain.target import Target
from services.connector.translate import ingest, leases

_MOST_TARGETS = 100
# Leases that are asked about in one call; of each a question has at most that many targets.
_MOST_AT_ONCE = 64
_MOST_LEASES = 500
_MOST_APPS = 1000
# The completing message may remove much in one transaction.
_INGEST_SECONDS = 300.0


class RequestsClient:
    """The requests service."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._leases = lease_pb2_grpc.LeaseServiceStub(peer.channel)
        self._gathered = Gathered(self._several, _MOST_AT_ONCE)

    async def lease(self, lease_id: str) -> Lease:
        """A lease. What is asked for while an answer is awaited goes into one call."""
        found = await self._gathered.get(lease_id)
        if found is None:
            raise NotFound("LEASE_NOT_FOUND", "There is no such lease.", lease_id=lease_id)
        return found

    async def _several(self, lease_ids: Sequence[str]) -> Mapping[str, Lease]:
        asked = [*dict.fromkeys(lease_ids)]
        request = lease_pb2.BatchGetLeasesRequest(lease_ids=asked)
        try:
            answer = await self._peer.call(self._leases.BatchGetLeases, request)
        except Invalid:
            # What is no lease id at all is no lease either. Nobody waits for it but who asked.
            if len(asked) == 1:
                return {}
            found = await asyncio.gather(*(self._several([each]) for each in asked))
            return {id: lease for some in found for id, lease in some.items()}
        return {each.lease_id: leases.lease_of(each) for each in answer.leases}

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
        self._confirmed = Gathered(self._several, _MOST_AT_ONCE)

    async def confirm(
        self, entitlement_id: str, user_id: str, targets: Sequence[Target]
    ) -> Confirmation:
        """What the catalog says of targets. What is asked for while an answer is awaited goes into
        one call."""
        ids = tuple(target.directory_entitlement_id for target in targets)
        found = await self._confirmation((entitlement_id, user_id, ids[:_MOST_TARGETS]))
        confirmed = [*found.targets]
        for start in range(_MOST_TARGETS, len(ids), _MOST_TARGETS):
            question = (entitlement_id, user_id, ids[start : start + _MOST_TARGETS])
            confirmed += (await self._confirmation(question)).targets
        return Confirmation(found.subject, tuple(confirmed))

    async def _confirmation(self, question: leases.Question) -> Confirmation:
        found = await self._confirmed.get(question)
        if isinstance(found, LatchkeyError):
            raise found
        if found is None or len(found.targets) != len(question[2]):
            raise Unavailable("the catalog service", "it answered for other targets")
        return found

    async def _several(
        self, asked: Sequence[leases.Question]
    ) -> Mapping[leases.Question, Confirmation | LatchkeyError]:
        questions = [*dict.fromkeys(asked)]
        request = leases.confirm_request(questions)
        try:
            answer = await self._peer.call(self._resolution.BatchConfirmTargets, request)
        except Invalid as error:
            # One is wrong, and concerns nobody but who asked it.
            if len(questions) == 1:
                return {questions[0]: error}
            answers = await asyncio.gather(*(self._several([each]) for each in questions))
            return {question: found for some in answers for question, found in some.items()}
        return dict(zip(questions, map(leases.confirmation_of, answer.answers), strict=False))

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
