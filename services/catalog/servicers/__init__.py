"""gRPC in: one module per service of the contract, and the table of who may call."""

from dataclasses import dataclass

from latchkey.catalog.v1 import (
    access_profile_pb2,
    access_profile_pb2_grpc,
    app_catalog_pb2,
    app_catalog_pb2_grpc,
    app_pb2,
    app_pb2_grpc,
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
from services.catalog.handlers.confirm_targets import ConfirmTargets
from services.catalog.handlers.create_access_profile import CreateAccessProfile
from services.catalog.handlers.entitlement_rules import (
    ApplyEntitlementRules,
    GetEntitlementRules,
)
from services.catalog.handlers.ingest_page import IngestPage
from services.catalog.handlers.link_entitlements import LinkEntitlements
from services.catalog.handlers.manage_app import ManageApp
from services.catalog.handlers.resolve_entitlement import ResolveEntitlement
from services.catalog.handlers.search_app_catalog import SearchAppCatalog
from services.catalog.handlers.show import (
    ShowAccessProfile,
    ShowApp,
    ShowEntitlement,
    ShowUser,
)
from services.catalog.handlers.show_grants import ShowGrants
from services.catalog.handlers.show_sync import ShowSync
from services.catalog.servicers.access import ACCESS
from services.catalog.servicers.access_profile import AccessProfileServicer
from services.catalog.servicers.app import AppServicer
from services.catalog.servicers.app_catalog import AppCatalogServicer
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
    grants: ports.Grants


def servicers(writes: Writes, clock: Clock, stores: Stores) -> list[Servicer]:
    """Everything that the catalog answers."""
    apps, profiles = stores.apps, stores.access_profiles
    show_app = ShowApp(apps, stores.entitlements, stores.links)
    return [
        (
            app_pb2.DESCRIPTOR.services_by_name["AppService"],
            app_pb2_grpc.add_AppServiceServicer_to_server,
            AppServicer(writes, show_app, ManageApp(apps, clock)),
        ),
        (
            entitlement_pb2.DESCRIPTOR.services_by_name["EntitlementService"],
            entitlement_pb2_grpc.add_EntitlementServiceServicer_to_server,
            EntitlementServicer(ShowEntitlement(stores.entitlements), show_app),
        ),
        (
            link_pb2.DESCRIPTOR.services_by_name["LinkService"],
            link_pb2_grpc.add_LinkServiceServicer_to_server,
            LinkServicer(writes, show_app, LinkEntitlements(apps, stores.links, clock)),
        ),
        (
            entitlement_rules_pb2.DESCRIPTOR.services_by_name["EntitlementRulesService"],
            entitlement_rules_pb2_grpc.add_EntitlementRulesServiceServicer_to_server,
            EntitlementRulesServicer(
                writes,
                GetEntitlementRules(apps, stores.rules),
                ApplyEntitlementRules(apps, stores.entitlements, stores.rules, profiles),
            ),
        ),
        (
            access_profile_pb2.DESCRIPTOR.services_by_name["AccessProfileService"],
            access_profile_pb2_grpc.add_AccessProfileServiceServicer_to_server,
            AccessProfileServicer(
                writes,
                CreateAccessProfile(profiles, stores.directory, clock),
                ShowAccessProfile(profiles),
            ),
        ),
        (
            app_catalog_pb2.DESCRIPTOR.services_by_name["AppCatalogService"],
            app_catalog_pb2_grpc.add_AppCatalogServiceServicer_to_server,
            AppCatalogServicer(SearchAppCatalog(stores.app_catalog)),
        ),
        (
            directory_pb2.DESCRIPTOR.services_by_name["DirectoryService"],
            directory_pb2_grpc.add_DirectoryServiceServicer_to_server,
            DirectoryServicer(ShowUser(stores.directory)),
        ),
        (
            grant_pb2.DESCRIPTOR.services_by_name["GrantService"],
            grant_pb2_grpc.add_GrantServiceServicer_to_server,
            GrantServicer(
                ShowGrants(stores.grants, stores.directory, apps, stores.entitlements, stores.uses)
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
            ResolutionServicer(ResolveEntitlement(stores.offers), ConfirmTargets(stores.offers)),
        ),
    ]
