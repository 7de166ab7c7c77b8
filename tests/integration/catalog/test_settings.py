"""What holds for entitlements: said by tiers, previewed, shown, searched and resolved alike."""

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from sqlalchemy import Connection, insert, update

from latchkey.catalog.v1 import (
    app_catalog_pb2,
    entitlement_pb2,
    entitlement_rules_pb2,
    settings_pb2,
)
from libs.db.guarded import Guarded
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.settings import (
    NO_EMERGENCIES,
    EmergencySettings,
    EntitlementOverride,
)
from services.catalog.store.apps import StoredApps
from services.catalog.store.entitlement_tables import entitlements
from services.catalog.store.rows import override_columns
from services.catalog.store.rules import StoredRules
from services.catalog.store.tables import apps, directory_app_owners
from tests.integration.catalog.refusals import assert_refused, refused
from tests.integration.catalog.running import RunningCatalog, running_catalog
from tests.integration.catalog.steps import (
    EVERYONE,
    Managed,
    event_types,
    link,
    manage,
    offer,
    resolve,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import MARLOWE, Tenant, membership_id, sync, user_id
from tests.support.issuer import TestIssuer

HOUR = timedelta(hours=1)
OWN = EntitlementOverride("pol_own", HOUR, NO_EMERGENCIES)
LOCKED = EntitlementOverride(emergency=EmergencySettings("pol_fire", 8 * HOUR), locked=True)


def urgent(seconds: int) -> settings_pb2.EmergencySettings:
    return settings_pb2.EmergencySettings(
        enabled=True, policy_id="pol_urgent", max_duration=Duration(seconds=seconds)
    )


def rules_of(app: Managed, **more: object) -> entitlement_rules_pb2.EntitlementRules:
    fields: dict[str, object] = {
        "app_id": app.app_id,
        "enabled": True,
        "resource_type_ids": [app.role_type_id],
        "access_profile_ids": [EVERYONE],
        "emergency": urgent(600),
    }
    return entitlement_rules_pb2.EntitlementRules(**(fields | more))  # type: ignore[arg-type]


async def say(catalog: RunningCatalog, entitlement_id: str, override: EntitlementOverride) -> None:
    """Has an entitlement say this for itself."""
    statement = (
        update(entitlements)
        .where(entitlements.c.entitlement_id == entitlement_id)
        .values(**override_columns(override))
    )
    await catalog.service.database.write(lambda connection: connection.execute(statement))


async def listed(catalog: RunningCatalog, app_id: str) -> dict[str, entitlement_pb2.Entitlement]:
    """The entitlements of an app by their names."""
    response = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=app_id), metadata=root(catalog)
    )
    return {each.display_name: each for each in response.entitlements}


async def shown(
    catalog: RunningCatalog, name: str
) -> dict[str, app_catalog_pb2.CatalogEntitlement]:
    """What a person may ask for, by its id."""
    found = await catalog.app_catalog.SearchAppCatalog(
        app_catalog_pb2.SearchAppCatalogRequest(), metadata=catalog.person(name)
    )
    return {each.entitlement_id: each for app in found.apps for each in app.entitlements}


