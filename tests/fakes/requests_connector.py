"""The connector that the requests service calls, as a real gRPC server of a test's own."""

from datetime import UTC, datetime

import grpc
import nats
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from nats.aio.client import Client
from nats.js.errors import NoStreamResponseError

from latchkey.catalog.v1 import target_pb2
from latchkey.connector.v1 import (
    connection_pb2,
    events_pb2,
    provisioning_pb2,
    provisioning_pb2_grpc,
)
from libs.domain.ids import new_id
from libs.events.envelope import Event
from tests.fakes.requests_peers import (
    ANSWER_TIME,
    Context,
    FakeServer,
    group_target,
    role_target,
)
from tests.support.eventually import eventually

_REFUSED = "The group's members can't be changed."


class FakeConnector(FakeServer, provisioning_pb2_grpc.ProvisioningServiceServicer):
    """Says of a lease what the test told it, and publishes what the test wants published."""

    domain = "latchkey.connector"

    def __init__(self, nats_url: str) -> None:
        super().__init__()
        self.deliveries: dict[str, provisioning_pb2.Delivery] = {}
        self._nats_url = nats_url
        self._nats: Client | None = None

    async def stop(self) -> None:
        await super().stop()
        if self._nats is not None:
            await self._nats.close()
            self._nats = None

    def pending(self, lease_id: str, round: int = 1) -> None:
        """Has heard of the lease."""
        self.deliveries[lease_id] = provisioning_pb2.Delivery(
            lease_id=lease_id,
            round=round,
            state=provisioning_pb2.DELIVERY_STATE_PENDING,
        )

    def delivered(self, lease_id: str, round: int = 1) -> None:
        """Has put the lease into Entra, and says so when asked."""
        answer_time = Timestamp()
        answer_time.FromDatetime(ANSWER_TIME)
        self.deliveries[lease_id] = provisioning_pb2.Delivery(
            lease_id=lease_id,
            round=round,
            state=provisioning_pb2.DELIVERY_STATE_DELIVERED,
            targets=[
                provisioning_pb2.TargetDelivery(
                    target=target, answer="201", answer_time=answer_time, preexisting=preexisting
                )
                for target, preexisting in ((role_target(), False), (group_target(), True))
            ],
        )

    def failed(self, lease_id: str, round: int = 1, reason: str = "group_not_writable") -> None:
        """Could not put the lease into Entra, and says so when asked."""
        self.deliveries[lease_id] = provisioning_pb2.Delivery(
            lease_id=lease_id,
            round=round,
            state=provisioning_pb2.DELIVERY_STATE_FAILED,
            failure_reason=reason,
            failure_message=_REFUSED,
            remedy=provisioning_pb2.REMEDY_HOPELESS,
        )

    def partly(self, lease_id: str, round: int = 1, reason: str = "group_not_writable") -> None:
        """Has put the role into Entra and not the membership, and says so when asked."""
        self.failed(lease_id, round, reason)
        role, group = self._targets((role_target(), "201"), (group_target(), "403"))
        role.assignment_state = provisioning_pb2.ASSIGNMENT_STATE_PRESENT
        _refuse(group, provisioning_pb2.ASSIGNMENT_STATE_FAILED, reason)
        self.deliveries[lease_id].targets.extend((role, group))

    def keeps(self, lease_id: str, round: int = 1, reason: str = "group_not_writable") -> None:
        """Can't take the membership out of Entra, and says so when asked."""
        role, group = self._targets((role_target(), "204"), (group_target(), "403"))
        role.assignment_state = provisioning_pb2.ASSIGNMENT_STATE_ABSENT
        _refuse(group, provisioning_pb2.ASSIGNMENT_STATE_REMOVING, reason)
        self.deliveries[lease_id] = provisioning_pb2.Delivery(
            lease_id=lease_id,
            round=round,
            state=provisioning_pb2.DELIVERY_STATE_REMOVING,
            targets=[role, group],
        )

    def removed_by_hand(self, lease_id: str, state: str, time: datetime, round: int = 1) -> None:
        """Finds that somebody took the membership out of Entra, and says so when asked."""
        self.delivered(lease_id, round)
        delivery = self.deliveries[lease_id]
        delivery.state = provisioning_pb2.DeliveryState.Value(f"DELIVERY_STATE_{state}")
        if state == "LOST":
            delivery.targets[1].assignment_state = provisioning_pb2.ASSIGNMENT_STATE_LOST
        for each in (delivery, delivery.targets[1]):
            each.removed_outside_time.FromDatetime(time)

    @staticmethod
    def _targets(
        *answers: tuple[target_pb2.Target, str],
    ) -> list[provisioning_pb2.TargetDelivery]:
        answer_time = Timestamp()
        answer_time.FromDatetime(ANSWER_TIME)
        return [
            provisioning_pb2.TargetDelivery(target=target, answer=answer, answer_time=answer_time)
            for target, answer in answers
        ]

    def removed(self, lease_id: str) -> None:
        """Has taken the lease out of Entra, and says so when asked."""
        self.deliveries[lease_id] = provisioning_pb2.Delivery(
            lease_id=lease_id, round=1, state=provisioning_pb2.DELIVERY_STATE_REMOVED
        )

    async def say_provisioned(self, lease_id: str, round: int = 1) -> None:
        """Publishes `AccessProvisioned`, whether it is true or not."""
        await self.publish(events_pb2.AccessProvisioned(lease_id=lease_id, round=round), lease_id)

    async def say_failed(self, lease_id: str, round: int = 1) -> None:
        """Publishes `AccessProvisioningFailed`, whether it is true or not."""
        await self.publish(
            events_pb2.AccessProvisioningFailed(lease_id=lease_id, round=round), lease_id
        )

    async def say_removed_outside(self, lease_id: str, round: int = 1) -> None:
        """Publishes `AccessRemovedOutside`, whether it is true or not."""
        await self.publish(
            events_pb2.AccessRemovedOutside(
                lease_id=lease_id,
                round=round,
                directory_entitlement_ids=["den_whatever"],
                action=connection_pb2.REMOVED_ACCESS_ACTION_END,
            ),
            lease_id,
        )

    async def say_deprovisioned(self, lease_id: str) -> None:
        """Publishes `AccessDeprovisioned`, whether it is true or not."""
        await self.publish(events_pb2.AccessDeprovisioned(lease_id=lease_id), lease_id)

    async def publish(self, message: Message, resource_id: str, *, event_id: str = "") -> str:
        """Publishes any event; returns its id. One with the id of an earlier one is a new copy."""
        event = Event(
            event_id=event_id or new_id("evt"),
            type=message.DESCRIPTOR.full_name,
            resource_id=resource_id,
            resource_version=1,
            event_time=datetime.now(UTC),
            actor='{"service":"connector"}',
            payload=message.SerializeToString(),
        )
        if self._nats is None:
            self._nats = await nats.connect(self._nats_url)
        # Without the broker's own id, which would make it drop a copy.
        headers = {k: v for k, v in event.headers().items() if k != "Nats-Msg-Id"}
        jetstream = self._nats.jetstream()

        async def published() -> bool:
            try:
                return bool(await jetstream.publish(event.subject, event.payload, headers=headers))
            except NoStreamResponseError:  # no service has reached this broker yet
                return False

        await eventually(published)
        return event.event_id

    def _register(self, server: grpc.aio.Server) -> None:
        provisioning_pb2_grpc.add_ProvisioningServiceServicer_to_server(self, server)

    async def GetDelivery(
        self, request: provisioning_pb2.GetDeliveryRequest, context: Context
    ) -> provisioning_pb2.GetDeliveryResponse:
        raise AssertionError("requests asks for several at once")

    async def BatchGetDeliveries(
        self, request: provisioning_pb2.BatchGetDeliveriesRequest, context: Context
    ) -> provisioning_pb2.BatchGetDeliveriesResponse:
        await self.take(context)
        found = [self.deliveries[id] for id in request.lease_ids if id in self.deliveries]
        return provisioning_pb2.BatchGetDeliveriesResponse(deliveries=found)

    async def ListAssignments(
        self, request: provisioning_pb2.ListAssignmentsRequest, context: Context
    ) -> provisioning_pb2.ListAssignmentsResponse:
        await self.take(context)
        return provisioning_pb2.ListAssignmentsResponse()

    async def ListOperations(
        self, request: provisioning_pb2.ListOperationsRequest, context: Context
    ) -> provisioning_pb2.ListOperationsResponse:
        await self.take(context)
        return provisioning_pb2.ListOperationsResponse()

    async def GetOperation(
        self, request: provisioning_pb2.GetOperationRequest, context: Context
    ) -> provisioning_pb2.GetOperationResponse:
        await self.take(context)
        return provisioning_pb2.GetOperationResponse()

    async def RetryOperation(
        self, request: provisioning_pb2.RetryOperationRequest, context: Context
    ) -> provisioning_pb2.RetryOperationResponse:
        await self.take(context)
        return provisioning_pb2.RetryOperationResponse()


def _refuse(
    found: provisioning_pb2.TargetDelivery,
    state: provisioning_pb2.AssignmentState.ValueType,
    reason: str,
) -> None:
    found.assignment_state = state
    found.failure_reason, found.failure_message = reason, _REFUSED
    found.remedy = provisioning_pb2.REMEDY_HOPELESS
