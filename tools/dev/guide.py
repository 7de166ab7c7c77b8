"""The five steps from an unconnected tenant to access, as calls.

Each step is one method that does what an operator or a requester would do and returns what came
back. The demonstration tells of them, the end-to-end tests break things between them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from latchkey.catalog.v1 import (
    app_catalog_pb2,
    app_catalog_pb2_grpc,
    app_pb2,
    app_pb2_grpc,
    entitlement_pb2,
    entitlement_pb2_grpc,
    entitlement_rules_pb2,
    entitlement_rules_pb2_grpc,
    link_pb2,
    link_pb2_grpc,
)
from latchkey.connector.v1 import (
    connection_pb2,
    connection_pb2_grpc,
    sync_pb2,
    sync_pb2_grpc,
)
from latchkey.requests.v1 import (
    access_request_pb2,
    access_request_pb2_grpc,
    lease_pb2,
    lease_pb2_grpc,
)
from tools.dev import cast
from tools.dev.client import Client

EVERYONE = "apr_everyone"


@dataclass(frozen=True, slots=True)
class Guide:
    """The guide, for one operator and one requester."""

    operator: Client
    requester: Client

    # Step 1: connect a tenant and sync it.

    async def connect(self) -> connection_pb2.Connection:
        """Connects the simulated tenant; the same connection when it is connected already."""
        stub = connection_pb2_grpc.ConnectionServiceStub(self.operator.channel("connector"))
        answer: connection_pb2.CreateConnectionResponse = await self.operator.call(
            stub.CreateConnection,
            connection_pb2.CreateConnectionRequest(
                connection=connection_pb2.Connection(
                    display_name="Marlowe Instruments (simulated)",
                    entra_tenant_id=cast.TENANT_ID,
                    entra_client_id=cast.CLIENT_ID,
                    client_secret_name=cast.SECRET_NAME,
                    cloud="simulator",
                ),
                idempotency_key="guide-connect",
            ),
        )
        return answer.connection

    async def test_connection(self, connection_id: str) -> connection_pb2.TestConnectionResponse:
        """Tries what the connector needs in the tenant."""
        stub = connection_pb2_grpc.ConnectionServiceStub(self.operator.channel("connector"))
        answer: connection_pb2.TestConnectionResponse = await self.operator.call(
            stub.TestConnection, connection_pb2.TestConnectionRequest(connection_id=connection_id)
        )
        return answer

    async def start_sync(
        self,
        connection_id: str,
        key: str = "guide-sync",
        kind: sync_pb2.SyncKind.ValueType = sync_pb2.SYNC_KIND_UNSPECIFIED,
    ) -> sync_pb2.Sync:
        """Starts a sync."""
        stub = sync_pb2_grpc.SyncServiceStub(self.operator.channel("connector"))
        answer: sync_pb2.StartSyncResponse = await self.operator.call(
            stub.StartSync,
            sync_pb2.StartSyncRequest(connection_id=connection_id, idempotency_key=key, kind=kind),
        )
        return answer.sync

    async def watch_sync(self, sync_id: str, seconds: float = 60) -> AsyncIterator[sync_pb2.Sync]:
        """Follows a sync to its end."""
        stub = sync_pb2_grpc.SyncServiceStub(self.operator.channel("connector"))
        request = sync_pb2.WatchSyncRequest(sync_id=sync_id)
        async for answer in self.operator.watch(stub.WatchSync, request, seconds):
            yield answer.sync

    # Step 2: turn an unmanaged app into a managed one.

    async def unmanaged_apps(self) -> list[app_pb2.App]:
        """The apps that nobody manages yet."""
        stub = app_pb2_grpc.AppServiceStub(self.operator.channel("catalog"))
        answer: app_pb2.ListAppsResponse = await self.operator.call(
            stub.ListApps,
            app_pb2.ListAppsRequest(state=app_pb2.APP_STATE_UNMANAGED, page_size=100),
        )
        return list(answer.apps)

    async def manage(self, app_id: str) -> app_pb2.ManageAppResponse:
        """Manages an app."""
        stub = app_pb2_grpc.AppServiceStub(self.operator.channel("catalog"))
        answer: app_pb2.ManageAppResponse = await self.operator.call(
            stub.ManageApp,
            app_pb2.ManageAppRequest(app_id=app_id, idempotency_key=f"guide-manage-{app_id}"),
        )
        return answer

    # Step 3: decide what the linked groups are for.

    async def linked_groups(self, app_id: str) -> list[link_pb2.LinkedEntitlement]:
        """The groups that are assigned to an app."""
        stub = link_pb2_grpc.LinkServiceStub(self.operator.channel("catalog"))
        answer: link_pb2.ListLinkedEntitlementsResponse = await self.operator.call(
            stub.ListLinkedEntitlements, link_pb2.ListLinkedEntitlementsRequest(app_id=app_id)
        )
        return list(answer.linked_entitlements)

    async def link(
        self, app_id: str, decisions: list[link_pb2.LinkDecision], key: str = ""
    ) -> link_pb2.LinkEntitlementsResponse:
        """Makes choices for linked groups."""
        stub = link_pb2_grpc.LinkServiceStub(self.operator.channel("catalog"))
        answer: link_pb2.LinkEntitlementsResponse = await self.operator.call(
            stub.LinkEntitlements,
            link_pb2.LinkEntitlementsRequest(
                app_id=app_id, decisions=decisions, idempotency_key=key
            ),
        )
        return answer

    def choices(
        self, groups: list[link_pb2.LinkedEntitlement], access_entitlement_id: str
    ) -> list[link_pb2.LinkDecision]:
        """One of each choice: a virtual role for the editors, the viewers come with access, the
        admins stay out."""
        by_group = {group.entra_group_id: group.directory_entitlement_id for group in groups}
        decision = link_pb2.LinkDecision
        return [
            decision(
                directory_entitlement_id=by_group[cast.EDITORS_GROUP_ID],
                create_virtual_role=decision.CreateVirtualRole(
                    display_name="Editor", description="Draws and edits boards."
                ),
            ),
            decision(
                directory_entitlement_id=by_group[cast.VIEWERS_GROUP_ID],
                provision_access_for=decision.ProvisionAccessFor(
                    entitlement_id=access_entitlement_id
                ),
            ),
            decision(directory_entitlement_id=by_group[cast.ADMINS_GROUP_ID], skip=decision.Skip()),
        ]

    async def bindings(self, app_id: str) -> list[link_pb2.Binding]:
        """What is bound to what."""
        stub = link_pb2_grpc.LinkServiceStub(self.operator.channel("catalog"))
        answer: link_pb2.ListBindingsResponse = await self.operator.call(
            stub.ListBindings, link_pb2.ListBindingsRequest(app_id=app_id)
        )
        return list(answer.bindings)

    # Step 4: make it self-service.

    async def rules_for_everyone(self, app_id: str) -> entitlement_rules_pb2.EntitlementRules:
        """Rules by which everyone may ask for every resource type of the app."""
        stub = entitlement_pb2_grpc.EntitlementServiceStub(self.operator.channel("catalog"))
        answer: entitlement_pb2.ListResourceTypesResponse = await self.operator.call(
            stub.ListResourceTypes, entitlement_pb2.ListResourceTypesRequest(app_id=app_id)
        )
        return entitlement_rules_pb2.EntitlementRules(
            app_id=app_id,
            enabled=True,
            resource_type_ids=[kind.resource_type_id for kind in answer.resource_types],
            access_profile_ids=[EVERYONE],
        )

    async def preview_rules(
        self, rules: entitlement_rules_pb2.EntitlementRules
    ) -> entitlement_rules_pb2.PreviewEntitlementRulesResponse:
        """What rules would govern."""
        stub = entitlement_rules_pb2_grpc.EntitlementRulesServiceStub(
            self.operator.channel("catalog")
        )
        answer: entitlement_rules_pb2.PreviewEntitlementRulesResponse = await self.operator.call(
            stub.PreviewEntitlementRules,
            entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules),
        )
        return answer

    async def apply_rules(
        self, rules: entitlement_rules_pb2.EntitlementRules
    ) -> entitlement_rules_pb2.ApplyEntitlementRulesResponse:
        """Puts rules into force."""
        stub = entitlement_rules_pb2_grpc.EntitlementRulesServiceStub(
            self.operator.channel("catalog")
        )
        answer: entitlement_rules_pb2.ApplyEntitlementRulesResponse = await self.operator.call(
            stub.ApplyEntitlementRules,
            entitlement_rules_pb2.ApplyEntitlementRulesRequest(
                entitlement_rules=rules, idempotency_key=f"guide-rules-{rules.app_id}"
            ),
        )
        return answer

    # Step 5: ask.

    async def app_catalog(self, query: str = "") -> list[app_catalog_pb2.CatalogApp]:
        """What the requester may ask for."""
        stub = app_catalog_pb2_grpc.AppCatalogServiceStub(self.requester.channel("catalog"))
        answer: app_catalog_pb2.SearchAppCatalogResponse = await self.requester.call(
            stub.SearchAppCatalog, app_catalog_pb2.SearchAppCatalogRequest(query=query)
        )
        return list(answer.apps)

    async def ask(
        self, entitlement_id: str, justification: str, key: str = ""
    ) -> access_request_pb2.AccessRequest:
        """Asks for an entitlement."""
        stub = access_request_pb2_grpc.AccessRequestServiceStub(self.requester.channel("requests"))
        answer: access_request_pb2.CreateAccessRequestResponse = await self.requester.call(
            stub.CreateAccessRequest,
            access_request_pb2.CreateAccessRequestRequest(
                entitlement_id=entitlement_id, justification=justification, idempotency_key=key
            ),
        )
        return answer.access_request

    async def watch_request(
        self, access_request_id: str
    ) -> AsyncIterator[access_request_pb2.AccessRequest]:
        """Follows an access request to its end."""
        stub = access_request_pb2_grpc.AccessRequestServiceStub(self.requester.channel("requests"))
        request = access_request_pb2.WatchAccessRequestRequest(access_request_id=access_request_id)
        async for answer in self.requester.watch(stub.WatchAccessRequest, request):
            yield answer.access_request

    async def give_back(self, lease_id: str, reason: str) -> lease_pb2.Lease:
        """Ends a lease before its time."""
        stub = lease_pb2_grpc.LeaseServiceStub(self.requester.channel("requests"))
        answer: lease_pb2.RevokeLeaseResponse = await self.requester.call(
            stub.RevokeLease,
            lease_pb2.RevokeLeaseRequest(
                lease_id=lease_id, reason=reason, idempotency_key=f"guide-give-back-{lease_id}"
            ),
        )
        return answer.lease

    async def lease(self, lease_id: str) -> lease_pb2.Lease:
        """A lease as it is now."""
        stub = lease_pb2_grpc.LeaseServiceStub(self.requester.channel("requests"))
        answer: lease_pb2.GetLeaseResponse = await self.requester.call(
            stub.GetLease, lease_pb2.GetLeaseRequest(lease_id=lease_id)
        )
        return answer.lease