async def test_what_was_previewed_is_what_then_holds(
    database_url: str, nats_url: str, issuer: TestIssuer
) -> None:
    """By list, search and resolution alike, with and without clearing, and for what comes later."""
    async with running_catalog(database_url, nats_url, issuer, max_lease_seconds=7200) as catalog:
        await sync(catalog, MARLOWE)
        app = await manage(catalog, "Design Tool")
        await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
        await link(catalog, app.app_id, virtual_role("Design Viewers", "Viewer"))
        found = await listed(catalog, app.app_id)
        ids = {name: each.entitlement_id for name, each in found.items()}
        await say(catalog, ids["Editor"], OWN)
        await say(catalog, ids["Viewer"], LOCKED)
        await say(catalog, ids["Access"], EntitlementOverride(not_requestable=True))
        # Access, of an ungoverned type, says no: cleared all the same, as the app's.
        await compare(catalog, app, rules_of(app), cleared=None)
        found = await listed(catalog, app.app_id)
        assert found["Editor"].settings == settings_pb2.EntitlementSettings(
            policy_id="pol_own",
            policy_tier=settings_pb2.SETTING_TIER_ENTITLEMENT,
            max_duration=Duration(seconds=3600),
            max_duration_tier=settings_pb2.SETTING_TIER_ENTITLEMENT,
            emergency=settings_pb2.EmergencySettings(),
            emergency_tier=settings_pb2.SETTING_TIER_ENTITLEMENT,
            emergency_max_duration_tier=settings_pb2.SETTING_TIER_ENTITLEMENT,
            requestable=True,
            requestable_tier=settings_pb2.SETTING_TIER_RULES,
        )
        assert found["Viewer"].settings == settings_pb2.EntitlementSettings(
            policy_tier=settings_pb2.SETTING_TIER_DEPLOYMENT,
            max_duration=Duration(seconds=7200),
            max_duration_tier=settings_pb2.SETTING_TIER_DEPLOYMENT,
            # What it says itself is 8 hours: no longer than a lease may be.
            emergency=settings_pb2.EmergencySettings(
                enabled=True, policy_id="pol_fire", max_duration=Duration(seconds=7200)
            ),
            emergency_tier=settings_pb2.SETTING_TIER_ENTITLEMENT,
            emergency_max_duration_tier=settings_pb2.SETTING_TIER_DEPLOYMENT,
            requestable=True,
            requestable_tier=settings_pb2.SETTING_TIER_RULES,
        )
        assert not found["Access"].settings.requestable

        said = update(apps).values(policy_id="pol_app", max_duration=HOUR / 2)
        await catalog.service.database.write(lambda connection: connection.execute(said))
        every = [app.credential_type_id, app.role_type_id]
        await compare(catalog, app, rules_of(app, resource_type_ids=every), cleared=None)
        assert set(await shown(catalog, "Ben")) == {ids["Editor"], ids["Viewer"]}
        # That nothing is governed does not keep overrides: what goes is named all the same.
        disabled = entitlement_rules_pb2.EntitlementRules(app_id=app.app_id)
        would = await catalog.rules.PreviewEntitlementRules(
            entitlement_rules_pb2.PreviewEntitlementRulesRequest(
                entitlement_rules=disabled, clear_overrides=True
            ),
            metadata=root(catalog),
        )
        named = {each.entitlement_id for each in would.cleared_entitlements}
        assert named == {ids["Editor"], ids["Access"]}
        await compare(catalog, app, rules_of(app, resource_type_ids=every), cleared=2)
        assert set(await shown(catalog, "Ben")) == set(ids.values())
        found = await listed(catalog, app.app_id)
        assert not found["Editor"].HasField("override")
        assert found["Viewer"].override.locked
        editor = found["Editor"].settings
        assert (editor.policy_id, editor.policy_tier) == ("pol_app", settings_pb2.SETTING_TIER_APP)
        assert editor.emergency == urgent(600)
        assert (await event_types(catalog))[-3:] == [
            "EntitlementRulesApplied",
            "EntitlementUpdated",
            "EntitlementUpdated",
        ]


