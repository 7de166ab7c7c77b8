"""What is said of an app here, its own roles, its owners."""

import json
from dataclasses import replace

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import insert

from latchkey.catalog.v1 import (
    app_catalog_pb2,
    app_pb2,
    entitlement_pb2,
    events_pb2,
    owner_pb2,
    settings_pb2,
)
from latchkey.ledger.v1 import audit_pb2, event_pb2
from services.catalog.store import tables as t
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    event_types,
    link,
    manage,
    offer,
    resolve,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import CONNECTION, MARLOWE, Tenant, app_id, sync, user_id
from tests.support.issuer import object_id

BOARD = app_id("Board")


def given(*people: str, holders: tuple[str, ...] = ()) -> list[owner_pb2.Owner]:
    return [
        *(owner_pb2.Owner(user_id=user_id(name)) for name in people),
        *(owner_pb2.Owner(entitlement_id=each) for each in holders),
    ]


async def update(catalog: RunningCatalog, app: app_pb2.App, *names: str) -> app_pb2.App:
    response = await catalog.apps.UpdateApp(
        app_pb2.UpdateAppRequest(app=app, update_mask=FieldMask(paths=names)),
        metadata=root(catalog),
    )
    changed: app_pb2.App = response.app
    return changed


async def change(
    catalog: RunningCatalog, entitlement: entitlement_pb2.Entitlement, *paths: str
) -> entitlement_pb2.Entitlement:
    response = await catalog.entitlements.UpdateEntitlement(
        entitlement_pb2.UpdateEntitlementRequest(
            entitlement=entitlement, update_mask=FieldMask(paths=paths)
        ),
        metadata=root(catalog),
    )
    changed: entitlement_pb2.Entitlement = response.entitlement
    return changed


async def offered(catalog: RunningCatalog, app: str) -> dict[str, entitlement_pb2.Entitlement]:
    found = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=app), metadata=root(catalog)
    )
    return {each.display_name: each for each in found.entitlements}


async def removed(catalog: RunningCatalog) -> dict[str, str]:
    """The reasons of the entitlements that were told to be gone, by id."""
    found = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    events = [
        events_pb2.EntitlementRemoved.FromString(each.payload)
        for each in found.events
        if each.type.endswith(".EntitlementRemoved")
    ]
    return {each.entitlement_id: each.reason for each in events}


