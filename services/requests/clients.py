"""The other services, as the use cases know them."""

from datetime import datetime, timedelta

from latchkey.catalog.v1 import (
    directory_pb2,
    directory_pb2_grpc,
    entitlement_pb2,
    entitlement_pb2_grpc,
    resolution_pb2,
    resolution_pb2_grpc,
)
from latchkey.connector.v1 import provisioning_pb2, provisioning_pb2_grpc
from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc
from libs.domain.errors import LatchkeyError, NotFound, Unavailable
from libs.rpc.peers import Peer
from services.requests.domain.delivery import Delivery
from services.requests.domain.gone import Gone
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import NoPlan, Plan
from services.requests.domain.resolution import Resolution
from services.requests.translate import peers
from services.requests.translate.plans import plan_from_proto

# A caller waits for both one after the other, and for the commit.
_CATALOG_SECONDS = 4.0
_POLICY_SECONDS = 2.0
_CONNECTOR_SECONDS = 3.0


class Catalog:
    """The catalog, as `ports.Catalog`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = resolution_pb2_grpc.ResolutionServiceStub(peer.channel)
        self._directory = directory_pb2_grpc.DirectoryServiceStub(peer.channel)
        self._entitlements = entitlement_pb2_grpc.EntitlementServiceStub(peer.channel)

    async def resolve(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Resolution:
        request = resolution_pb2.ResolveEntitlementRequest(
            entitlement_id=entitlement_id,
            requester_user_id=requester_user_id,
            subject_user_id=subject_user_id,
        )
        try:
            answer = await self._peer.call(
                self._stub.ResolveEntitlement, request, seconds=_CATALOG_SECONDS
            )
        except LatchkeyError as error:
            raise peers.catalog_error(error) from error
        return peers.resolution_from_proto(answer)

    async def person_gone(self, user_id: str) -> Gone | None:
        found = await self._user(user_id)
        return found if isinstance(found, Gone) else peers.person_gone(found)

    async def enabled_person(self, user_id: str) -> PersonRef | None:
        found = await self._user(user_id)
        return None if isinstance(found, Gone) else peers.enabled_person(found)

    async def _user(self, user_id: str) -> directory_pb2.User | Gone:
        request = directory_pb2.GetUserRequest(user_id=user_id)
        try:
            answer = await self._peer.call(
                self._directory.GetUser, request, seconds=_CATALOG_SECONDS
            )
        except LatchkeyError as error:
            return peers.unknown(error, "USER_NOT_FOUND", "The person is not in the directory.")
        user: directory_pb2.User = answer.user
        return user

    async def entitlement_gone(self, entitlement_id: str) -> Gone | None:
        request = entitlement_pb2.GetEntitlementRequest(entitlement_id=entitlement_id)
        try:
            answer = await self._peer.call(
                self._entitlements.GetEntitlement, request, seconds=_CATALOG_SECONDS
            )
        except LatchkeyError as error:
            return peers.unknown(error, "ENTITLEMENT_NOT_FOUND", "The app no longer offers it.")
        return peers.entitlement_gone(answer.entitlement)


class Policy:
    """Policy, as `ports.Policy`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = evaluation_pb2_grpc.EvaluationServiceStub(peer.channel)

    async def evaluate(
        self, resolution: Resolution, duration: timedelta | None, now: datetime
    ) -> Plan:
        request = evaluation_pb2.EvaluatePolicyRequest(
            policy_id=resolution.policy_id,
            facts=peers.facts_to_proto(resolution, duration, now),
        )
        try:
            answer = await self._peer.call(
                self._stub.EvaluatePolicy, request, seconds=_POLICY_SECONDS
            )
        except Unavailable as error:
            raise NoPlan("The policy service does not answer.") from error
        except LatchkeyError as error:
            # Whatever it is that policy can't do, it is no approval.
            raise NoPlan(f"{error.reason}: {error.message}") from error
        return plan_from_proto(answer.plan)


class Connector:
    """The connector, as `ports.Connector`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = provisioning_pb2_grpc.ProvisioningServiceStub(peer.channel)

    async def delivery(self, lease_id: str) -> Delivery | None:
        request = provisioning_pb2.GetDeliveryRequest(lease_id=lease_id)
        try:
            answer = await self._peer.call(
                self._stub.GetDelivery, request, seconds=_CONNECTOR_SECONDS
            )
        except NotFound:
            return None
        except LatchkeyError as error:
            raise Unavailable.refused("the connector service", error) from error
        return peers.delivery_from_proto(answer.delivery)
