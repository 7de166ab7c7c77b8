"""How much a sync removes without being asked."""

from dataclasses import replace

from latchkey.catalog.v1 import ingest_pb2
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import event_types, incremental, manage, state
from tests.integration.catalog.tenant import (
    Tenant,
    checkpoint,
    completion,
    ingest,
    numbered,
    page,
    sync,
)
from tests.support.issuer import object_id

CROWD = Tenant(users={f"person {n}": "" for n in range(104)}, groups={"All": ("person 1",)})


async def test_too_much_is_held_until_confirmed(catalog: RunningCatalog) -> None:
    """Nothing of it is committed, other kinds neither; confirmed, all of it is."""
    await sync(catalog, CROWD)
    before, events = await state(catalog), len(await event_types(catalog))
    names = [object_id(f"person {n}") for n in range(21)]
    gone = page(removed_entra_user_ids=names, removed_entra_group_ids=[object_id("All")])
    response = await incremental(catalog, gone, completion())
    assert (response.last_page_number, response.completed, response.removed_count) == (1, False, 0)
    held = [(h.kind, h.removed_count, h.total_count) for h in response.held_removals]
    assert held == [(ingest_pb2.DIRECTORY_KIND_USER, 21, 104)]
    found = await checkpoint(catalog)
    assert (found.last_page_number, found.completed) == (1, False)
    assert await state(catalog) == before
    assert len(await event_types(catalog)) == events

    confirmed = numbered(
        [completion(confirmed=True)], found.sync_id, first=2, complete=False, seen_in=2
    )
    response = await ingest(catalog, confirmed)
    # With the group's membership, which the person's and the group's removal share.
    assert (response.completed, response.removed_count) == (True, 23)
    assert list(response.held_removals) == []
    assert len((await state(catalog))["users"]) == 83


async def test_a_part_that_is_small_enough_is_not_held(catalog: RunningCatalog) -> None:
    """21 of 105 are a fifth."""
    tenant = replace(CROWD, users={f"person {n}": "" for n in range(105)})
    await sync(catalog, tenant)
    smaller = tenant.without(*(f"person {n}" for n in range(21)))
    # With the membership of one of them.
    assert (await sync(catalog, smaller)).removed_count == 22


async def test_twenty_are_free(catalog: RunningCatalog) -> None:
    """Even when they are all there are."""
    await sync(catalog, Tenant(users={f"person {n}": "" for n in range(20)}))
    assert (await sync(catalog, Tenant())).removed_count == 20


async def test_removed_apps_are_not_counted_against_the_others(catalog: RunningCatalog) -> None:
    """Neither as gone nor as there."""
    tenant = Tenant(apps={f"app {n}": () for n in range(30)})
    await sync(catalog, tenant)
    for n in range(15):
        await manage(catalog, f"app {n}")
    response = await sync(catalog, tenant.without(*(f"app {n}" for n in range(15))))
    assert (response.completed, response.removed_count) == (True, 15)
    response = await sync(catalog, Tenant())
    assert (response.completed, response.removed_count) == (True, 15)