async def test_what_is_said_of_an_app(catalog: RunningCatalog) -> None:
    """Fields of the mask change, with owners that are there, and lists filter by who answers."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await catalog.service.database.write(
        lambda connection: connection.execute(
            insert(t.directory_app_owners),
            [
                {"app_id": app_id("Payroll"), "user_id": user_id("Ada")},
                {"app_id": managed.app_id, "user_id": user_id("Ada")},
            ],
        )
    )

    async def owned(name: str) -> list[str]:
        found = await catalog.apps.ListApps(
            app_pb2.ListAppsRequest(owner_user_id=user_id(name), connection_id=CONNECTION),
            metadata=root(catalog),
        )
        return [each.display_name for each in found.apps]

    assert await owned("Ada") == ["Design Tool", "Payroll"]
    wanted = app_pb2.App(
        app_id=managed.app_id,
        description="Draws",
        instructions="Ask Ben",
        owners=given("Ben", "Dov", holders=(managed.access_id,)),
        policy_id="pol_1",
        max_duration=Duration(seconds=3600),
        etag="2",
    )
    names = ("description", "instructions", "owners", "policy_id", "max_duration")
    app = await update(catalog, wanted, *names)
    assert (app.description, app.instructions, app.policy_id) == ("Draws", "Ask Ben", "pol_1")
    assert list(app.owners) == list(wanted.owners)
    assert app.owner_source == owner_pb2.OWNER_SOURCE_GIVEN
    assert list(app.entra_owner_user_ids) == [user_id("Ada")]
    assert (await owned("Ada"), await owned("Ben")) == (["Payroll"], ["Design Tool"])
    assert await owned("Cleo") == []
    assigned = (*MARLOWE.assigned, ("Design Tool", "Cleo"))
    await sync(catalog, replace(MARLOWE, assigned=assigned))
    assert await owned("Cleo") == ["Design Tool"]
    await sync(catalog, replace(MARLOWE, called={"Design Tool": "Designer"}))
    got = await catalog.apps.GetApp(
        app_pb2.GetAppRequest(app_id=managed.app_id), metadata=root(catalog)
    )
    assert (got.app.display_name, got.app.description) == ("Designer", "Draws")
    assert (await update(catalog, app_pb2.App(app_id=app.app_id), "description")).etag == "5"
    assert (await refused(update(catalog, wanted, "description"))).reason == "ETAG_MISMATCH"
    wanted.etag, wanted.owners[1].user_id = "", "usr_nobody"
    refusal = await refused(update(catalog, wanted, "owners"))
    assert (refusal.reason, refusal.facts["field"]) == ("USER_NOT_FOUND", "app.owners[1].user_id")
    refusal = await refused(update(catalog, wanted, "state"))
    assert refusal.fields == ("update_mask",)
    wanted.app_id = app_id("Payroll")
    assert (await refused(update(catalog, wanted, "policy_id"))).reason == "APP_NOT_MANAGED"


async def test_the_people_who_answer(catalog: RunningCatalog) -> None:
    """Enabled people, who is named first, then who holds all of what is named."""
    assigned = (*MARLOWE.assigned, ("Design Tool", "Cleo"))
    await sync(catalog, replace(MARLOWE, assigned=assigned))
    managed = await manage(catalog, "Design Tool")
    answer = await link(catalog, managed.app_id, virtual_role("Design Editors", "Editor"))
    role = answer.entitlements[0].entitlement_id
    owners = given("Dov", "Ada", holders=(managed.access_id,))
    await update(catalog, app_pb2.App(app_id=managed.app_id, owners=owners), "owners")

    await offer(catalog, managed)

    async def people() -> tuple[list[str], list[str]]:
        answer = await resolve(catalog, role, "Ada")
        return (
            [each.display_name for each in answer.app_owners],
            [each.display_name for each in answer.entitlement_owners],
        )

    assert await people() == (["Ada", "Cleo"], ["Ada", "Cleo"])
    entitlement = entitlement_pb2.Entitlement(entitlement_id=role, owners=given(holders=(role,)))
    changed = await change(catalog, entitlement, "owners")
    assert changed.owner_source == owner_pb2.OWNER_SOURCE_GIVEN
    assert await people() == (["Ada", "Cleo"], ["Ben"])


async def test_the_roles_of_an_app(catalog: RunningCatalog) -> None:
    """They follow the app's by id: new, renamed, gone, back, also where two have one name."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Board", object_id("Reader"))
    first = await offered(catalog, BOARD)
    assert (next(iter(first)), set(first)) == ("Access", {"Access", "Reader", "Writer"})
    writer = first["Writer"]
    assert writer.resource_kind == entitlement_pb2.RESOURCE_KIND_APP_ROLE
    assert writer.entra_app_role_id == object_id("Writer")
    described = entitlement_pb2.Entitlement(
        entitlement_id=writer.entitlement_id, description="Writes"
    )
    await change(catalog, described, "description")
    rules = await offer(catalog, managed)
    assert rules.enabled

    apps = MARLOWE.apps | {"Board": ("Writer", "Chair")}
    await sync(catalog, replace(MARLOWE, apps=apps))
    now = await offered(catalog, BOARD)
    gone = {name for name, each in now.items() if each.removal_reason}
    assert (set(now), gone) == ({"Access", "Reader", "Writer", "Chair"}, {"Access", "Reader"})
    assert now["Access"].state == entitlement_pb2.ENTITLEMENT_STATE_REMOVED
    assert set(await removed(catalog)) == {
        managed.access_id,
        first["Reader"].entitlement_id,
    }
    refusal = await refused(resolve(catalog, managed.access_id, "Ben"))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "ENTITLEMENT_REMOVED")
    shown = await catalog.app_catalog.SearchAppCatalog(
        app_catalog_pb2.SearchAppCatalogRequest(), metadata=catalog.person("Ben")
    )
    assert not shown.apps
    reader = entitlement_pb2.Entitlement(entitlement_id=first["Reader"].entitlement_id)
    refusal = await refused(change(catalog, reader, "description"))
    assert refusal.reason == "ENTITLEMENT_REMOVED"
    # Another role takes the place of the one that is gone.
    access = entitlement_pb2.Entitlement(entitlement_id=managed.access_id)
    refusal = await refused(change(catalog, access, "entra_app_role_id"))
    assert (refusal.reason, refusal.fields) == (
        "APP_ROLE_REQUIRED",
        ("entitlement.entra_app_role_id",),
    )
    access.entra_app_role_id = object_id("Writer")
    access = await change(catalog, access, "entra_app_role_id")
    assert access.fulfilment[0].display_name == "role Writer of Board"
    assert (await resolve(catalog, managed.access_id, "Ben")).entitlement.fulfilment == (
        access.fulfilment
    )

    await sync(catalog, MARLOWE)
    back = await offered(catalog, BOARD)
    assert back["Reader"].entitlement_id == first["Reader"].entitlement_id
    assert back["Writer"].description == "Writes"
    assert {name for name, each in back.items() if each.removal_reason} == {"Chair"}
    await sync(catalog, renamed("Writer", "READER"))
    found = await offered(catalog, BOARD)
    assert found["READER"].entitlement_id == writer.entitlement_id
    assert "Writer" not in found


