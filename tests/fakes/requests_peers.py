"""The services that the requests service calls, as real gRPC servers of a test's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import nats
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_status import rpc_status
from nats.aio.client import Client
from nats.js.errors import NoStreamResponseError

from latchkey.catalog.v1 import (
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
    settings_pb2,
    target_pb2,
)
from latchkey.connector.v1 import events_pb2, provisioning_pb2, provisioning_pb2_grpc
from latchkey.policy.v1 import evaluation_pb2, evaluation_pb2_grpc, policy_pb2
from libs.domain.errors import LatchkeyError, NotFound
from libs.domain.ids import derived_id, new_id
from libs.events.envelope import Event
from libs.rpc.errors import to_status
from tests.support.eventually import eventually
from tests.support.issuer import TENANT

Context = grpc.aio.ServicerContext[Any, Any]

EDITOR = derived_id("ent", "editor")
VIEWER = derived_id("ent", "viewer")
APP = derived_id("app", "design tool")
ANSWER_TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def group_target() -> target_pb2.Target:
    """Membership of a group."""
    return target_pb2.Target(
        directory_entitlement_id=derived_id("den", "editors"),
        connection_id=derived_id("con", "contoso"),
        display_name="member of Design Tool Editors",
        group_membership=target_pb2.Target.GroupMembership(
            entra_group_id="aaaaaaaa-0000-0000-0000-000000000001"
        ),
    )


def role_target() -> target_pb2.Target:
    """An assignment to an app."""
    return target_pb2.Target(
        directory_entitlement_id=derived_id("den", "access"),
        connection_id=derived_id("con", "contoso"),
        display_name="role Default Access of Design Tool",
        app_role_assignment=target_pb2.Target.AppRoleAssignment(
            entra_service_principal_id="aaaaaaaa-0000-0000-0000-000000000002",
            entra_app_role_id="00000000-0000-0000-0000-000000000000",
        ),
    )


class FakeServer:
    """A server that can stop, and start again on its port."""

    domain = ""

    def __init__(self) -> None:
        self.port = 0
        self.refusal: LatchkeyError | None = None
        self.calls = 0
        self._server: Any = None

    @property
    def address(self) -> str:
        """Where it listens, also while it does not."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Begins to answer."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._register(self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """Stops answering."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    def _register(self, server: grpc.aio.Server) -> None:
        raise AssertionError("each fake registers itself")

    async def take(self, context: Context) -> None:
        """Counts a call, and refuses it if that is what the test wants."""
        self.calls += 1
        metadata = dict(context.invocation_metadata() or ())
        assert str(metadata["authorization"]).startswith("Bearer ")
        if self.refusal is not None:
            await self.refuse(context, self.refusal)

    async def refuse(self, context: Context, error: LatchkeyError) -> None:
        """Ends a call with an error of the service that this stands for."""
        await context.abort_with_status(rpc_status.to_status(to_status(error, self.domain)))


class _FakeDirectory(directory_pb2_grpc.DirectoryServiceServicer):
    """Knows everybody but `strangers`."""

    def __init__(self, catalog: "FakeCatalog") -> None:
        self._catalog = catalog

    async def GetUser(
        self, request: directory_pb2.GetUserRequest, context: Context
    ) -> directory_pb2.GetUserResponse:
        await self._catalog.take(context)
        if request.user_id in self._catalog.strangers:
            await self._catalog.refuse(context, NotFound("USER_NOT_FOUND", "There is no such one."))
        return directory_pb2.GetUserResponse(
            user=directory_pb2.User(
                user_id=request.user_id,
                entra_tenant_id=self._catalog.tenants.get(request.user_id, TENANT),
                entra_object_id=f"object {request.user_id}",
                display_name="Somebody",
                account_enabled=request.user_id not in self._catalog.disabled,
            )
        )

    async def ListManagers(
        self, request: directory_pb2.ListManagersRequest, context: Context
    ) -> directory_pb2.ListManagersResponse:
        await self._catalog.take(context)
        line = self._catalog.line.get(request.user_id, ())
        return directory_pb2.ListManagersResponse(managers=self._catalog.named(*line))


class _FakeApprovers(approver_pb2_grpc.ApproverServiceServicer):
    """Names managers, owners, members and people as the test told the catalog."""

    def __init__(self, catalog: "FakeCatalog") -> None:
        self._catalog = catalog

    async def ResolveApprovers(
        self, request: approver_pb2.ResolveApproversRequest, context: Context
    ) -> approver_pb2.ResolveApproversResponse:
        catalog = self._catalog
        await catalog.take(context)
        resolved = []
        for source in request.sources:
            named: list[str] = []
            match source.WhichOneof("kind"):
                case "people":
                    named = list(source.people.user_ids)
                case "manager":
                    line = catalog.line.get(request.subject_user_id, [])
                    named = line[source.manager.level - 1 : source.manager.level]
                case "app_owners" | "entitlement_owners":
                    named = catalog.owners
                case "group_members":
                    named = catalog.groups.get(source.group_members.group_id, [])
            people = catalog.named(*named)
            problem = "" if named and len(people) == len(named) else "some are not there"
            resolved.append(approver_pb2.ResolvedApprovers(people=people, problem=problem))
        return approver_pb2.ResolveApproversResponse(resolved=resolved)


class _FakeEntitlements(entitlement_pb2_grpc.EntitlementServiceServicer):
    """Knows the two entitlements, unless they are gone."""

    def __init__(self, catalog: "FakeCatalog") -> None:
        self._catalog = catalog

    async def GetEntitlement(
        self, request: entitlement_pb2.GetEntitlementRequest, context: Context
    ) -> entitlement_pb2.GetEntitlementResponse:
        await self._catalog.take(context)
        if request.entitlement_id not in self._catalog.names:
            await self._catalog.refuse(
                context, NotFound("ENTITLEMENT_NOT_FOUND", "There is no such entitlement.")
            )
        reason = self._catalog.removed.get(request.entitlement_id, "")
        return entitlement_pb2.GetEntitlementResponse(
            entitlement=entitlement_pb2.Entitlement(
                entitlement_id=request.entitlement_id,
                app_id=APP,
                state=entitlement_pb2.ENTITLEMENT_STATE_REMOVED
                if reason
                else entitlement_pb2.ENTITLEMENT_STATE_ACTIVE,
                removal_reason=reason,
            )
        )

    async def ListEntitlements(
        self, request: entitlement_pb2.ListEntitlementsRequest, context: Context
    ) -> entitlement_pb2.ListEntitlementsResponse:
        await self._catalog.take(context)
        if request.app_id != APP:
            await self._catalog.refuse(context, NotFound("APP_NOT_FOUND", "There is no such app."))
        named = [
            entitlement_pb2.Entitlement(entitlement_id=each, app_id=APP)
            for each in self._catalog.names
        ]
        return entitlement_pb2.ListEntitlementsResponse(entitlements=named[: request.page_size])


class _FakeGrants(grant_pb2_grpc.GrantServiceServicer):
    """Shows what the test gave the catalog, `grants_at_once` a page."""

    def __init__(self, catalog: "FakeCatalog") -> None:
        self._catalog = catalog

    async def ListGrants(
        self, request: grant_pb2.ListGrantsRequest, context: Context
    ) -> grant_pb2.ListGrantsResponse:
        catalog = self._catalog
        await catalog.take(context)
        found = [
            each
            for each in catalog.grants
            if each.app_id == request.app_id and request.entitlement_id in ("", each.entitlement_id)
        ]
        start = int(request.page_token or 0)
        end = start + catalog.grants_at_once
        return grant_pb2.ListGrantsResponse(
            grants=found[start:end], next_page_token=str(end) if found[end:] else ""
        )


class FakeCatalog(FakeServer, resolution_pb2_grpc.ResolutionServiceServicer):
    """Knows two entitlements of one app, which everybody may ask for until `refusal` is set.

    `removed` are entitlements that are no longer in the directory, with the reasons; `tenants` are
    those of people who are not of the one tenant.
    """

    domain = "latchkey.catalog"

    def __init__(self) -> None:
        super().__init__()
        self.max_duration: timedelta | None = timedelta(hours=8)
        self.policy_id = derived_id("pol", "default")
        self.names = {EDITOR: "Editor", VIEWER: "Viewer"}
        self.removed: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.strangers: set[str] = set()
        self.people: dict[str, str] = {}
        self.line: dict[str, list[str]] = {}
        self.owners: list[str] = []
        self.groups: dict[str, list[str]] = {}
        self.emergency = settings_pb2.EmergencySettings()
        self.tenants: dict[str, str] = {}
        self.instructions = ""
        # By the names of methods.
        self.refusals: dict[str, LatchkeyError] = {}
        self.grants: list[grant_pb2.Grant] = []
        self.grants_at_once = 2

    def _register(self, server: grpc.aio.Server) -> None:
        resolution_pb2_grpc.add_ResolutionServiceServicer_to_server(self, server)
        # Nobody asks for the methods that they lack.
        directory_pb2_grpc.add_DirectoryServiceServicer_to_server(
            _FakeDirectory(self),  # type: ignore[abstract]
            server,
        )
        approver_pb2_grpc.add_ApproverServiceServicer_to_server(
            _FakeApprovers(self),  # type: ignore[abstract]
            server,
        )
        entitlement_pb2_grpc.add_EntitlementServiceServicer_to_server(
            _FakeEntitlements(self),  # type: ignore[abstract]
            server,
        )

        grant_pb2_grpc.add_GrantServiceServicer_to_server(
            _FakeGrants(self),  # type: ignore[abstract]
            server,
        )

    def grant(self, user_id: str, entitlement_id: str = EDITOR, **fields: Any) -> None:
        """From now on somebody holds the group's membership, from outside where not said."""
        told: dict[str, Any] = {
            "user_id": user_id,
            "user_display_name": self.people.get(user_id, "Somebody"),
            "user_entra_tenant_id": TENANT,
            "user_entra_object_id": f"object of {user_id}",
            "directory_entitlement_id": group_target().directory_entitlement_id,
            "directory_display_name": group_target().display_name,
            "app_id": APP,
            "entitlement_id": entitlement_id,
            "entitlement_display_name": self.names[entitlement_id],
            "unmanaged": True,
        }
        self.grants.append(grant_pb2.Grant(**told | fields))

    def user(self, user_id: str) -> directory_pb2.User:
        """Somebody of the directory."""
        return directory_pb2.User(
            user_id=user_id,
            entra_tenant_id=TENANT,
            entra_object_id=f"object of {user_id}",
            display_name=self.people.get(user_id, "Somebody"),
            department="Design",
            account_enabled=user_id not in self.disabled,
        )

    def named(self, *user_ids: str) -> list[directory_pb2.User]:
        """Those of these who are in the directory and enabled."""
        away = self.disabled | self.strangers
        return [self.user(each) for each in user_ids if each not in away]

    async def ResolveEntitlement(
        self, request: resolution_pb2.ResolveEntitlementRequest, context: Context
    ) -> resolution_pb2.ResolveEntitlementResponse:
        await self.take(context)
        if (refusal := self.refusals.get("ResolveEntitlement")) is not None:
            await self.refuse(context, refusal)
        if request.entitlement_id not in self.names:
            await self.refuse(
                context,
                NotFound(
                    "ENTITLEMENT_NOT_FOUND",
                    f"There is no entitlement {request.entitlement_id}.",
                    entitlement_id=request.entitlement_id,
                ),
            )
        tenants = {self.tenants.get(each, TENANT) for each in _both(request)}
        if request.subject_user_id in self.strangers or len(tenants) > 1:
            await self.refuse(context, NotFound("USER_NOT_FOUND", "There is no such one."))
        answer = resolution_pb2.ResolveEntitlementResponse(
            entitlement=entitlement_pb2.Entitlement(
                entitlement_id=request.entitlement_id,
                app_id=APP,
                resource_kind=entitlement_pb2.RESOURCE_KIND_ROLE,
                display_name=self.names[request.entitlement_id],
                fulfilment=[role_target(), group_target()],
            ),
            app_display_name="Design Tool",
            requester=self.user(request.requester_user_id),
            subject=self.user(request.subject_user_id),
            managers=self.named(*self.line.get(request.subject_user_id, ())),
            app_owners=self.named(*self.owners),
            entitlement_owners=self.named(*self.owners),
            policy_id=self.policy_id,
            settings=settings_pb2.EntitlementSettings(emergency=self.emergency),
            instructions=self.instructions,
        )
        if self.max_duration is not None:
            length = Duration()
            length.FromTimedelta(self.max_duration)
            answer.max_duration.CopyFrom(length)
        return answer

    async def ConfirmTargets(
        self, request: resolution_pb2.ConfirmTargetsRequest, context: Context
    ) -> resolution_pb2.ConfirmTargetsResponse:
        await self.take(context)
        return resolution_pb2.ConfirmTargetsResponse()

    async def CheckHeld(
        self, request: resolution_pb2.CheckHeldRequest, context: Context
    ) -> resolution_pb2.CheckHeldResponse:
        await self.take(context)
        return resolution_pb2.CheckHeldResponse()


def _both(request: resolution_pb2.ResolveEntitlementRequest) -> tuple[str, str]:
    return request.requester_user_id, request.subject_user_id


class FakePolicy(FakeServer, evaluation_pb2_grpc.EvaluationServiceServicer):
    """Accepts, until `steps` say something else."""

    domain = "latchkey.policy"

    def __init__(self) -> None:
        super().__init__()
        self.steps = [policy_pb2.Step(accept=policy_pb2.Step.Accept())]
        self.asked: list[evaluation_pb2.EvaluatePolicyRequest] = []
        self.others: dict[str, list[policy_pb2.Step]] = {}
        self.true: set[str] = set()
        self.easier: evaluation_pb2.ExplainPolicyResponse.Easier | None = None
        self.drafts: list[evaluation_pb2.EvaluateDraftRequest] = []
        self.explanation = ["it was asked"]

    def reject(self, message: str) -> None:
        """Says no from now on."""
        self.steps = [policy_pb2.Step(reject=policy_pb2.Step.Reject(message=message))]

    def _register(self, server: grpc.aio.Server) -> None:
        evaluation_pb2_grpc.add_EvaluationServiceServicer_to_server(self, server)

    async def EvaluatePolicy(
        self, request: evaluation_pb2.EvaluatePolicyRequest, context: Context
    ) -> evaluation_pb2.EvaluatePolicyResponse:
        await self.take(context)
        self.asked.append(request)
        return evaluation_pb2.EvaluatePolicyResponse(plan=self._plan(request.policy_id, request))

    async def ExplainPolicy(
        self, request: evaluation_pb2.ExplainPolicyRequest, context: Context
    ) -> evaluation_pb2.ExplainPolicyResponse:
        await self.take(context)
        return evaluation_pb2.ExplainPolicyResponse(
            plan=self._plan(request.policy_id, request), easier=self.easier
        )

    async def EvaluateCondition(
        self, request: evaluation_pb2.EvaluateConditionRequest, context: Context
    ) -> evaluation_pb2.EvaluateConditionResponse:
        await self.take(context)
        return evaluation_pb2.EvaluateConditionResponse(holds=request.condition in self.true)

    async def EvaluateDraft(
        self, request: evaluation_pb2.EvaluateDraftRequest, context: Context
    ) -> evaluation_pb2.EvaluateDraftResponse:
        await self.take(context)
        self.drafts.append(request)
        answers = [self._drafted(request.policy, each) for each in request.facts]
        return evaluation_pb2.EvaluateDraftResponse(answers=answers)

    def _drafted(
        self, policy: policy_pb2.Policy, facts: evaluation_pb2.Facts
    ) -> evaluation_pb2.EvaluateDraftResponse.Answer:
        """The steps of the rule whose condition is the subject's id, or else the baseline."""
        matched = (rule for rule in policy.rules if rule.condition == facts.subject.user_id)
        rule = next(matched, policy_pb2.Rule(steps=policy.baseline))
        if not rule.steps:
            return evaluation_pb2.EvaluateDraftResponse.Answer(problem="that is not known")
        plan = evaluation_pb2.Plan(
            policy_id=policy.policy_id,
            policy_display_name=policy.display_name,
            rule=rule.display_name,
            explanation=self.explanation,
            steps=rule.steps,
        )
        return evaluation_pb2.EvaluateDraftResponse.Answer(plan=plan)

    def _plan(
        self,
        policy_id: str,
        request: evaluation_pb2.EvaluatePolicyRequest | evaluation_pb2.ExplainPolicyRequest,
    ) -> evaluation_pb2.Plan:
        return evaluation_pb2.Plan(
            policy_id=policy_id,
            policy_display_name="Self-service",
            policy_version=3,
            policy_digest="abc",
            rule="designers",
            condition="subject.department == 'Design'",
            explanation=["designers: true"],
            steps=self.others.get(policy_id, self.steps),
            evaluate_time=request.facts.now,
        )


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

    def failed(self, lease_id: str, round: int = 1) -> None:
        """Could not put the lease into Entra, and says so when asked."""
        self.deliveries[lease_id] = provisioning_pb2.Delivery(
            lease_id=lease_id,
            round=round,
            state=provisioning_pb2.DELIVERY_STATE_FAILED,
            failure_reason="group_not_writable",
            failure_message="The group's members can't be changed.",
        )

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
        await self.take(context)
        found = self.deliveries.get(request.lease_id)
        if found is None:
            await self.refuse(
                context, NotFound("DELIVERY_NOT_FOUND", f"There is no delivery {request.lease_id}.")
            )
        return provisioning_pb2.GetDeliveryResponse(delivery=found)

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
