"""The other services, as the handlers need them."""

from latchkey.catalog.v1 import approver_pb2, approver_pb2_grpc
from libs.domain.errors import LatchkeyError, NotFound, Unavailable
from libs.domain.paging import MAX_PAGE_SIZE
from libs.rpc.peers import Peer
from services.policy.domain.coverage import Gap, Inquiry, Use
from services.policy.translate.catalog import gap_of, inquiry_to_proto, use_of

_NAME = "the catalog service"
# It goes through everybody who may ask.
_AUDIENCE_SECONDS = 60.0


class NoCatalog:
    """Where no catalog is named, as `ports.Catalog`."""

    async def uses(self, policy_id: str, most: int) -> tuple[Use, ...]:
        raise Unavailable(_NAME, "LATCHKEY_CATALOG_ADDRESS is not set")

    async def gap(self, inquiry: Inquiry) -> Gap | None:
        raise Unavailable(_NAME, "LATCHKEY_CATALOG_ADDRESS is not set")


class Catalog:
    """The catalog, as `ports.Catalog`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._approvers = approver_pb2_grpc.ApproverServiceStub(peer.channel)

    async def uses(self, policy_id: str, most: int) -> tuple[Use, ...]:
        found: list[Use] = []
        token = ""
        while len(found) < most:
            request = approver_pb2.ListPolicyUsesRequest(
                policy_id=policy_id,
                page_size=min(most - len(found), MAX_PAGE_SIZE),
                page_token=token,
            )
            try:
                answer = await self._peer.call(self._approvers.ListPolicyUses, request)
            except LatchkeyError as error:
                raise Unavailable.refused(_NAME, error) from error
            found += map(use_of, answer.uses)
            token = answer.next_page_token
            if not token:
                break
        return tuple(found)

    async def gap(self, inquiry: Inquiry) -> Gap | None:
        request = inquiry_to_proto(inquiry)
        try:
            answer = await self._peer.call(
                self._approvers.CheckApprovers, request, seconds=_AUDIENCE_SECONDS
            )
            return gap_of(answer)
        except NotFound:
            return None
        except LatchkeyError as error:
            raise Unavailable.refused(_NAME, error) from error
