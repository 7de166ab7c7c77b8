"""Who may call the catalog, as the contracts say it."""

from libs.domain.callers import ADMIN, AUDITOR, CONNECTOR_ADMIN, POLICY_ADMIN
from libs.rpc.access import only_services, people, roles

_PACKAGE = "/latchkey.catalog.v1"
_READERS = (ADMIN, CONNECTOR_ADMIN, AUDITOR)

ACCESS = {
    f"{_PACKAGE}.AppService/GetApp": roles(*_READERS, services=["requests"]),
    f"{_PACKAGE}.AppService/ListApps": roles(*_READERS, services=["requests"]),
    f"{_PACKAGE}.AppService/ManageApp": roles(ADMIN),
    f"{_PACKAGE}.AppService/BatchManageApps": roles(ADMIN),
    f"{_PACKAGE}.AppService/UpdateApp": roles(ADMIN),
    f"{_PACKAGE}.AppService/UnmanageApp": roles(ADMIN),
    f"{_PACKAGE}.EntitlementService/GetEntitlement": roles(*_READERS, services=["requests"]),
    f"{_PACKAGE}.EntitlementService/ListEntitlements": roles(*_READERS, services=["requests"]),
    f"{_PACKAGE}.EntitlementService/ListResourceTypes": roles(*_READERS),
    f"{_PACKAGE}.EntitlementService/UpdateEntitlement": roles(ADMIN),
    f"{_PACKAGE}.LinkService/ListLinkedEntitlements": roles(*_READERS),
    f"{_PACKAGE}.LinkService/PreviewLinkEntitlements": roles(ADMIN),
    f"{_PACKAGE}.LinkService/UnlinkEntitlements": roles(ADMIN),
    f"{_PACKAGE}.LinkService/LinkEntitlements": roles(ADMIN),
    f"{_PACKAGE}.LinkService/ListBindings": roles(*_READERS),
    f"{_PACKAGE}.EntitlementRulesService/GetEntitlementRules": roles(*_READERS),
    f"{_PACKAGE}.EntitlementRulesService/PreviewEntitlementRules": roles(ADMIN),
    f"{_PACKAGE}.EntitlementRulesService/ApplyEntitlementRules": roles(ADMIN),
    f"{_PACKAGE}.AccessProfileService/CreateAccessProfile": roles(ADMIN),
    f"{_PACKAGE}.AccessProfileService/GetAccessProfile": roles(*_READERS),
    f"{_PACKAGE}.AccessProfileService/ListAccessProfiles": roles(*_READERS),
    f"{_PACKAGE}.AccessProfileService/UpdateAccessProfile": roles(ADMIN),
    f"{_PACKAGE}.AccessProfileService/DeleteAccessProfile": roles(ADMIN),
    f"{_PACKAGE}.AccessProfileService/ListMembers": roles(*_READERS),
    f"{_PACKAGE}.AccessProfileService/ExplainMembership": roles(*_READERS),
    f"{_PACKAGE}.AppCatalogService/SearchAppCatalog": people(),
    f"{_PACKAGE}.AppCatalogService/GetCatalogApp": people(),
    f"{_PACKAGE}.DirectoryService/GetUser": roles(*_READERS, services=["requests", "connector"]),
    f"{_PACKAGE}.DirectoryService/ListUsers": roles(*_READERS),
    f"{_PACKAGE}.DirectoryService/ListGroups": roles(*_READERS),
    f"{_PACKAGE}.DirectoryService/GetGroup": roles(*_READERS),
    f"{_PACKAGE}.DirectoryService/ListManagers": roles(*_READERS, services=["requests"]),
    # Who sees only their own is decided inside.
    f"{_PACKAGE}.GrantService/ListGrants": people(services=["requests"]),
    f"{_PACKAGE}.GrantService/ExplainAccess": people(),
    f"{_PACKAGE}.IngestService/Ingest": only_services("connector"),
    f"{_PACKAGE}.IngestService/GetCheckpoint": only_services("connector"),
    f"{_PACKAGE}.IngestService/ListAppsInScope": only_services("connector"),
    f"{_PACKAGE}.ResolutionService/ResolveEntitlement": only_services("requests"),
    f"{_PACKAGE}.ResolutionService/ConfirmTargets": only_services("connector"),
    f"{_PACKAGE}.ResolutionService/BatchConfirmTargets": only_services("connector"),
    f"{_PACKAGE}.ResolutionService/CheckHeld": only_services("connector"),
    f"{_PACKAGE}.ApproverService/ResolveApprovers": only_services("requests"),
    f"{_PACKAGE}.ApproverService/CheckApprovers": only_services("policy"),
    f"{_PACKAGE}.ApproverService/ListPolicyUses": roles(
        ADMIN, POLICY_ADMIN, AUDITOR, services=["policy"]
    ),
}
