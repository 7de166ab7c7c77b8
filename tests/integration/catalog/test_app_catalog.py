"""What a person may ask for."""

import asyncio
import threading
from dataclasses import replace

from sqlalchemy import Engine, event

from latchkey.catalog.v1 import app_catalog_pb2, entitlement_rules_pb2
from libs.domain import ids
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    apply_rules,
    link,
    manage,
    offer,
    profile,
    resolve,
    virtual_role,
)
from tests.integration.catalog.tenant import MARLOWE, Tenant, ingest, numbered, sync
from tests.support.issuer import bearer, object_id
from tests.support.meanwhile import meanwhile


async def search(catalog: RunningCatalog, name: str, query: str = "") -> dict[str, dict[str, bool]]:
    """What the person of this name may ask for, by app, with whether they hold it."""
    found = await catalog.app_catalog.SearchAppCatalog(
        app_catalog_pb2.SearchAppCatalogRequest(query=query), metadata=catalog.person(name)
    )
    return {
        app.display_name: {each.display_name: each.held for each in app.entitlements}
        for app in found.apps
    }


async def test_shows_to_each_what_they_may_ask_for(catalog: RunningCatalog) -> None:
    """By access profile; nothing to somebody outside of all, and nothing before the rules."""
    await sync(catalog, MARLOWE)
    design, payroll = await manage(catalog, "Design Tool"), await manage(catalog, "Payroll")
    await link(catalog, design.app_id, virtual_role("Design Editors", "Editor"))
    assert await search(catalog, "Ben") == {}

    await offer(catalog, design, await profile(catalog, "Designers", "Ben", "Dov"))
    await offer(catalog, payroll)
    assert await search(catalog, "Ben") == {
        "Design Tool": {"Access": False, "Editor": True},
        "Payroll": {"Access": False},
    }
    assert await search(catalog, "Ada") == {"Payroll": {"Access": True}}
    # Dov is disabled.
    assert await search(catalog, "Dov") == {}


async def test_only_resource_types_of_the_rules(catalog: RunningCatalog) -> None:
    """What is linked later is governed too, if its type is."""
    await sync(catalog, MARLOWE)
    design = await manage(catalog, "Design Tool")
    rules = await offer(catalog, design)
    del rules.resource_type_ids[:]
    rules.resource_type_ids.append(design.role_type_id)
    await apply_rules(catalog, rules)
    assert await search(catalog, "Ben") == {}
    await link(catalog, design.app_id, virtual_role("Design Viewers", "Viewer"))
    assert await search(catalog, "Ben") == {"Design Tool": {"Viewer": True}}


async def test_disabled_rules_and_removed_apps_show_nothing(catalog: RunningCatalog) -> None:
    """Both are undone with their cause."""
    await sync(catalog, MARLOWE)
    design = await manage(catalog, "Design Tool")
    rules = await offer(catalog, design)
    assert await search(catalog, "Ben") != {}
    rules.enabled, rules.etag = False, ""
    await apply_rules(catalog, rules)
    assert await search(catalog, "Ben") == {}
    rules.enabled = True
    await apply_rules(catalog, rules)
    await sync(catalog, MARLOWE.without("Design Tool"))
    assert await search(catalog, "Ben") == {}
    await sync(catalog, replace(MARLOWE, protected=frozenset({"Design Tool"})))
    assert await search(catalog, "Ben") == {}
    await sync(catalog, MARLOWE)
    assert await search(catalog, "Ben") != {}


async def test_finds_by_the_name_of_app_or_entitlement(catalog: RunningCatalog) -> None:
    """In any case, literally: a match of the app shows all of it, else what matches."""
    tenant = replace(MARLOWE, called={"Payroll": "100% Straße_Pay"})
    await sync(catalog, tenant)
    design, payroll = await manage(catalog, "Design Tool"), await manage(catalog, "Payroll")
    await link(catalog, design.app_id, virtual_role("Design Editors", "Éditeur"))
    await offer(catalog, design)
    await offer(catalog, payroll)
    everything = {"Design Tool": {"Access": False, "Éditeur": True}}
    assert await search(catalog, "Ben", "design") == everything
    assert await search(catalog, "Ben", "éDIT") == {"Design Tool": {"Éditeur": True}}
    assert await search(catalog, "Ben", "STRASSE_") == {"100% Straße_Pay": {"Access": False}}
    assert await search(catalog, "Ben", "0%") == {"100% Straße_Pay": {"Access": False}}
    for nothing in ("%", "_", "\\", "/", "'"):
        found = await search(catalog, "Ben", nothing)
        assert set(found) == ({"100% Straße_Pay"} if nothing in "%_" else set())


