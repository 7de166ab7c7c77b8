"""The catalog that the requests service calls, as a real gRPC server of a test's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc_status import rpc_status

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
    settings_pb2,
    target_pb2,
)
from libs.domain.errors import LatchkeyError, NotFound, Unavailable
from libs.domain.ids import derived_id
from libs.rpc.errors import to_status
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
                display_name=self._catalog.names[request.entitlement_id],
                resource_kind=entitlement_pb2.RESOURCE_KIND_ROLE,
                fulfilment=[role_target(), group_target()],
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
            if request.app_id in ("", each.app_id)
            and request.entitlement_id in ("", each.entitlement_id)
            and request.user_id in ("", each.user_id)
            and (each.unmanaged or not request.unmanaged)
        ]
        start = int(request.page_token or 0)
        end = start + catalog.grants_at_once
        return grant_pb2.ListGrantsResponse(
            grants=found[start:end], next_page_token=str(end) if found[end:] else ""
        )


class _FakeApps(app_pb2_grpc.AppServiceServicer):
    """Knows the one app, and what becomes of access to it from outside."""

    def __init__(self, catalog: "FakeCatalog") -> None:
        self._catalog = catalog

    async def GetApp(
        self, request: app_pb2.GetAppRequest, context: Context
    ) -> app_pb2.GetAppResponse:
        await self._catalog.take(context)
        if request.app_id != APP:
            await self._catalog.refuse(context, NotFound("APP_NOT_FOUND", "There is no such app."))
        return app_pb2.GetAppResponse(app=self._catalog.app)

    async def ListApps(
        self, request: app_pb2.ListAppsRequest, context: Context
    ) -> app_pb2.ListAppsResponse:
        # Not counted: it is asked in rounds, whatever a test does.
        assert request.state == app_pb2.APP_STATE_MANAGED
        return app_pb2.ListAppsResponse(apps=[self._catalog.app])


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
        # For whom nothing is resolved for now.
        self.unanswered: set[str] = set()
        # By the names of methods.
        self.refusals: dict[str, LatchkeyError] = {}
        self.grants: list[grant_pb2.Grant] = []
        self.grants_at_once = 2
        self.app = app_pb2.App(app_id=APP, display_name="Design Tool")

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

        app_pb2_grpc.add_AppServiceServicer_to_server(
            _FakeApps(self),  # type: ignore[abstract]
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
        if request.subject_user_id in self.unanswered:
            await self.refuse(context, Unavailable("the database", "it is busy"))
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
            held_directory_entitlement_ids=[
                each.directory_entitlement_id
                for each in self.grants
                if each.user_id == request.subject_user_id
                and each.entitlement_id == request.entitlement_id
            ],
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

    async def BatchConfirmTargets(
        self, request: resolution_pb2.BatchConfirmTargetsRequest, context: Context
    ) -> resolution_pb2.BatchConfirmTargetsResponse:
        await self.take(context)
        return resolution_pb2.BatchConfirmTargetsResponse()

    async def CheckHeld(
        self, request: resolution_pb2.CheckHeldRequest, context: Context
    ) -> resolution_pb2.CheckHeldResponse:
        await self.take(context)
        return resolution_pb2.CheckHeldResponse()


def _both(request: resolution_pb2.ResolveEntitlementRequest) -> tuple[str, str]:
    return request.requester_user_id, request.subject_user_id
