"""gRPC in: one module per service of the contract, and the table of who may call."""

from dataclasses import dataclass

from latchkey.catalog.v1 import (
    access_profile_pb2,
    access_profile_pb2_grpc,
    app_catalog_pb2,
    app_catalog_pb2_grpc,
    app_pb2,
    app_pb2_grpc,
    approver_pb2,
    approver_pb2_grpc,
    directory_pb2,
    directory_pb2_grpc,
    entitlement_pb2,
    entitlement_pb2_grpc,
    entitlement_rules_pb2,
    entitlement_rules_pb2_grpc,
    grant_pb2,
    grant_pb2_grpc,
    ingest_pb2,
    ingest_pb2_grpc,
    link_pb2,
    link_pb2_grpc,
    resolution_pb2,
    resolution_pb2_grpc,
)
from libs.db.writes import Writes
from libs.domain.clock import Clock
from libs.rpc.server import Servicer
from services.catalog import ports
from services.catalog.domain.settings import Defaults
from services.catalog.handlers.change_access_profile import (
    DeleteAccessProfile,
    UpdateAccessProfile,
)
from services.catalog.handlers.check_approvers import CheckApprovers
from services.catalog.handlers.check_held import CheckHeld
from services.catalog.handlers.checked_profile import CheckedProfile
from services.catalog.handlers.confirm_targets import ConfirmTargets
from services.catalog.handlers.create_access_profile import CreateAccessProfile
from services.catalog.handlers.entitlement_rules import (
    ApplyEntitlementRules,
    GetEntitlementRules,
)
from services.catalog.handlers.ingest_page import IngestPage
from services.catalog.handlers.link_entitlements import LinkEntitlements
from services.catalog.handlers.manage_app import ManageApp
from services.catalog.handlers.resolve_approvers import ResolveApprovers
from services.catalog.handlers.resolve_entitlement import ResolveEntitlement
from services.catalog.handlers.search_app_catalog import GetCatalogApp, SearchAppCatalog
from services.catalog.handlers.show import (
    ShowAccessProfile,
    ShowApp,
    ShowDirectory,
    ShowEntitlement,
)
from services.catalog.handlers.show_grants import ShowGrants
from services.catalog.handlers.show_members import ShowMembers
from services.catalog.handlers.show_sync import ShowSync
from services.catalog.handlers.unlink_entitlements import UnlinkEntitlements
from services.catalog.handlers.unmanage_app import UnmanageApp
from services.catalog.handlers.update_app import UpdateApp
from services.catalog.handlers.update_entitlement import UpdateEntitlement
from services.catalog.handlers.uses_now import UsesNow
from services.catalog.servicers.access import ACCESS
from services.catalog.servicers.access_profile import AccessProfileServicer
from services.catalog.servicers.app import AppServicer
from services.catalog.servicers.app_catalog import AppCatalogServicer
from services.catalog.servicers.approver import ApproverServicer
from services.catalog.servicers.directory import DirectoryServicer
from services.catalog.servicers.entitlement import EntitlementServicer
from services.catalog.servicers.entitlement_rules import EntitlementRulesServicer
from services.catalog.servicers.grant import GrantServicer
from services.catalog.servicers.ingest import IngestServicer
from services.catalog.servicers.link import LinkServicer
from services.catalog.servicers.resolution import ResolutionServicer

