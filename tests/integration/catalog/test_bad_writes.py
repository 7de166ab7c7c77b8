"""Writes that can't be meant: each field is checked, and each wrong one named by its path."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from latchkey.catalog.v1 import (
    access_profile_pb2,
    app_pb2,
    entitlement_pb2,
    entitlement_rules_pb2,
    link_pb2,
    owner_pb2,
    resolution_pb2,
    settings_pb2,
)
from tests.integration.catalog.refusals import assert_refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import skip, virtual_role

pytestmark = pytest.mark.either_database


async def test_manage_app(catalog: RunningCatalog) -> None:
    """Everything that is wrong is named at once."""
    request = app_pb2.ManageAppRequest(
        app_id="x", access_entra_app_role_id="no guid", idempotency_key="k" * 201
    )
    fields = ("idempotency_key", "app_id", "access_entra_app_role_id")
    await assert_refused(catalog, ("apps", "ManageApp", request), *fields)
    request = app_pb2.ManageAppRequest(app_id="app_1", idempotency_key="a\x00")
    await assert_refused(catalog, ("apps", "ManageApp", request), "idempotency_key")


async def test_link_entitlements(catalog: RunningCatalog) -> None:
    """Each decision is checked, and named by its place."""
    empty = link_pb2.LinkEntitlementsRequest(app_id="app_1")
    await assert_refused(catalog, ("links", "LinkEntitlements", empty), "decisions")
    many = link_pb2.LinkEntitlementsRequest(
        app_id="app_1", decisions=[skip(str(index)) for index in range(101)]
    )
    await assert_refused(catalog, ("links", "LinkEntitlements", many), "decisions")
    twice = link_pb2.LinkEntitlementsRequest(
        app_id="app_1", decisions=[skip("A"), skip("B"), virtual_role("A")]
    )
    await assert_refused(
        catalog,
        ("links", "LinkEntitlements", twice),
        "decisions[0].directory_entitlement_id",
        "decisions[2].directory_entitlement_id",
    )
    described = virtual_role("D", "ok")
    described.create_virtual_role.description = "x" * 2001
    provision = link_pb2.LinkDecision(
        directory_entitlement_id="den_1",
        provision_access_for=link_pb2.LinkDecision.ProvisionAccessFor(entitlement_id="app_1"),
    )
    wrong = link_pb2.LinkEntitlementsRequest(
        app_id="app",
        decisions=[
            link_pb2.LinkDecision(directory_entitlement_id="den_2"),
            virtual_role("A", "   "),
            virtual_role("B", "x" * 201),
            virtual_role("C", "a\x00b"),
            described,
            provision,
            link_pb2.LinkDecision(
                directory_entitlement_id="grp_1", skip=link_pb2.LinkDecision.Skip()
            ),
        ],
    )
    await assert_refused(
        catalog,
        ("links", "LinkEntitlements", wrong),
        "app_id",
        "decisions[0].choice",
        "decisions[1].create_virtual_role.display_name",
        "decisions[2].create_virtual_role.display_name",
        "decisions[3].create_virtual_role.display_name",
        "decisions[4].create_virtual_role.description",
        "decisions[5].provision_access_for.entitlement_id",
        "decisions[6].directory_entitlement_id",
    )


async def test_entitlement_rules(catalog: RunningCatalog) -> None:
    """Apply and preview refuse the same."""

    async def assert_both(
        rules: entitlement_rules_pb2.EntitlementRules | None, *fields: str
    ) -> None:
        for method, kind in (
            ("ApplyEntitlementRules", entitlement_rules_pb2.ApplyEntitlementRulesRequest),
            ("PreviewEntitlementRules", entitlement_rules_pb2.PreviewEntitlementRulesRequest),
        ):
            await assert_refused(catalog, ("rules", method, kind(entitlement_rules=rules)), *fields)

    await assert_both(None, "entitlement_rules", "entitlement_rules.app_id")
    rules = entitlement_rules_pb2.EntitlementRules(app_id="app_1", enabled=True)
    await assert_both(
        rules, "entitlement_rules.resource_type_ids", "entitlement_rules.access_profile_ids"
    )
    rules.resource_type_ids.extend(["rty_1", "rty_1", "", "ent_1"])
    rules.access_profile_ids.extend(["apr_\x00"])
    rules.policy_id = "x"
    rules.etag = "e" * 101
    await assert_both(
        rules,
        "entitlement_rules.resource_type_ids[1]",
        "entitlement_rules.resource_type_ids[2]",
        "entitlement_rules.resource_type_ids[3]",
        "entitlement_rules.access_profile_ids[0]",
        "entitlement_rules.policy_id",
        "entitlement_rules.etag",
    )
    many = entitlement_rules_pb2.EntitlementRules(
        app_id="app_1",
        resource_type_ids=[f"rty_{index}" for index in range(51)],
        access_profile_ids=[f"apr_{index}" for index in range(51)],
    )
    await assert_both(
        many, "entitlement_rules.resource_type_ids", "entitlement_rules.access_profile_ids"
    )
    for length in (
        Duration(seconds=-1),
        Duration(),
        Duration(seconds=59),
        Duration(seconds=2**62),
        Duration(seconds=-(2**62)),
        Duration(seconds=3650 * 86400 + 1),
        Duration(nanos=2**31 - 1),
    ):
        limited = entitlement_rules_pb2.EntitlementRules(app_id="app_1", max_duration=length)
        await assert_both(limited, "entitlement_rules.max_duration")


async def test_create_access_profile(catalog: RunningCatalog) -> None:
    """Names, descriptions and people, each by its path."""

    async def assert_wrong(profile: access_profile_pb2.AccessProfile, *fields: str) -> None:
        request = access_profile_pb2.CreateAccessProfileRequest(access_profile=profile)
        await assert_refused(catalog, ("access_profiles", "CreateAccessProfile", request), *fields)

    nothing = access_profile_pb2.CreateAccessProfileRequest()
    await assert_refused(
        catalog,
        ("access_profiles", "CreateAccessProfile", nothing),
        "access_profile",
        "access_profile.display_name",
    )
    for name in ("", "  ", "x" * 201, "a\x00", "a\nb"):
        await assert_wrong(
            access_profile_pb2.AccessProfile(display_name=name), "access_profile.display_name"
        )
    await assert_wrong(
        access_profile_pb2.AccessProfile(
            display_name="ok",
            description="\x00",
            user_ids=["usr_1", "usr_1", "", "grp_1", "usr_2"],
        ),
        "access_profile.user_ids[1]",
        "access_profile.user_ids[2]",
        "access_profile.user_ids[3]",
        "access_profile.description",
    )
    await assert_wrong(
        access_profile_pb2.AccessProfile(
            display_name="ok", user_ids=[f"usr_{index}" for index in range(1001)]
        ),
        "access_profile.user_ids",
    )


async def test_confirm_targets(catalog: RunningCatalog) -> None:
    """1 to 100 targets, and 1 to 100 questions at once."""
    for count in (0, 101):
        request = resolution_pb2.ConfirmTargetsRequest(
            entitlement_id="ent_1",
            subject_user_id="usr_1",
            directory_entitlement_ids=["den_1"] * count,
        )
        await assert_refused(
            catalog, ("resolution", "ConfirmTargets", request), "directory_entitlement_ids"
        )
    request.directory_entitlement_ids[:] = ["den_1"]
    for count in (0, 101):
        batch = resolution_pb2.BatchConfirmTargetsRequest(questions=[request] * count)
        await assert_refused(catalog, ("resolution", "BatchConfirmTargets", batch), "questions")


async def test_check_held(catalog: RunningCatalog) -> None:
    """1 to 500 items."""
    for count in (0, 501):
        item = resolution_pb2.CheckHeldRequest.HeldItem(
            user_id="usr_1", directory_entitlement_id="den_1"
        )
        request = resolution_pb2.CheckHeldRequest(connection_id="con_1", items=[item] * count)
        await assert_refused(catalog, ("resolution", "CheckHeld", request), "items")


async def test_update_app(catalog: RunningCatalog) -> None:
    """What the mask names is checked, each owner by its place; the rest is not looked at."""
    update = app_pb2.UpdateAppRequest
    await assert_refused(catalog, ("apps", "UpdateApp", update()), "update_mask", "app.app_id")
    owners = [owner_pb2.Owner(user_id="app_1"), owner_pb2.Owner(), owner_pb2.Owner(user_id="app_1")]
    app = app_pb2.App(
        app_id="app_1",
        description="x" * 2001,
        instructions="a\x00",
        owners=owners,
        policy_id="x",
        max_duration=Duration(seconds=1),
        unmanaged_access_action=4,  # type: ignore[arg-type]
        etag="e" * 101,
    )
    names = ["description", "instructions", "owners", "policy_id", "max_duration"]
    names.append("unmanaged_access_action")
    request = update(app=app, update_mask=FieldMask(paths=names))
    await assert_refused(
        catalog,
        ("apps", "UpdateApp", request),
        "app.description",
        "app.instructions",
        "app.owners[0].user_id",
        "app.owners[1]",
        "app.owners[2].user_id",
        "app.owners[2]",
        "app.policy_id",
        "app.max_duration",
        "app.unmanaged_access_action",
        "app.etag",
    )
    many = app_pb2.App(
        app_id="app_1", owners=[owner_pb2.Owner(user_id=f"usr_{n}") for n in range(33)]
    )
    request = update(app=many, update_mask=FieldMask(paths=["owners", "display_name"]))
    await assert_refused(catalog, ("apps", "UpdateApp", request), "update_mask", "app.owners")


async def test_update_entitlement(catalog: RunningCatalog) -> None:
    """Parts of the override are checked when the mask names them."""
    update = entitlement_pb2.UpdateEntitlementRequest
    call = ("entitlements", "UpdateEntitlement")
    await assert_refused(catalog, (*call, update()), "update_mask", "entitlement.entitlement_id")
    entitlement = entitlement_pb2.Entitlement(
        entitlement_id="ent_1",
        display_name=" ",
        entra_app_role_id="x",
        override=settings_pb2.EntitlementOverride(policy_id="x", max_duration=Duration(seconds=1)),
    )
    for paths, fields in (
        (["override"], ["max_duration", "policy_id"]),
        (["override.policy_id", "override.locked"], ["policy_id"]),
    ):
        request = update(entitlement=entitlement, update_mask=FieldMask(paths=paths))
        wrong = [f"entitlement.override.{field}" for field in fields]
        await assert_refused(catalog, (*call, request), *wrong)
    paths = ["display_name", "entra_app_role_id", "override.x", "settings"]
    request = update(entitlement=entitlement, update_mask=FieldMask(paths=paths))
    await assert_refused(
        catalog,
        (*call, request),
        "update_mask",
        "update_mask",
        "entitlement.display_name",
        "entitlement.entra_app_role_id",
    )