async def compare(
    catalog: RunningCatalog,
    app: Managed,
    rules: entitlement_rules_pb2.EntitlementRules,
    cleared: int | None,
) -> None:
    """Previews and applies rules, and compares with what then holds; clears unless none."""
    clear = cleared is not None
    before = await listed(catalog, app.app_id)
    preview = await catalog.rules.PreviewEntitlementRules(
        entitlement_rules_pb2.PreviewEntitlementRulesRequest(
            entitlement_rules=rules, clear_overrides=clear
        ),
        metadata=root(catalog),
    )
    assert await listed(catalog, app.app_id) == before
    applied = await catalog.rules.ApplyEntitlementRules(
        entitlement_rules_pb2.ApplyEntitlementRulesRequest(
            entitlement_rules=rules, clear_overrides=clear
        ),
        metadata=root(catalog),
    )
    rules.etag = applied.entitlement_rules.etag
    assert applied.entitlement_rules == rules
    rules.etag = ""
    assert applied.cleared_override_count == (cleared or 0)
    assert len(preview.cleared_entitlements) == (cleared or 0)
    assert applied.entitlement_count == len(preview.governed_entitlements)
    after = await listed(catalog, app.app_id)
    governed = {each.entitlement_id: each for each in preview.governed_entitlements}
    requestable = [each.entitlement_id for each in preview.requestable_entitlements]
    assert list(governed)[: len(requestable)] == requestable
    found = await shown(catalog, "Ben")
    assert set(found) == set(requestable)
    for name, each in after.items():
        entitlement_id = each.entitlement_id
        if entitlement_id not in governed:
            assert each.resource_type_id not in rules.resource_type_ids
            continue
        said = governed[entitlement_id]
        assert said.settings == each.settings, name
        gone = before[name].HasField("override") and not each.HasField("override")
        assert said.override_cleared == gone
        assert said.override_locked == (clear and each.override.locked)
        if not each.settings.requestable:
            refusal = await refused(resolve(catalog, entitlement_id, "Ben"))
            assert refusal.reason == "ENTITLEMENT_NOT_FOUND"
            continue
        answer, offered = await resolve(catalog, entitlement_id, "Ben"), found[entitlement_id]
        assert answer.settings == answer.entitlement.settings == each.settings
        assert (answer.policy_id, answer.max_duration) == (
            each.settings.policy_id,
            each.settings.max_duration,
        )
        assert offered.max_duration == each.settings.max_duration
        assert offered.max_duration_tier == each.settings.max_duration_tier
        emergency = each.settings.emergency
        assert offered.HasField("emergency_max_duration") == emergency.enabled
        assert offered.emergency_max_duration == emergency.max_duration
        assert (offered.emergency_tier, offered.emergency_max_duration_tier) == (
            each.settings.emergency_tier,
            each.settings.emergency_max_duration_tier,
        )


async def test_what_is_linked_tomorrow_is_governed_too(sqlite_catalog: RunningCatalog) -> None:
    """With what the rules say, which are asked at each request."""
    catalog = sqlite_catalog
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    await compare(catalog, app, rules_of(app, max_duration=Duration(seconds=900)), cleared=0)
    assert await shown(catalog, "Ben") == {}
    await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    ((entitlement_id, offered),) = (await shown(catalog, "Ben")).items()
    assert (offered.max_duration.seconds, offered.emergency_max_duration.seconds) == (900, 600)
    settings = (await resolve(catalog, entitlement_id, "Ben")).settings
    assert settings.emergency_tier == settings_pb2.SETTING_TIER_RULES


@pytest.mark.parametrize(
    ("emergency", "field"),
    [
        (settings_pb2.EmergencySettings(enabled=True, policy_id="pol_1"), "max_duration"),
        (
            settings_pb2.EmergencySettings(enabled=True, max_duration=Duration(seconds=600)),
            "policy_id",
        ),
        (urgent(901), "max_duration"),
        (urgent(59), "max_duration"),
        (settings_pb2.EmergencySettings(policy_id="pol_1"), "policy_id"),
        (settings_pb2.EmergencySettings(max_duration=Duration(seconds=60)), "max_duration"),
    ],
)
async def test_emergencies_that_can_not_be_meant(
    sqlite_catalog: RunningCatalog, emergency: settings_pb2.EmergencySettings, field: str
) -> None:
    """Enabled without all that it needs or for longer than a lease, or half of it while not."""
    app = Managed("app_1", "ent_1", "rty_1", "rty_2")
    rules = rules_of(app, emergency=emergency, max_duration=Duration(seconds=900))
    requests: list[tuple[str, Message]] = [
        (
            "PreviewEntitlementRules",
            entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules),
        ),
        (
            "ApplyEntitlementRules",
            entitlement_rules_pb2.ApplyEntitlementRulesRequest(entitlement_rules=rules),
        ),
    ]
    for method, request in requests:
        await assert_refused(
            sqlite_catalog, ("rules", method, request), f"entitlement_rules.emergency.{field}"
        )