__all__ = ["ACCESS", "Stores", "servicers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What the servicers' use cases read and write."""

    apps: ports.Apps
    entitlements: ports.Entitlements
    links: ports.Links
    rules: ports.Rules
    access_profiles: ports.AccessProfiles
    directory: ports.Directory
    syncs: ports.Syncs
    app_catalog: ports.AppCatalog
    offers: ports.Offers
    uses: ports.Uses
    feed: ports.Feed
    following: ports.Following
    expressions: ports.Expressions
    grants: ports.Grants
    approver_sources: ports.ApproverSources
    policy_uses: ports.PolicyUses


def servicers(writes: Writes, clock: Clock, stores: Stores, deployment: Defaults) -> list[Servicer]:
    """Everything that the catalog answers. `deployment`: what holds where nobody says anything."""
    apps, profiles = stores.apps, stores.access_profiles
    checked = CheckedProfile(profiles, stores.directory, stores.expressions)
    uses = UsesNow(stores.uses, stores.feed, stores.following)
    show_app = ShowApp(apps, stores.entitlements, stores.links)
    show_entitlement = ShowEntitlement(apps, stores.entitlements, stores.rules, deployment)
    return [
        (
            app_pb2.DESCRIPTOR.services_by_name["AppService"],
            app_pb2_grpc.add_AppServiceServicer_to_server,
            AppServicer(
                writes,
                show_app,
                ManageApp(apps, uses, clock),
                UpdateApp(apps, stores.entitlements, stores.directory),
                UnmanageApp(apps, stores.entitlements, uses, clock),
            ),
        ),
        (
            entitlement_pb2.DESCRIPTOR.services_by_name["EntitlementService"],
            entitlement_pb2_grpc.add_EntitlementServiceServicer_to_server,
            EntitlementServicer(
                writes,
                show_entitlement,
                show_app,
                UpdateEntitlement(apps, stores.entitlements, stores.directory),
            ),
        ),
        (
            link_pb2.DESCRIPTOR.services_by_name["LinkService"],
            link_pb2_grpc.add_LinkServiceServicer_to_server,
            LinkServicer(
                writes,
                show_app,
                LinkEntitlements(stores.links, clock),
                UnlinkEntitlements(stores.links, stores.entitlements, uses),
            ),
        ),
        (
            entitlement_rules_pb2.DESCRIPTOR.services_by_name["EntitlementRulesService"],
            entitlement_rules_pb2_grpc.add_EntitlementRulesServiceServicer_to_server,
            EntitlementRulesServicer(
                writes,
                GetEntitlementRules(apps, stores.rules),
                ApplyEntitlementRules(
                    apps, stores.entitlements, stores.rules, profiles, deployment
                ),
            ),
        ),
        (
            access_profile_pb2.DESCRIPTOR.services_by_name["AccessProfileService"],
            access_profile_pb2_grpc.add_AccessProfileServiceServicer_to_server,
            AccessProfileServicer(
                writes,
                CreateAccessProfile(profiles, checked, clock),
                UpdateAccessProfile(profiles, checked),
                DeleteAccessProfile(profiles),
                ShowAccessProfile(profiles),
                ShowMembers(profiles, stores.directory),
            ),
        ),
        (
            app_catalog_pb2.DESCRIPTOR.services_by_name["AppCatalogService"],
            app_catalog_pb2_grpc.add_AppCatalogServiceServicer_to_server,
            AppCatalogServicer(
                SearchAppCatalog(stores.app_catalog), GetCatalogApp(stores.app_catalog)
            ),
        ),
        (
            directory_pb2.DESCRIPTOR.services_by_name["DirectoryService"],
            directory_pb2_grpc.add_DirectoryServiceServicer_to_server,
            DirectoryServicer(ShowDirectory(stores.directory)),
        ),
        (
            grant_pb2.DESCRIPTOR.services_by_name["GrantService"],
            grant_pb2_grpc.add_GrantServiceServicer_to_server,
            GrantServicer(
                ShowGrants(
                    stores.grants,
                    stores.directory,
                    apps,
                    stores.entitlements,
                    stores.app_catalog,
                )
            ),
        ),
        (
            ingest_pb2.DESCRIPTOR.services_by_name["IngestService"],
            ingest_pb2_grpc.add_IngestServiceServicer_to_server,
            IngestServicer(writes, IngestPage(stores.syncs, clock), ShowSync(stores.syncs)),
        ),
        (
            resolution_pb2.DESCRIPTOR.services_by_name["ResolutionService"],
            resolution_pb2_grpc.add_ResolutionServiceServicer_to_server,
            ResolutionServicer(
                ResolveEntitlement(stores.offers, deployment),
                ConfirmTargets(stores.offers),
                CheckHeld(stores.offers),
            ),
        ),
        (
            approver_pb2.DESCRIPTOR.services_by_name["ApproverService"],
            approver_pb2_grpc.add_ApproverServiceServicer_to_server,
            ApproverServicer(
                ResolveApprovers(stores.approver_sources),
                CheckApprovers(stores.approver_sources, profiles),
                stores.policy_uses,
            ),
        ),
    ]
