"""People decide: the calls of approvers, and of the operator who says that they shall."""

from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.field_mask_pb2 import FieldMask

from latchkey.catalog.v1 import entitlement_pb2, entitlement_pb2_grpc, settings_pb2
from latchkey.policy.v1 import policy_pb2, policy_pb2_grpc
from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import access_request_pb2_grpc as pb_grpc
from latchkey.requests.v1 import lease_pb2, lease_pb2_grpc
from libs.rpc.well_known import duration
from tools.dev.client import Client

MANAGER_APPROVAL = "pol_manager"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """How entitlements are decided, in an administrator's hands."""

    operator: Client

    async def create(self, policy: policy_pb2.Policy) -> policy_pb2.Policy:
        """Creates a policy."""
        stub = policy_pb2_grpc.PolicyServiceStub(self.operator.channel("policy"))
        answer: policy_pb2.CreatePolicyResponse = await self.operator.call(
            stub.CreatePolicy, policy_pb2.CreatePolicyRequest(policy=policy)
        )
        return answer.policy

    async def use(self, entitlement_id: str, policy_id: str) -> None:
        """Has a policy decide who gets an entitlement, whatever the rules of its app say."""
        stub = entitlement_pb2_grpc.EntitlementServiceStub(self.operator.channel("catalog"))
        await self.operator.call(
            stub.UpdateEntitlement,
            entitlement_pb2.UpdateEntitlementRequest(
                entitlement=entitlement_pb2.Entitlement(
                    entitlement_id=entitlement_id,
                    override=settings_pb2.EntitlementOverride(policy_id=policy_id),
                ),
                update_mask=FieldMask(paths=["override"]),
            ),
        )


@dataclass(frozen=True, slots=True)
class Decider:
    """Somebody who asks, looks and decides."""

    client: Client

    async def preview(self, entitlement_id: str) -> pb.PreviewAccessRequestResponse:
        """What would happen if they asked."""
        answer: pb.PreviewAccessRequestResponse = await self.client.call(
            self._stub.PreviewAccessRequest,
            pb.PreviewAccessRequestRequest(entitlement_id=entitlement_id),
        )
        return answer

    async def inbox(self, user_id: str) -> list[pb.AccessRequest]:
        """What waits for them to decide."""
        answer: pb.ListAccessRequestsResponse = await self.client.call(
            self._stub.ListAccessRequests, pb.ListAccessRequestsRequest(approver_user_id=user_id)
        )
        return list(answer.access_requests)

    async def get(self, access_request_id: str) -> pb.AccessRequest:
        """It as it is."""
        answer: pb.GetAccessRequestResponse = await self.client.call(
            self._stub.GetAccessRequest,
            pb.GetAccessRequestRequest(access_request_id=access_request_id),
        )
        return answer.access_request

    async def approve(
        self, seen: pb.AccessRequest, reason: str, length: timedelta | None = None
    ) -> pb.AccessRequest:
        """Says yes, to what was asked for or for less long."""
        answer: pb.ApproveAccessRequestResponse = await self.client.call(
            self._stub.ApproveAccessRequest,
            pb.ApproveAccessRequestRequest(
                access_request_id=seen.access_request_id,
                etag=seen.etag,
                reason=reason,
                duration=duration(length),
            ),
        )
        return answer.access_request

    async def extend(self, lease_id: str, reason: str, length: timedelta) -> pb.AccessRequest:
        """Asks for a lease to last so much longer."""
        answer: lease_pb2.ExtendLeaseResponse = await self.client.call(
            lease_pb2_grpc.LeaseServiceStub(self.client.channel("requests")).ExtendLease,
            lease_pb2.ExtendLeaseRequest(
                lease_id=lease_id, justification=reason, duration=duration(length)
            ),
        )
        return answer.access_request

    async def deny(self, seen: pb.AccessRequest, reason: str) -> pb.AccessRequest:
        """Says no."""
        answer: pb.DenyAccessRequestResponse = await self.client.call(
            self._stub.DenyAccessRequest,
            pb.DenyAccessRequestRequest(
                access_request_id=seen.access_request_id, etag=seen.etag, reason=reason
            ),
        )
        return answer.access_request

    @property
    def _stub(self) -> pb_grpc.AccessRequestServiceStub:
        return pb_grpc.AccessRequestServiceStub(self.client.channel("requests"))
