"""Where policies are used."""

from google.protobuf.duration_pb2 import Duration

from latchkey.catalog.v1 import app_pb2, approver_pb2, entitlement_pb2, settings_pb2
from libs.domain.callers import POLICY_ADMIN
from tests.integration.catalog.refusals import assert_refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    EVERYONE,
    apply_rules,
    link,
    manage,
    offer,
    profile,
    virtual_role,
)
from tests.integration.catalog.tenant import MARLOWE, sync
from tests.integration.catalog.test_app_depth import change, update
from tests.support.issuer import object_id

APP = approver_pb2.POLICY_USE_TIER_APP
RULES = approver_pb2.POLICY_USE_TIER_RULES
ENTITLEMENT = approver_pb2.POLICY_USE_TIER_ENTITLEMENT
Use = tuple[str, int, str, bool]


def emergency(policy_id: str) -> settings_pb2.EmergencySettings:
    return settings_pb2.EmergencySettings(
        enabled=True, policy_id=policy_id, max_duration=Duration(seconds=3600)
    )


async def uses(
    catalog: RunningCatalog, policy_id: str, size: int = 0
) -> list[approver_pb2.PolicyUse]:
    """All uses of a policy, in pages of this size."""
    found: list[approver_pb2.PolicyUse] = []
    token = ""
    while token or not found:
        page = await catalog.approvers.ListPolicyUses(
            approver_pb2.ListPolicyUsesRequest(
                policy_id=policy_id, page_size=size, page_token=token
            ),
            metadata=catalog.person("Pol", POLICY_ADMIN),
        )
        found += page.uses
        token = page.next_page_token
        assert len(page.uses) == size or not token
        if not found:
            break
    return found


def short(use: approver_pb2.PolicyUse) -> Use:
    return use.app_id, use.tier, use.entitlement_id, use.emergency


async def test_every_place_that_names_a_policy(catalog: RunningCatalog) -> None:
    """Apps, rules and overrides, in emergencies or else, with names and audiences, in any pages;
    nothing of another policy, and nothing of an app that is unmanaged again."""
    await sync(catalog, MARLOWE)
    some = await profile(catalog, "Some", "Ben")
    wanted: list[Use] = []
    names = {}
    for name, role in (("Design Tool", ""), ("Board", object_id("Reader"))):
        app = await manage(catalog, name, role)
        names[app.app_id] = name
        await update(catalog, app_pb2.App(app_id=app.app_id, policy_id="pol_1"), "policy_id")
        rules = await offer(catalog, app, some, EVERYONE)
        rules.policy_id = "pol_1" if name == "Board" else "pol_2"
        rules.emergency.CopyFrom(emergency("pol_1"))
        await apply_rules(catalog, rules)
        wanted += [(app.app_id, APP, "", False), (app.app_id, RULES, "", True)]
        if name == "Board":
            wanted.append((app.app_id, RULES, "", False))
        else:
            answer = await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
            override = settings_pb2.EntitlementOverride(
                policy_id="pol_1", emergency=emergency("pol_1")
            )
            entitlement_id = answer.entitlements[0].entitlement_id
            owned = entitlement_pb2.Entitlement(entitlement_id=entitlement_id, override=override)
            await change(catalog, owned, "override.policy_id", "override.emergency")
            only = settings_pb2.EntitlementOverride(policy_id="pol_1")
            access = entitlement_pb2.Entitlement(entitlement_id=app.access_id, override=only)
            await change(catalog, access, "override.policy_id")
            wanted += [
                (app.app_id, ENTITLEMENT, entitlement_id, False),
                (app.app_id, ENTITLEMENT, entitlement_id, True),
                (app.app_id, ENTITLEMENT, app.access_id, False),
            ]
    everything = await uses(catalog, "pol_1")
    assert [short(each) for each in everything] == sorted(wanted)
    for size in (1, 2, 3, 5):
        assert await uses(catalog, "pol_1", size) == everything
    for each in everything:
        assert each.app_display_name == names[each.app_id]
        assert bool(each.entitlement_display_name) == bool(each.entitlement_id)
        assert [(of.access_profile_id, of.display_name) for of in each.audiences] == [
            (some, "Some"),
            (EVERYONE, "Everyone"),
        ]
    assert [(each.tier, each.emergency) for each in await uses(catalog, "pol_2")] == [
        (RULES, False)
    ]
    assert await uses(catalog, "pol_unknown") == []


async def test_bad_questions(sqlite_catalog: RunningCatalog) -> None:
    """Ids and pages by their fields; a page token is of one policy's list."""

    async def refuses(*fields: str, reason: str = "FIELD_INVALID", **request: object) -> None:
        asked = approver_pb2.ListPolicyUsesRequest(**({"policy_id": "pol_1"} | request))  # type: ignore[arg-type]
        call = ("approvers", "ListPolicyUses", asked)
        await assert_refused(sqlite_catalog, call, *fields, reason=reason)

    for policy_id in ("", "app_1", "pol_\x00"):
        await refuses("policy_id", policy_id=policy_id)
    await refuses("page_size", page_size=501)
    await refuses("page_token", page_token="x" * 3000)
    await refuses("page_token", page_token="AAAA", reason="PAGE_TOKEN_INVALID")