async def test_resolves_everybody_who_matters(catalog: RunningCatalog) -> None:
    """The line of managers up to five and once round, owners, what is held, and as of when."""
    people = {f"M{n}": f"M{n + 1}" for n in range(7)} | {"M7": "", "Xin": "Yves", "Yves": "Xin"}
    tenant = Tenant(
        users=people,
        disabled=frozenset({"Yves"}),
        groups={"Team": ("M0",)},
        apps={"Tool": ()},
        assigned=(("Tool", "Team"),),
    )
    await sync(catalog, tenant)
    app = await manage(catalog, "Tool")
    await link(catalog, app.app_id, virtual_role("Team"))
    await offer(catalog, app)
    role = (await listed(catalog, app.app_id))["Team"].entitlement_id

    def work(connection: Connection) -> None:
        connection.execute(
            insert(directory_app_owners),
            [{"app_id": app.app_id, "user_id": user_id(name)} for name in ("Xin", "Yves")],
        )
        connection.execute(update(apps).values(instructions="Ask kindly."))

    await catalog.service.database.write(work)
    answer = await resolve(catalog, role, "Xin", "M0")
    assert [each.display_name for each in answer.managers] == ["M1", "M2", "M3", "M4", "M5"]
    assert answer.manager == answer.managers[0]
    # Yves is disabled.
    assert [each.display_name for each in answer.app_owners] == ["Xin"]
    assert list(answer.entitlement_owners) == list(answer.app_owners)
    assert answer.instructions == "Ask kindly."
    assert list(answer.held_directory_entitlement_ids) == [membership_id("Team")]
    assert answer.held
    first = answer.sync_time.ToDatetime()
    assert first >= answer.subject.sync_time.ToDatetime()
    round_and_round = await resolve(catalog, role, "M0", "Xin")
    assert [each.display_name for each in round_and_round.managers] == ["Yves"]
    assert not round_and_round.held_directory_entitlement_ids
    await sync(catalog, tenant)
    assert (await resolve(catalog, role, "Xin", "M0")).sync_time.ToDatetime() > first


async def test_what_is_removed_is_not_counted_as_governed(sqlite_catalog: RunningCatalog) -> None:
    """The answer to an apply counts what its preview lists."""
    catalog = sqlite_catalog
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    await link(catalog, app.app_id, virtual_role("Design Viewers", "Viewer"))
    await sync(catalog, MARLOWE.without("Design Viewers"))
    preview = await catalog.rules.PreviewEntitlementRules(
        entitlement_rules_pb2.PreviewEntitlementRulesRequest(entitlement_rules=rules_of(app)),
        metadata=root(catalog),
    )
    applied = await catalog.rules.ApplyEntitlementRules(
        entitlement_rules_pb2.ApplyEntitlementRulesRequest(entitlement_rules=rules_of(app)),
        metadata=root(catalog),
    )
    assert [each.display_name for each in preview.governed_entitlements] == ["Editor"]
    assert applied.entitlement_count == 1


async def test_overrides_are_cleared_as_they_were_read(sqlite_catalog: RunningCatalog) -> None:
    """One locked and another added since are as many as before, and not those told of."""
    catalog = sqlite_catalog
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await link(catalog, managed.app_id, virtual_role("Design Editors", "Editor"))
    found = await listed(catalog, managed.app_id)
    await say(catalog, found["Editor"].entitlement_id, OWN)
    database = catalog.service.database
    stored, app = StoredRules(database), await StoredApps(database).find(managed.app_id)
    assert app is not None
    before = EntitlementRules(app.app_id)
    writes = stored.applied(app, app.changed(), before, before, await stored.clearable(app.app_id))
    bump = update(entitlements).values(version=entitlements.c.version + 1)
    await database.write(lambda connection: connection.execute(bump))
    await say(catalog, found["Editor"].entitlement_id, LOCKED)
    await say(catalog, found["Access"].entitlement_id, OWN)

    def change(connection: Connection) -> int:
        (clearing,) = (
            each
            for each in writes
            if isinstance(each, Guarded) and getattr(each.statement, "table", None) is entitlements
        )
        assert clearing.expects == 1
        return connection.execute(clearing.statement).rowcount

    assert await database.write(change) == 0
