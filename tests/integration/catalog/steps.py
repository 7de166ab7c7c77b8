"""Steps that many tests take, as an administrator."""

from dataclasses import dataclass
from typing import Any

from latchkey.catalog.v1 import (
    access_profile_pb2,
    app_pb2,
    directory_pb2,
    entitlement_pb2,
    entitlement_rules_pb2,
    ingest_pb2,
    link_pb2,
    resolution_pb2,
)
from latchkey.ledger.v1 import event_pb2
from libs.domain import ids
from libs.domain.callers import ADMIN
from tests.integration.catalog.running import Metadata, RunningCatalog
from tests.integration.catalog.tenant import (
    app_id,
    checkpoint,
    ingest,
    membership_id,
    numbered,
    user_id,
)

EVERYONE = "apr_everyone"


def root(catalog: RunningCatalog) -> Metadata:
    """An administrator, who is not in the directory."""
    return catalog.person("Root", ADMIN)


@dataclass(frozen=True)
class Managed:
    """A managed app and what it was given."""

    app_id: str
    access_id: str
    credential_type_id: str
    role_type_id: str


async def manage(catalog: RunningCatalog, name: str, role: str = "") -> Managed:
    """Manages the app of this name."""
    response = await catalog.apps.ManageApp(
        app_pb2.ManageAppRequest(app_id=app_id(name), access_entra_app_role_id=role),
        metadata=root(catalog),
    )
    types = await catalog.entitlements.ListResourceTypes(
        entitlement_pb2.ListResourceTypesRequest(app_id=app_id(name)), metadata=root(catalog)
    )
    credential, roles, _ = (each.resource_type_id for each in types.resource_types)
    return Managed(app_id(name), response.access_entitlement_id, credential, roles)


def virtual_role(group: str, name: str = "") -> link_pb2.LinkDecision:
    """The choice of a virtual role for a group."""
    return link_pb2.LinkDecision(
        directory_entitlement_id=membership_id(group),
        create_virtual_role=link_pb2.LinkDecision.CreateVirtualRole(display_name=name),
    )


def provision_for(group: str, entitlement_id: str) -> link_pb2.LinkDecision:
    """The choice of a group as part of an entitlement."""
    return link_pb2.LinkDecision(
        directory_entitlement_id=membership_id(group),
        provision_access_for=link_pb2.LinkDecision.ProvisionAccessFor(
            entitlement_id=entitlement_id
        ),
    )


def skip(group: str) -> link_pb2.LinkDecision:
    """The choice to leave a group alone."""
    return link_pb2.LinkDecision(
        directory_entitlement_id=membership_id(group), skip=link_pb2.LinkDecision.Skip()
    )


async def link(
    catalog: RunningCatalog, app: str, *decisions: link_pb2.LinkDecision
) -> link_pb2.LinkEntitlementsResponse:
    """Makes choices for groups linked to an app."""
    response: link_pb2.LinkEntitlementsResponse = await catalog.links.LinkEntitlements(
        link_pb2.LinkEntitlementsRequest(app_id=app, decisions=decisions), metadata=root(catalog)
    )
    return response


async def linked(catalog: RunningCatalog, app: str) -> dict[str, link_pb2.LinkedEntitlement]:
    """The groups linked to an app by name."""
    response = await catalog.links.ListLinkedEntitlements(
        link_pb2.ListLinkedEntitlementsRequest(app_id=app), metadata=root(catalog)
    )
    return {each.group_display_name: each for each in response.linked_entitlements}


async def apply_rules(
    catalog: RunningCatalog, rules: entitlement_rules_pb2.EntitlementRules
) -> entitlement_rules_pb2.EntitlementRules:
    """Replaces the rules of an app."""
    response = await catalog.rules.ApplyEntitlementRules(
        entitlement_rules_pb2.ApplyEntitlementRulesRequest(entitlement_rules=rules),
        metadata=root(catalog),
    )
    applied: entitlement_rules_pb2.EntitlementRules = response.entitlement_rules
    return applied


async def offer(
    catalog: RunningCatalog, app: Managed, *profile_ids: str
) -> entitlement_rules_pb2.EntitlementRules:
    """Has everything of an app requestable, by everyone unless profiles are named."""
    return await apply_rules(
        catalog,
        entitlement_rules_pb2.EntitlementRules(
            app_id=app.app_id,
            enabled=True,
            resource_type_ids=[app.credential_type_id, app.role_type_id],
            access_profile_ids=profile_ids or [EVERYONE],
        ),
    )


async def profile(catalog: RunningCatalog, name: str, *people: str) -> str:
    """Creates an access profile of these people; returns its id."""
    response = await catalog.access_profiles.CreateAccessProfile(
        access_profile_pb2.CreateAccessProfileRequest(
            access_profile=access_profile_pb2.AccessProfile(
                display_name=name, user_ids=map(user_id, people)
            )
        ),
        metadata=root(catalog),
    )
    created: str = response.access_profile.access_profile_id
    return created


async def resolve(
    catalog: RunningCatalog, entitlement_id: str, requester: str, subject: str = "", **other: Any
) -> resolution_pb2.ResolveEntitlementResponse:
    """Asks about an entitlement as the requests service does."""
    response: resolution_pb2.ResolveEntitlementResponse
    response = await catalog.resolution.ResolveEntitlement(
        resolution_pb2.ResolveEntitlementRequest(
            entitlement_id=entitlement_id,
            requester_user_id=user_id(requester),
            subject_user_id=user_id(subject or requester),
            **other,
        ),
        metadata=catalog.by("requests"),
    )
    return response


async def event_types(catalog: RunningCatalog) -> list[str]:
    """The short names of all events so far, but for signed heads, which come whenever it is time
    for one."""
    response = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    names = [event.type.rpartition(".")[2] for event in response.events]
    return [name for name in names if name != "AuditHeadSigned"]


async def state(catalog: RunningCatalog) -> dict[str, Any]:
    """What is served: people, groups by how many they have, apps by where they stand."""
    users = await catalog.directory.ListUsers(
        directory_pb2.ListUsersRequest(page_size=500), metadata=root(catalog)
    )
    groups = await catalog.directory.ListGroups(
        directory_pb2.ListGroupsRequest(page_size=500), metadata=root(catalog)
    )
    apps = await catalog.apps.ListApps(
        app_pb2.ListAppsRequest(page_size=500), metadata=root(catalog)
    )
    return {
        "users": [user.display_name for user in users.users],
        "groups": {group.display_name: group.member_count for group in groups.groups},
        "apps": {app.display_name: app.state for app in apps.apps},
    }


async def incremental(
    catalog: RunningCatalog, *messages: ingest_pb2.IngestRequest, **other: Any
) -> ingest_pb2.IngestResponse:
    """A sync of these messages in the round after the newest."""
    seen_in = (await checkpoint(catalog)).round + 1
    other = {"complete": False, "seen_in": seen_in} | other
    return await ingest(catalog, numbered(messages, ids.new_id("syn"), **other))