async def test_held_needs_every_target(catalog: RunningCatalog) -> None:
    """A direct assignment and each membership; an assigned group is not the person's own."""
    tenant = replace(MARLOWE, assigned=(*MARLOWE.assigned, ("Design Tool", "Cleo")))
    await sync(catalog, tenant)
    design = await manage(catalog, "Design Tool")
    await offer(catalog, design)
    assert (await search(catalog, "Cleo"))["Design Tool"] == {"Access": True}
    assert (await search(catalog, "Ben"))["Design Tool"] == {"Access": False}


async def test_people_outside_the_directory_are_told_so(catalog: RunningCatalog) -> None:
    """An unknown person, and one of another tenant with a known object id."""
    await sync(catalog, MARLOWE)
    refusal = await refused(search(catalog, "Stranger"))
    assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "PERSON_NOT_IN_DIRECTORY")
    foreign = bearer(catalog.issuer.named("Ben", tenant=object_id("another tenant")))
    refusal = await refused(
        catalog.app_catalog.SearchAppCatalog(
            app_catalog_pb2.SearchAppCatalogRequest(), metadata=foreign
        )
    )
    assert refusal.reason == "PERSON_NOT_IN_DIRECTORY"


async def test_another_tenants_apps_are_not_offered(catalog: RunningCatalog) -> None:
    """`Everyone` is everyone of the app's own tenant: nobody else can be assigned to it."""
    await sync(catalog, MARLOWE)
    await offer(catalog, await manage(catalog, "Payroll"))
    elsewhere = object_id("another tenant")
    messages = numbered(
        Tenant(users={"Zoe": ""}).pages(), ids.new_id("syn"), connection_id="con_other"
    )
    for message in messages:
        message.entra_tenant_id = elsewhere
    await ingest(catalog, messages)
    found = await catalog.app_catalog.SearchAppCatalog(
        app_catalog_pb2.SearchAppCatalogRequest(),
        metadata=bearer(catalog.issuer.named("Zoe", tenant=elsewhere)),
    )
    assert list(found.apps) == []


async def test_what_is_shown_is_what_can_be_resolved(catalog: RunningCatalog) -> None:
    """For every person and entitlement the search and the resolution say the same."""
    await sync(catalog, MARLOWE)
    design = await manage(catalog, "Design Tool")
    payroll = await manage(catalog, "Payroll")
    board = await manage(catalog, "Board", object_id("Reader"))
    role = (
        await link(catalog, design.app_id, virtual_role("Design Editors", "Editor"))
    ).entitlements[0]
    await offer(catalog, design, await profile(catalog, "Some", "Ben", "Cleo", "Dov"))
    rules = await offer(catalog, payroll)
    del rules.resource_type_ids[:]
    rules.resource_type_ids.append(payroll.role_type_id)
    await apply_rules(catalog, rules)
    every = {
        design.access_id,
        role.entitlement_id,
        payroll.access_id,
        board.access_id,
    }
    for name in ("Ada", "Ben", "Cleo", "Dov"):
        found = await catalog.app_catalog.SearchAppCatalog(
            app_catalog_pb2.SearchAppCatalogRequest(), metadata=catalog.person(name)
        )
        shown = {each.entitlement_id: each.held for app in found.apps for each in app.entitlements}
        for entitlement_id in every:
            if entitlement_id in shown:
                resolved = await resolve(catalog, entitlement_id, name)
                assert resolved.held == shown[entitlement_id]
            else:
                refusal = await refused(resolve(catalog, entitlement_id, name))
                expected = "PERSON_DISABLED" if name == "Dov" else "ENTITLEMENT_NOT_FOUND"
                assert refusal.reason == expected


async def test_a_page_is_of_one_moment(catalog: RunningCatalog) -> None:
    """What rules allow to some and what they allowed to all before is never mixed."""
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    await link(catalog, app.app_id, virtual_role("Design Editors", "Secret Editor"))
    before = await offer(catalog, app)
    before.resource_type_ids[:] = [app.credential_type_id]
    before = await apply_rules(catalog, before)
    others = await profile(catalog, "Others", "Cleo")
    loop, changed = asyncio.get_running_loop(), threading.Event()

    async def roles_for_others() -> None:
        rules = entitlement_rules_pb2.EntitlementRules()
        rules.CopyFrom(before)
        rules.resource_type_ids[:] = [app.role_type_id]
        rules.access_profile_ids[:] = [others]
        rules.etag = ""
        await apply_rules(catalog, rules)

    def between(_: object, __: object, statement: str, *___: object) -> None:
        if "ORDER BY entitlements.resource_kind" in statement and not changed.is_set():
            changed.set()
            meanwhile(loop, roles_for_others())

    event.listen(Engine, "before_cursor_execute", between)
    try:
        answer = await catalog.app_catalog.GetCatalogApp(
            app_catalog_pb2.GetCatalogAppRequest(app_id=app.app_id), metadata=catalog.person("Ben")
        )
    finally:
        event.remove(Engine, "before_cursor_execute", between)
    assert changed.is_set()
    assert [each.display_name for each in answer.app.entitlements] == ["Access"]