def renamed(role: str, name: str) -> Tenant:
    class Renamed(Tenant):
        def pages(self) -> list:  # type: ignore[type-arg]
            pages = super().pages()
            for page in pages:
                for principal in page.page.service_principals:
                    for each in principal.app_roles:
                        if each.entra_app_role_id == object_id(role):
                            each.display_name = name
            return pages

    return Renamed(**{each: getattr(MARLOWE, each) for each in MARLOWE.__dataclass_fields__})


async def test_what_a_sync_takes_with_it(catalog: RunningCatalog) -> None:
    """A gone group and a gone app end what hangs on them, told once, until they are back."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    answer = await link(catalog, managed.app_id, virtual_role("Design Editors", "Editor"))
    role = answer.entitlements[0].entitlement_id
    await sync(catalog, MARLOWE.without("Design Editors"))
    told = "the group Design Editors is no longer in the directory"
    assert await removed(catalog) == {role: told}
    found = await offered(catalog, managed.app_id)
    assert (found["Editor"].removal_reason, found["Access"].removal_reason) == (told, "")
    await sync(catalog, MARLOWE)
    assert (await offered(catalog, managed.app_id))["Editor"].removal_reason == ""
    await sync(catalog, MARLOWE.without("Design Tool"))
    assert set(await removed(catalog)) == {role, managed.access_id}
    found = await offered(catalog, managed.app_id)
    assert {each.state for each in found.values()} == {entitlement_pb2.ENTITLEMENT_STATE_REMOVED}
    editor = entitlement_pb2.Entitlement(entitlement_id=role)
    assert (await refused(change(catalog, editor, "description"))).reason == "APP_REMOVED"


async def test_an_entitlement_changes(catalog: RunningCatalog) -> None:
    """Names are unique, overrides lock, and what is not of its kind is refused."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await link(
        catalog,
        managed.app_id,
        virtual_role("Design Editors", "Editor"),
        virtual_role("Design Viewers", "Viewer"),
    )
    editor = (await offered(catalog, managed.app_id))["Editor"]
    editor.display_name = "viewer"
    refusal = await refused(change(catalog, editor, "display_name"))
    assert (refusal.reason, refusal.facts["field"]) == (
        "ROLE_NAME_TAKEN",
        "entitlement.display_name",
    )
    editor.display_name = "EDITOR"
    editor.override.CopyFrom(
        settings_pb2.EntitlementOverride(max_duration=Duration(seconds=3600), locked=True)
    )
    changed = await change(catalog, editor, "display_name", "override")
    assert (changed.display_name, changed.override) == ("EDITOR", editor.override)
    assert (await refused(change(catalog, editor, "override"))).reason == "ETAG_MISMATCH"
    changed.override.not_requestable = True
    refusal = await refused(change(catalog, changed, "override.not_requestable"))
    assert refusal.reason == "ENTITLEMENT_LOCKED"
    changed.override.locked = False
    changed = await change(catalog, changed, "override.locked", "override.not_requestable")
    assert changed.override.not_requestable
    assert changed.override.max_duration.seconds == 3600
    assert (await event_types(catalog))[-1] == "EntitlementUpdated"
    access = entitlement_pb2.Entitlement(entitlement_id=managed.access_id, display_name="No")
    assert (await refused(change(catalog, access, "display_name"))).fields == ("update_mask",)
    refusal = await refused(change(catalog, changed, "entra_app_role_id"))
    assert refusal.fields == ("update_mask",)


async def test_many_are_managed_or_none(catalog: RunningCatalog) -> None:
    """The refusal names the place; without one they answer in their order, each with a record."""
    await sync(catalog, MARLOWE)

    async def batch(*names: str) -> list[str]:
        response = await catalog.apps.BatchManageApps(
            app_pb2.BatchManageAppsRequest(
                apps=[
                    app_pb2.BatchManageAppsRequest.AppToManage(app_id=app_id(name))
                    for name in names
                ]
            ),
            metadata=root(catalog),
        )
        return [each.app.display_name for each in response.apps]

    refusal = await refused(batch("Payroll", "Board"))
    assert refusal.reason == "APP_ROLE_REQUIRED"
    assert refusal.fields == ("apps[1].access_entra_app_role_id",)
    refusal = await refused(batch("Payroll", "Graph"))
    assert (refusal.reason, refusal.facts["field"]) == ("APP_PROTECTED", "apps[1].app_id")
    assert (await refused(batch("Payroll", "Payroll"))).fields == ("apps[1].app_id",)
    assert (await refused(batch())).fields == ("apps",)
    assert await batch("Payroll", "Design Tool") == ["Payroll", "Design Tool"]
    assert (await event_types(catalog))[-2:] == ["AppManaged", "AppManaged"]
    for name in ("Payroll", "Design Tool"):
        found = await catalog.audit.ListAuditRecords(
            audit_pb2.ListAuditRecordsRequest(resource_id=app_id(name)), metadata=root(catalog)
        )
        (record,) = found.audit_records
        assert (record.action, json.loads(record.details_json)["display_name"]) == (
            "app.managed",
            name,
        )
