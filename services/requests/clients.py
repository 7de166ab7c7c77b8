"""The other services, as the use cases know them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from latchkey.catalog.v1 import (
    app_pb2,
    app_pb2_grpc,
    approver_pb2,
    approver_pb2_grpc,
    directory_pb2,
    directory_pb2_grpc,
    entitlement_pb2,
    entitlement_pb2_grpc,
    grant_pb2,
    grant_pb2_grpc,
    resolution_pb2,
    resolution_pb2_grpc,
)
from latchkey.connector.v1 import provisioning_pb2, provisioning_pb2_grpc
from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc, policy_pb2
from libs.db.gathered import Gathered
from libs.domain.errors import LatchkeyError, NotFound, Unavailable
from libs.domain.paging import MAX_PAGE_SIZE
from libs.rpc.errors import TooLarge
from libs.rpc.peers import Peer
from services.requests.domain import errors
from services.requests.domain.delivery import Delivery
from services.requests.domain.gone import Gone
from services.requests.domain.holders import HeldThing
from services.requests.domain.inputs import Inputs
from services.requests.domain.offered import Offered
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Easier, NoPlan, Plan
from services.requests.domain.progress import Resolved
from services.requests.domain.replay import Draft, DraftAnswer
from services.requests.domain.resolution import Resolution
from services.requests.domain.steps import Approvers, People
from services.requests.translate import peers
from services.requests.translate.inputs import inputs_to_proto
from services.requests.translate.plans import (
    draft_answer_from_proto,
    easier_from_proto,
    plan_from_proto,
)
from services.requests.translate.steps import parts_of

# A caller waits for both one after the other, and for the commit.
_CATALOG_SECONDS = 4.0
_POLICY_SECONDS = 2.0
_CONNECTOR_SECONDS = 3.0
_MOST_DELIVERIES = 64
# Nobody waits for it but who asked, and a hundred are asked about.
_DRAFT_SECONDS = 30.0


class Catalog:
    """The catalog, as `ports.Catalog`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = resolution_pb2_grpc.ResolutionServiceStub(peer.channel)
        self._directory = directory_pb2_grpc.DirectoryServiceStub(peer.channel)
        self._entitlements = entitlement_pb2_grpc.EntitlementServiceStub(peer.channel)
        self._grants = grant_pb2_grpc.GrantServiceStub(peer.channel)
        self._apps = app_pb2_grpc.AppServiceStub(peer.channel)
        self._approvers = approver_pb2_grpc.ApproverServiceStub(peer.channel)

    async def resolve(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Resolution:
        request = resolution_pb2.ResolveEntitlementRequest(
            entitlement_id=entitlement_id,
            requester_user_id=requester_user_id,
            subject_user_id=subject_user_id,
            include_holdings=True,
            include_approvers=True,
        )
        try:
            answer = await self._peer.call(
                self._stub.ResolveEntitlement, request, seconds=_CATALOG_SECONDS
            )
        except LatchkeyError as error:
            raise peers.catalog_error(error, requester_user_id, subject_user_id) from error
        return peers.resolution_from_proto(answer)

    async def approvers(
        self, entitlement_id: str, subject_user_id: str, sources: Sequence[Approvers]
    ) -> tuple[Resolved, ...]:
        asked = [(number, part) for number, each in enumerate(sources) for part in parts_of(each)]
        if not asked:
            return tuple(map(_nobody, sources))
        request = approver_pb2.ResolveApproversRequest(
            entitlement_id=entitlement_id,
            subject_user_id=subject_user_id,
            sources=[source for _, source in asked],
        )
        try:
            answer = await self._peer.call(
                self._approvers.ResolveApprovers, request, seconds=_CATALOG_SECONDS
            )
        except NotFound as error:
            # The person or the entitlement is gone: nobody decides about that.
            return tuple(Resolved((), error.message) for _ in sources)
        except LatchkeyError as error:
            raise Unavailable.refused("the catalog service", error) from error
        found: dict[int, Resolved] = {}
        for (number, _), message in zip(asked, answer.resolved, strict=True):
            more, before = peers.resolved_from_proto(message), found.get(number, Resolved(()))
            problems = filter(None, (before.problem, more.problem))
            found[number] = Resolved((*before.people, *more.people), "; ".join(problems))
        return tuple(found.get(number) or _nobody(each) for number, each in enumerate(sources))

    async def managers(self, user_id: str) -> list[str]:
        request = directory_pb2.ListManagersRequest(user_id=user_id)
        try:
            answer = await self._peer.call(
                self._directory.ListManagers, request, seconds=_CATALOG_SECONDS
            )
        except NotFound:
            return []
        except LatchkeyError as error:
            raise Unavailable.refused("the catalog service", error) from error
        return [each.user_id for each in answer.managers]

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

    async def an_entitlement(self, app_id: str, entitlement_id: str = "") -> str:
        missing = errors.entitlement_not_found(app_id, entitlement_id)
        try:
            if entitlement_id:
                one = entitlement_pb2.GetEntitlementRequest(entitlement_id=entitlement_id)
                answer = await self._peer.call(
                    self._entitlements.GetEntitlement, one, seconds=_CATALOG_SECONDS
                )
                found = [answer.entitlement] if answer.entitlement.app_id == app_id else []
            else:
                some = entitlement_pb2.ListEntitlementsRequest(app_id=app_id, page_size=1)
                answer = await self._peer.call(
                    self._entitlements.ListEntitlements, some, seconds=_CATALOG_SECONDS
                )
                found = list(answer.entitlements)
        except NotFound as error:
            raise missing from error
        except LatchkeyError as error:
            raise Unavailable.refused("the catalog service", error) from error
        if not found:
            raise missing
        its_id: str = found[0].entitlement_id
        return its_id

    async def held(
        self,
        app_id: str = "",
        entitlement_id: str = "",
        *,
        user_id: str = "",
        unmanaged: bool = False,
    ) -> AsyncIterator[Sequence[HeldThing]]:
        request = grant_pb2.ListGrantsRequest(
            page_size=MAX_PAGE_SIZE,
            app_id=app_id,
            entitlement_id=entitlement_id,
            user_id=user_id,
            unmanaged=unmanaged,
        )
        while True:
            try:
                answer = await self._peer.call(
                    self._grants.ListGrants, request, seconds=_CATALOG_SECONDS
                )
            except NotFound as error:
                raise errors.entitlement_not_found(app_id, entitlement_id) from error
            except LatchkeyError as error:
                raise Unavailable.refused("the catalog service", error) from error
            yield [peers.held_from_proto(each) for each in answer.grants]
            if not (token := answer.next_page_token):
                return
            request.page_token = token

    async def offered(self, entitlement_id: str) -> Offered:
        its = entitlement_pb2.GetEntitlementRequest(entitlement_id=entitlement_id)
        try:
            answer = await self._peer.call(
                self._entitlements.GetEntitlement, its, seconds=_CATALOG_SECONDS
            )
            entitlement: entitlement_pb2.Entitlement = answer.entitlement
            of = app_pb2.GetAppRequest(app_id=entitlement.app_id)
            app = await self._peer.call(self._apps.GetApp, of, seconds=_CATALOG_SECONDS)
        except NotFound as error:
            raise errors.entitlement_not_found("", entitlement_id) from error
        except LatchkeyError as error:
            raise Unavailable.refused("the catalog service", error) from error
        return peers.offered_from_proto(entitlement, app.app)

    async def apps_that_act(self) -> list[str]:
        request = app_pb2.ListAppsRequest(page_size=MAX_PAGE_SIZE, state=app_pb2.APP_STATE_MANAGED)
        found: list[str] = []
        while True:
            try:
                answer = await self._peer.call(
                    self._apps.ListApps, request, seconds=_CATALOG_SECONDS
                )
            except LatchkeyError as error:
                raise Unavailable.refused("the catalog service", error) from error
            found += (each.app_id for each in answer.apps if peers.acts_on_unmanaged(each))
            if not (token := answer.next_page_token):
                return found
            request.page_token = token

    async def entitlement_gone(self, entitlement_id: str) -> Gone | None:
        request = entitlement_pb2.GetEntitlementRequest(entitlement_id=entitlement_id)
        try:
            answer = await self._peer.call(
                self._entitlements.GetEntitlement, request, seconds=_CATALOG_SECONDS
            )
        except LatchkeyError as error:
            return peers.unknown(error, "ENTITLEMENT_NOT_FOUND", "The app no longer offers it.")
        return peers.entitlement_gone(answer.entitlement)


def _nobody(approvers: Approvers) -> Resolved:
    if isinstance(approvers, People):
        return Resolved((), "the policy's expression names nobody")
    return Resolved((), "they are of a kind that this version does not know")


class Policy:
    """Policy, as `ports.Policy`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = evaluation_pb2_grpc.EvaluationServiceStub(peer.channel)

    async def evaluate(self, policy_id: str, inputs: Inputs) -> Plan:
        request = evaluation_pb2.EvaluatePolicyRequest(
            policy_id=policy_id, facts=inputs_to_proto(inputs)
        )
        answer = await self._ask(self._stub.EvaluatePolicy, request)
        return plan_from_proto(answer.plan)

    async def explain(self, policy_id: str, inputs: Inputs) -> tuple[Plan, Easier | None]:
        request = evaluation_pb2.ExplainPolicyRequest(
            policy_id=policy_id, facts=inputs_to_proto(inputs)
        )
        answer = await self._ask(self._stub.ExplainPolicy, request)
        easier = easier_from_proto(answer.easier) if answer.HasField("easier") else None
        return plan_from_proto(answer.plan), easier

    async def holds(self, condition: str, inputs: Inputs) -> bool:
        request = evaluation_pb2.EvaluateConditionRequest(
            condition=condition, facts=inputs_to_proto(inputs)
        )
        answer = await self._ask(self._stub.EvaluateCondition, request)
        holds: bool = answer.holds
        return holds

    async def draft(self, draft: Draft, inputs: Sequence[Inputs]) -> tuple[DraftAnswer, ...]:
        request = evaluation_pb2.EvaluateDraftRequest(
            policy=policy_pb2.Policy.FromString(draft.message), facts=map(inputs_to_proto, inputs)
        )
        try:
            answer = await self._peer.call(
                self._stub.EvaluateDraft, request, seconds=_DRAFT_SECONDS
            )
        except TooLarge:
            # Some hold a thousand entitlements, and some policies have a thousand rules to explain.
            if len(inputs) == 1:
                raise
            half = len(inputs) // 2
            first = await self.draft(draft, inputs[:half])
            return (*first, *await self.draft(draft, inputs[half:]))
        except LatchkeyError as error:
            raise peers.draft_error(error) from error
        if len(answer.answers) != len(inputs):
            raise Unavailable("the policy service", "it does not answer all that it was asked")
        return tuple(map(draft_answer_from_proto, answer.answers))

    async def _ask(self, method: Any, request: Any) -> Any:
        try:
            return await self._peer.call(method, request, seconds=_POLICY_SECONDS)
        except Unavailable as error:
            raise NoPlan("The policy service does not answer.") from error
        except LatchkeyError as error:
            # Whatever it is that policy can't do, it is no approval.
            raise NoPlan(f"{error.reason}: {error.message}") from error


class Connector:
    """The connector, as `ports.Connector`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = provisioning_pb2_grpc.ProvisioningServiceStub(peer.channel)
        self._deliveries = Gathered(self._several, _MOST_DELIVERIES)

    async def delivery(self, lease_id: str) -> Delivery | None:
        # What is asked for while an answer is awaited goes into one call.
        found = await self._deliveries.get(lease_id)
        return None if found is None else peers.delivery_from_proto(found)

    async def _several(self, lease_ids: Sequence[str]) -> Mapping[str, provisioning_pb2.Delivery]:
        asked = dict.fromkeys(lease_ids)
        request = provisioning_pb2.BatchGetDeliveriesRequest(lease_ids=asked)
        try:
            answer = await self._peer.call(
                self._stub.BatchGetDeliveries, request, seconds=_CONNECTOR_SECONDS
            )
        except LatchkeyError as error:
            raise Unavailable.refused("the connector service", error) from error
        return {each.lease_id: each for each in answer.deliveries}
