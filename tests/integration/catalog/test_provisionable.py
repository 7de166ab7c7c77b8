"""What can't be given to anybody is neither shown nor resolved, and says why."""

from dataclasses import replace

import pytest

from latchkey.catalog.v1 import app_catalog_pb2, link_pb2, resolution_pb2
from libs.domain import ids
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    Managed,
    link,
    manage,
    offer,
    provision_for,
    resolve,
    virtual_role,
)
from tests.integration.catalog.tenant import (
    CONNECTION,
    MARLOWE,
    Tenant,
    checkpoint,
    completion,
    ingest,
    membership_id,
    numbered,
    role_id,
    sync,
    user_id,
)

VIEWERS = "Design Viewers"


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """The design tool: access brings the viewers' group, and there is a role of editors."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await link(
        catalog,
        managed.app_id,
        provision_for(VIEWERS, managed.access_id),
        virtual_role("Design Editors", "Editor"),
    )
    await offer(catalog, managed)
    return managed


async def shown(catalog: RunningCatalog, name: str, query: str = "") -> dict[str, dict[str, bool]]:
    """What a person is shown, with whether they hold it."""
    found = await catalog.app_catalog.SearchAppCatalog(
        app_catalog_pb2.SearchAppCatalogRequest(query=query), metadata=catalog.person(name)
    )
    return {
        app.display_name: {each.display_name: each.held for each in app.entitlements}
        for app in found.apps
    }


@pytest.mark.parametrize(
    ("tenant", "why"),
    [
        (
            replace(MARLOWE, unwritable={VIEWERS: link_pb2.UNWRITABLE_REASON_DYNAMIC}),
            "DYNAMIC",
        ),
        (
            replace(MARLOWE, unwritable={VIEWERS: link_pb2.UNWRITABLE_REASON_ROLE_ASSIGNABLE}),
            "ROLE_ASSIGNABLE",
        ),
        (MARLOWE.without(VIEWERS), "NOT_IN_DIRECTORY"),
    ],
)
async def test_a_group_that_became_unwritable_after_it_was_linked(
    catalog: RunningCatalog, app: Managed, tenant: Tenant, why: str
) -> None:
    """What needs it is refused with the reason and not shown; the rest is, and all comes back."""
    whole = {"Design Tool": {"Access": False, "Editor": True}}
    assert await shown(catalog, "Ben") == whole
    await sync(catalog, tenant)
    assert await shown(catalog, "Ben") == {"Design Tool": {"Editor": True}}
    assert await shown(catalog, "Ben", "access") == {}
    refusal = await refused(resolve(catalog, app.access_id, "Ben"))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "GROUP_NOT_WRITABLE")
    assert (refusal.facts["unwritable_reason"], refusal.facts["group"]) == (why, VIEWERS)
    await sync(catalog, MARLOWE)
    assert await shown(catalog, "Ben") == whole


async def test_where_only_groups_are_written(catalog: RunningCatalog, app: Managed) -> None:
    """Access brings the group alone; what needs no group is refused, and not shown."""
    payroll = await manage(catalog, "Payroll")
    await offer(catalog, payroll)
    assert set(await shown(catalog, "Ben")) == {"Design Tool", "Payroll"}
    whole = (await resolve(catalog, app.access_id, "Ben")).entitlement.fulfilment
    assert len(whole) == 2

    await sync(catalog, MARLOWE, groups_only=True)
    assert await shown(catalog, "Ben") == {"Design Tool": {"Access": True, "Editor": True}}
    resolved = await resolve(catalog, app.access_id, "Ben")
    assert [each.directory_entitlement_id for each in resolved.entitlement.fulfilment] == [
        membership_id(VIEWERS)
    ]
    assert resolved.held
    refusal = await refused(resolve(catalog, payroll.access_id, "Ben"))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "NOT_PROVISIONABLE")
    assert refusal.facts["connection_id"] == CONNECTION

    answer = await catalog.resolution.ConfirmTargets(
        resolution_pb2.ConfirmTargetsRequest(
            entitlement_id=app.access_id,
            subject_user_id=user_id("Ben"),
            directory_entitlement_ids=[role_id("Design Tool"), membership_id(VIEWERS)],
        ),
        metadata=catalog.by("connector"),
    )
    role, group = answer.targets
    assert (role.listed, "group memberships only" in role.problem) == (False, True)
    assert (group.listed, group.held, group.problem) == (True, True, "")

    await sync(catalog, MARLOWE)
    assert set(await shown(catalog, "Ben")) == {"Design Tool", "Payroll"}
    assert not (await resolve(catalog, app.access_id, "Ben")).held


async def test_the_mode_is_the_connections(catalog: RunningCatalog, app: Managed) -> None:
    """That of another one does not matter, and a completion alone changes one's own."""
    messages = numbered(
        [completion()], ids.new_id("syn"), complete=False, groups_only=True, connection_id="con_2"
    )
    await ingest(catalog, messages)
    assert len((await resolve(catalog, app.access_id, "Ben")).entitlement.fulfilment) == 2
    # One that has apps: those of this one are offered all the same.
    payroll = await manage(catalog, "Payroll")
    await offer(catalog, payroll)
    elsewhere = Tenant(apps={"Elsewhere": ()})
    await ingest(
        catalog,
        numbered(
            elsewhere.pages(), ids.new_id("syn"), groups_only=True, connection_id="con_2", seen_in=2
        ),
    )
    assert set(await shown(catalog, "Ben")) == {"Design Tool", "Payroll"}
    seen_in = (await checkpoint(catalog)).round
    own = numbered(
        [completion()], ids.new_id("syn"), complete=False, groups_only=True, seen_in=seen_in
    )
    await ingest(catalog, own)
    assert len((await resolve(catalog, app.access_id, "Ben")).entitlement.fulfilment) == 1


async def test_where_only_groups_are_written_pages_are_full(catalog: RunningCatalog) -> None:
    """Apps with nothing to ask for take no place in a page."""
    tenant = Tenant(
        users={"Ben": ""},
        groups={f"group {n}": () for n in range(0, 8, 2)},
        apps={f"app {n}": () for n in range(8)},
        assigned=tuple((f"app {n}", f"group {n}") for n in range(0, 8, 2)),
    )
    await sync(catalog, tenant)
    for n in range(8):
        managed = await manage(catalog, f"app {n}")
        if n % 2 == 0:
            await link(catalog, managed.app_id, provision_for(f"group {n}", managed.access_id))
        await offer(catalog, managed)
    await sync(catalog, tenant, groups_only=True)
    found: list[str] = []
    token = ""
    while True:
        response = await catalog.app_catalog.SearchAppCatalog(
            app_catalog_pb2.SearchAppCatalogRequest(page_size=2, page_token=token),
            metadata=catalog.person("Ben"),
        )
        found += [app.display_name for app in response.apps]
        token = response.next_page_token
        if not token:
            break
        assert len(response.apps) == 2
    assert found == ["app 0", "app 2", "app 4", "app 6"]
