"""Calls of every list of the catalog, of a catalog that `skewed` filled."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.catalog.v1 import (
    access_profile_pb2,
    app_catalog_pb2,
    app_pb2,
    approver_pb2,
    directory_pb2,
    entitlement_pb2,
    entitlement_rules_pb2,
    grant_pb2,
    ingest_pb2,
    link_pb2,
    resolution_pb2,
)
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.skewed import BIG_APP, BIG_DEN, BIG_GROUP, EVERYWHERE
from tests.integration.catalog.steps import root
from tests.soak import filled_catalog as filled

Call = Callable[[], Awaitable[Any]]
THEN = Timestamp(seconds=int(datetime(2026, 1, 15, tzinfo=UTC).timestamp()))


def calls(catalog: RunningCatalog) -> dict[str, Call]:
    """Every list with every filter, by a name that begins with its method's."""
    admin, connector = root(catalog), catalog.by("connector")
    app, person = filled.app_id(BIG_APP), filled.user_id(7)
    entitlement = filled.entitlement_id(BIG_APP, 0)

    def of(method: Any, kind: Any, metadata: Any = admin, **fields: Any) -> Call:
        return lambda: method(kind(**fields), metadata=metadata)

    def users(**fields: Any) -> Call:
        return of(catalog.directory.ListUsers, directory_pb2.ListUsersRequest, **fields)

    def groups(**fields: Any) -> Call:
        return of(catalog.directory.ListGroups, directory_pb2.ListGroupsRequest, **fields)

    def apps(**fields: Any) -> Call:
        return of(catalog.apps.ListApps, app_pb2.ListAppsRequest, **fields)

    def grants(**fields: Any) -> Call:
        return of(catalog.grants.ListGrants, grant_pb2.ListGrantsRequest, **fields)

    def mine(number: int = 7, **fields: Any) -> Call:
        return of(
            catalog.app_catalog.SearchAppCatalog,
            app_catalog_pb2.SearchAppCatalogRequest,
            catalog.person(filled.person_name(number)),
            **fields,
        )

    def members(profile: str) -> Call:
        return of(
            catalog.access_profiles.ListMembers,
            access_profile_pb2.ListMembersRequest,
            access_profile_id=profile,
        )

    def checked(profile: str) -> Call:
        owners = approver_pb2.ApproverSource.EntitlementOwners()
        return of(
            catalog.approvers.CheckApprovers,
            approver_pb2.CheckApproversRequest,
            catalog.by("policy"),
            app_id=app,
            access_profile_id=profile,
            approvers=approver_pb2.ApproverSource(
                manager=approver_pb2.ApproverSource.Manager(level=5)
            ),
            fallback=approver_pb2.ApproverSource(entitlement_owners=owners),
            needed=1,
        )

    def uses(**fields: Any) -> Call:
        request = approver_pb2.ListPolicyUsesRequest
        return of(catalog.approvers.ListPolicyUses, request, policy_id=EVERYWHERE, **fields)

    async def after_a_page() -> Any:
        page = await uses()()
        return await uses(page_token=page.next_page_token)()

    return {
        "ListUsers": users(),
        "ListUsers by query": users(query="son 119"),
        "ListUsers by query, none": users(query="zzz"),
        "ListUsers of a department": users(department="Everywhere"),
        "ListUsers of a department, none": users(department="Everywhere", query="zzz"),
        "ListUsers of a manager": users(manager_user_id=filled.user_id(1)),
        "ListUsers of a manager, disabled": users(
            manager_user_id=filled.user_id(1), account_enabled=False
        ),
        "ListUsers of all three": users(
            manager_user_id=filled.user_id(1), department="Everywhere", account_enabled=False
        ),
        "ListUsers enabled": users(account_enabled=True),
        "ListUsers disabled": users(account_enabled=False),
        "ListGroups": groups(),
        "ListGroups by query": groups(query="oup 119"),
        "ListGroups by query, none": groups(query="zzz"),
        "ListManagers": of(
            catalog.directory.ListManagers, directory_pb2.ListManagersRequest, user_id=person
        ),
        "ListApps": apps(),
        "ListApps by query": apps(query="pp 59"),
        "ListApps by query, none": apps(query="zzz"),
        "ListApps managed": apps(state=app_pb2.APP_STATE_MANAGED),
        "ListApps unmanaged": apps(state=app_pb2.APP_STATE_UNMANAGED),
        "ListApps removed": apps(state=app_pb2.APP_STATE_REMOVED),
        "ListApps of a connection": apps(connection_id=filled.CONNECTION),
        "ListApps of a connection, unmanaged": apps(
            connection_id=filled.CONNECTION, state=app_pb2.APP_STATE_UNMANAGED
        ),
        "ListApps of an owner": apps(owner_user_id=person),
        "ListEntitlements": of(
            catalog.entitlements.ListEntitlements,
            entitlement_pb2.ListEntitlementsRequest,
            app_id=app,
        ),
        "ListResourceTypes": of(
            catalog.entitlements.ListResourceTypes,
            entitlement_pb2.ListResourceTypesRequest,
            app_id=app,
        ),
        "ListLinkedEntitlements": of(
            catalog.links.ListLinkedEntitlements,
            link_pb2.ListLinkedEntitlementsRequest,
            app_id=app,
        ),
        "ListBindings": of(catalog.links.ListBindings, link_pb2.ListBindingsRequest, app_id=app),
        "ListAccessProfiles": of(
            catalog.access_profiles.ListAccessProfiles,
            access_profile_pb2.ListAccessProfilesRequest,
        ),
        "ListMembers of everyone": members("apr_everyone"),
        "ListMembers of a group": members("apr_group"),
        "ListMembers of an expression": members("apr_expression"),
        "SearchAppCatalog": mine(),
        "SearchAppCatalog by query": mine(query="pp 59"),
        "SearchAppCatalog by query, none": mine(query="zzz"),
        "SearchAppCatalog held": mine(state=app_catalog_pb2.CATALOG_STATE_HELD),
        "SearchAppCatalog requested": mine(state=app_catalog_pb2.CATALOG_STATE_REQUESTED),
        "GetCatalogApp": of(
            catalog.app_catalog.GetCatalogApp,
            app_catalog_pb2.GetCatalogAppRequest,
            catalog.person(filled.person_name(7)),
            app_id=app,
        ),
        "PreviewEntitlementRules": of(
            catalog.rules.PreviewEntitlementRules,
            entitlement_rules_pb2.PreviewEntitlementRulesRequest,
            entitlement_rules=entitlement_rules_pb2.EntitlementRules(
                app_id=app,
                enabled=True,
                resource_type_ids=[filled.type_id(BIG_APP, "CREDENTIAL")],
                access_profile_ids=["apr_group"],
            ),
        ),
        "ListAppsInScope": of(
            catalog.ingest.ListAppsInScope,
            ingest_pb2.ListAppsInScopeRequest,
            connector,
            connection_id=filled.CONNECTION,
        ),
        "ResolveEntitlement": of(
            catalog.resolution.ResolveEntitlement,
            resolution_pb2.ResolveEntitlementRequest,
            catalog.by("requests"),
            entitlement_id=entitlement,
            requester_user_id=person,
            subject_user_id=person,
        ),
        "ResolveEntitlement with holdings": of(
            catalog.resolution.ResolveEntitlement,
            resolution_pb2.ResolveEntitlementRequest,
            catalog.by("requests"),
            entitlement_id=entitlement,
            requester_user_id=person,
            subject_user_id=person,
            include_holdings=True,
        ),
        "ResolveApprovers": of(
            catalog.approvers.ResolveApprovers,
            approver_pb2.ResolveApproversRequest,
            catalog.by("requests"),
            entitlement_id=entitlement,
            subject_user_id=person,
            sources=[
                approver_pb2.ApproverSource(
                    people=approver_pb2.ApproverSource.People(user_ids=[person])
                ),
                approver_pb2.ApproverSource(manager=approver_pb2.ApproverSource.Manager(level=5)),
                approver_pb2.ApproverSource(
                    group_members=approver_pb2.ApproverSource.GroupMembers(group_id=BIG_GROUP)
                ),
            ],
        ),
        "CheckApprovers of everyone": checked("apr_everyone"),
        "CheckApprovers of a group": checked("apr_group"),
        "CheckApprovers of an expression": checked("apr_expression"),
        "ListPolicyUses": uses(),
        "ListPolicyUses behind a page": after_a_page,
        "ListGrants of a person": grants(user_id=person),
        "ListGrants of a person then": grants(user_id=person, at_time=THEN),
        "ListGrants of an app": grants(app_id=app),
        "ListGrants of an entitlement": grants(entitlement_id=entitlement),
        "ListGrants of a group": grants(directory_entitlement_id=BIG_DEN),
        "ListGrants of a group then": grants(directory_entitlement_id=BIG_DEN, at_time=THEN),
        "ListGrants of a role": grants(directory_entitlement_id=filled.assigned_to(BIG_APP)),
        "ListGrants unmanaged": grants(app_id=app, unmanaged=True),
        "ExplainAccess": of(
            catalog.grants.ExplainAccess,
            grant_pb2.ExplainAccessRequest,
            user_id=person,
            entitlement_id=entitlement,
        ),
    }
