"""A group that is renamed in the directory has its present name wherever it is shown."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, event

from latchkey.catalog.v1 import app_catalog_pb2, entitlement_pb2, events_pb2, grant_pb2, link_pb2
from latchkey.ledger.v1 import event_pb2
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    Managed,
    incremental,
    link,
    linked,
    manage,
    offer,
    provision_for,
    resolve,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import (
    MARLOWE,
    completion,
    membership_id,
    sync,
    user_id,
)
from tests.support.meanwhile import meanwhile


async def shown(catalog: RunningCatalog, app: Managed, *entitlement_ids: str) -> dict[str, Any]:
    """What "Design Editors" and "Design Viewers" are called, by who says so."""
    wanted = {membership_id("Design Editors"): "E", membership_id("Design Viewers"): "V"}

    def names(targets: Any) -> dict[str, str]:
        return {
            wanted[each.directory_entitlement_id]: each.display_name
            for each in targets
            if each.directory_entitlement_id in wanted
        }

    got = [
        await catalog.entitlements.GetEntitlement(
            entitlement_pb2.GetEntitlementRequest(entitlement_id=each), metadata=root(catalog)
        )
        for each in entitlement_ids
    ]
    listed = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=app.app_id), metadata=root(catalog)
    )
    bindings = await catalog.links.ListBindings(
        link_pb2.ListBindingsRequest(app_id=app.app_id), metadata=root(catalog)
    )
    found = (await linked(catalog, app.app_id)).values()
    return {
        "got": names(target for one in got for target in one.entitlement.fulfilment),
        "listed": names(target for one in listed.entitlements for target in one.fulfilment),
        "bound": {
            wanted[each.directory_entitlement_id]: each.directory_display_name
            for each in bindings.bindings
        },
        "linked": {
            wanted[each.directory_entitlement_id]: each.group_display_name
            for each in found
            if each.directory_entitlement_id in wanted
        },
    }


def everywhere(editors: str, viewers: str) -> dict[str, Any]:
    members = {"E": f"member of {editors}", "V": f"member of {viewers}"}
    return {
        "got": members,
        "listed": members,
        "bound": members,
        "linked": {"E": editors, "V": viewers},
    }


async def test_a_rename_shows_everywhere_after_the_sync(catalog: RunningCatalog) -> None:
    """In every read, in one version more of what stands for the group and with one event; a group
    that goes keeps the name that it had last, also in what is said of its going."""
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    linking = await link(
        catalog,
        app.app_id,
        virtual_role("Design Editors", "Editor"),
        provision_for("Design Viewers", app.access_id),
    )
    (role,) = (each for each in linking.entitlements if each.display_name == "Editor")
    its = (role.entitlement_id, app.access_id)
    await offer(catalog, app)
    assert await shown(catalog, app, *its) == everywhere("Design Editors", "Design Viewers")

    renamed = replace(MARLOWE, called={"Design Editors": "Ink", "Design Viewers": "Eyes"})
    groups = renamed.pages()[1]
    await incremental(catalog, groups)
    assert await shown(catalog, app, *its) == everywhere("Design Editors", "Design Viewers")
    await incremental(catalog, groups, completion())
    assert await shown(catalog, app, *its) == everywhere("Ink", "Eyes")
    resolved = await resolve(catalog, role.entitlement_id, "Ada")
    assert [each.display_name for each in resolved.entitlement.fulfilment] == ["member of Ink"]
    assert resolved.entitlement.etag == str(int(role.etag) + 1)
    grants = await catalog.grants.ListGrants(
        grant_pb2.ListGrantsRequest(user_id=user_id("Ben"), app_id=app.app_id),
        metadata=root(catalog),
    )
    named = {each.directory_display_name for each in grants.grants}
    assert {"member of Ink", "member of Eyes"} <= named
    assert not any("Design E" in name or "Design V" in name for name in named)
    why = await catalog.grants.ExplainAccess(
        grant_pb2.ExplainAccessRequest(user_id=user_id("Ada"), entitlement_id=app.access_id),
        metadata=root(catalog),
    )
    assert "member of Eyes" in str(why)
    own = await catalog.app_catalog.SearchAppCatalog(
        app_catalog_pb2.SearchAppCatalogRequest(), metadata=catalog.person("Ben")
    )
    # A role has a name of its own, whatever its group is called.
    assert "Editor" in {each.display_name for each in own.apps[0].entitlements}
    assert await updates(catalog) == sorted(its)
    await incremental(catalog, groups, completion())
    assert await updates(catalog) == sorted(its)

    # Renamed once more and gone with the next sync: what is said of it has the last name.
    last = replace(MARLOWE, called={"Design Editors": "Nib", "Design Viewers": "Eyes"})
    await sync(catalog, last)
    await sync(catalog, last.without("Design Editors"))
    assert await shown(catalog, app, *its) == everywhere("Nib", "Eyes")
    gone = await catalog.entitlements.GetEntitlement(
        entitlement_pb2.GetEntitlementRequest(entitlement_id=role.entitlement_id),
        metadata=root(catalog),
    )
    assert "the group Nib is" in gone.entitlement.removal_reason


async def updates(catalog: RunningCatalog) -> list[str]:
    """The entitlements of which it was told that what fulfils them changed."""
    response = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    found = [
        events_pb2.EntitlementUpdated.FromString(each.payload)
        for each in response.events
        if each.type.endswith("EntitlementUpdated")
    ]
    return sorted(each.entitlement_id for each in found if "fulfilment" in each.changed_fields)


@pytest.mark.parametrize("first", ["sync", "link"])
async def test_a_link_and_a_rename_meet(catalog: RunningCatalog, first: str) -> None:
    """Whichever is kept first while the other has read what was, nothing keeps the old name."""
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    groups = replace(MARLOWE, called={"Design Editors": "Ink"}).pages()[1]
    loop, met = asyncio.get_running_loop(), threading.Event()
    read = "FROM resource_types" if first == "sync" else "JOIN entitlement_targets"

    def steps(which: str) -> Coroutine[Any, Any, Any]:
        if which == "sync":
            return incremental(catalog, groups, completion())
        return link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))

    def between(_: object, __: object, statement: str, *___: object) -> None:
        if read in statement and not met.is_set():
            met.set()
            meanwhile(loop, steps(first))

    event.listen(Engine, "after_cursor_execute", between)
    try:
        await steps("link" if first == "sync" else "sync")
    finally:
        event.remove(Engine, "after_cursor_execute", between)
    assert met.is_set()
    found = await shown(catalog, app)
    assert found["listed"] == found["bound"] == {"E": "member of Ink"}
    assert found["linked"]["E"] == "Ink"
