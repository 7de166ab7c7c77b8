"""The guide's path through the catalog: from a sync to an answer for a request."""

from google.protobuf.duration_pb2 import Duration

from latchkey.catalog.v1 import (
    app_catalog_pb2,
    app_pb2,
    entitlement_pb2,
    entitlement_rules_pb2,
    link_pb2,
    resolution_pb2,
)
from libs.domain.callers import ADMIN
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.tenant import (
    MARLOWE,
    NO_ROLE,
    app_id,
    membership_id,
    role_id,
    sync,
    user_id,
)
from tests.support.issuer import object_id


async def test_from_a_sync_to_an_answer_for_a_request(catalog: RunningCatalog) -> None:
    """Sync, manage, link in all three ways, apply rules, search, resolve, confirm."""
    admin = catalog.person("Root", ADMIN)
    seen = await sync(catalog, MARLOWE)
    assert (seen.completed, seen.removed_count, seen.seen_count) == (True, 0, 21)

    found = await catalog.apps.ListApps(
        app_pb2.ListAppsRequest(state=app_pb2.APP_STATE_UNMANAGED, query="DESIGN"), metadata=admin
    )
    (app,) = found.apps
    assert (app.app_id, app.display_name) == (app_id("Design Tool"), "Design Tool")

    managed = await catalog.apps.ManageApp(
        app_pb2.ManageAppRequest(app_id=app.app_id), metadata=admin
    )
    assert managed.app.state == app_pb2.APP_STATE_MANAGED

    linked = await catalog.links.ListLinkedEntitlements(
        link_pb2.ListLinkedEntitlementsRequest(app_id=app.app_id), metadata=admin
    )
    assert [
        (link.group_display_name, link.member_count, link.choice, link.entra_app_role_id)
        for link in linked.linked_entitlements
    ] == [
        ("All Staff", 3, link_pb2.LINK_CHOICE_PENDING, NO_ROLE),
        ("Design Editors", 1, link_pb2.LINK_CHOICE_PENDING, NO_ROLE),
        ("Design Viewers", 2, link_pb2.LINK_CHOICE_PENDING, NO_ROLE),
    ]

    result = await catalog.links.LinkEntitlements(
        link_pb2.LinkEntitlementsRequest(
            app_id=app.app_id,
            decisions=[
                link_pb2.LinkDecision(
                    directory_entitlement_id=membership_id("Design Editors"),
                    create_virtual_role=link_pb2.LinkDecision.CreateVirtualRole(
                        display_name="Editor"
                    ),
                ),
                link_pb2.LinkDecision(
                    directory_entitlement_id=membership_id("Design Viewers"),
                    provision_access_for=link_pb2.LinkDecision.ProvisionAccessFor(
                        entitlement_id=managed.access_entitlement_id
                    ),
                ),
                link_pb2.LinkDecision(
                    directory_entitlement_id=membership_id("All Staff"),
                    skip=link_pb2.LinkDecision.Skip(),
                ),
            ],
        ),
        metadata=admin,
    )
    assert [link.choice for link in result.linked_entitlements] == [
        link_pb2.LINK_CHOICE_VIRTUAL_ROLE,
        link_pb2.LINK_CHOICE_PROVISION_ACCESS,
        link_pb2.LINK_CHOICE_SKIPPED,
    ]
    role, access = result.entitlements
    assert [target.directory_entitlement_id for target in role.fulfilment] == [
        membership_id("Design Editors")
    ]
    assert [target.directory_entitlement_id for target in access.fulfilment] == [
        role_id("Design Tool"),
        membership_id("Design Viewers"),
    ]
    bindings = await catalog.links.ListBindings(
        link_pb2.ListBindingsRequest(app_id=app.app_id), metadata=admin
    )
    assert list(bindings.bindings) == list(result.bindings)
    assert [binding.directory_display_name for binding in bindings.bindings] == [
        "member of Design Editors",
        "member of Design Viewers",
    ]

    types = await catalog.entitlements.ListResourceTypes(
        entitlement_pb2.ListResourceTypesRequest(app_id=app.app_id), metadata=admin
    )
    named = [each.display_name for each in types.resource_types]
    assert named == ["Credential", "Role", "App role"]
    rules = entitlement_rules_pb2.EntitlementRules(
        app_id=app.app_id,
        enabled=True,
        resource_type_ids=[each.resource_type_id for each in types.resource_types],
        access_profile_ids=["apr_everyone"],
        max_duration=Duration(seconds=3600),
    )
    preview = await catalog.rules.PreviewEntitlementRules(
        entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules),
        metadata=admin,
    )
    assert (len(preview.requestable_entitlements), preview.person_count) == (2, 3)
    applied = await catalog.rules.ApplyEntitlementRules(
        entitlement_rules_pb2.ApplyEntitlementRulesRequest(entitlement_rules=rules),
        metadata=admin,
    )
    assert applied.entitlement_count == 2
    assert applied.entitlement_rules.etag == "1"

    catalog_of_ben = await catalog.app_catalog.SearchAppCatalog(
        app_catalog_pb2.SearchAppCatalogRequest(), metadata=catalog.person("Ben")
    )
    (tile,) = catalog_of_ben.apps
    assert [(each.display_name, each.held) for each in tile.entitlements] == [
        ("Access", False),
        ("Editor", True),
    ]
    assert tile.entitlements[0].max_duration.seconds == 3600

    resolved = await catalog.resolution.ResolveEntitlement(
        resolution_pb2.ResolveEntitlementRequest(
            entitlement_id=role.entitlement_id,
            requester_user_id=user_id("Cleo"),
            subject_user_id=user_id("Cleo"),
        ),
        metadata=catalog.by("requests"),
    )
    assert resolved.entitlement.settings == resolved.settings
    resolved.entitlement.ClearField("settings")
    assert resolved.entitlement == role
    assert (resolved.app_display_name, resolved.held) == ("Design Tool", False)
    assert resolved.manager.user_id == user_id("Ada")
    assert resolved.max_duration.seconds == 3600

    confirmed = await catalog.resolution.ConfirmTargets(
        resolution_pb2.ConfirmTargetsRequest(
            entitlement_id=access.entitlement_id,
            subject_user_id=user_id("Cleo"),
            directory_entitlement_ids=[
                role_id("Design Tool"),
                membership_id("Design Viewers"),
                membership_id("All Staff"),
            ],
        ),
        metadata=catalog.by("connector"),
    )
    assert [(each.listed, each.held) for each in confirmed.targets] == [
        (True, False),
        (True, True),
        (False, True),
    ]
    assert confirmed.targets[0].target == access.fulfilment[0]
    assert confirmed.targets[2].problem
    assert confirmed.subject.entra_object_id == object_id("Cleo")
