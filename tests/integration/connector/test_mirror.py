"""What the catalog has after a sync is what the tenant holds, whatever happens on the way."""

import asyncio
import itertools
import json
import math
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.connector.domain.connection import Connection
from services.connector.domain.directory import ReadFailed
from services.connector.domain.sync import Ingested, NumberedPage, Sync, SyncKind, SyncState
from services.connector.entra import tenants
from services.connector.entra.lists import Lists
from services.connector.entra.sync import assignments
from services.connector.loops.syncs import run as run_module
from tests.integration.connector import storm
from tests.integration.connector.tenant_house import Mirror, RunningTenants, TenantHouse
from tests.support.examples import SAME_EACH_RUN, examples
from tools.entra_simulator import Simulator
from tools.entra_simulator.generator import generate

pytestmark = pytest.mark.either_database


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that a test can wait for."""
    monkeypatch.setattr(tenants, "Lists", partial(Lists, pause=0.001))
    monkeypatch.setattr(run_module, "_STREAM_SECONDS", 0.05)


@pytest.fixture
async def tenant(
    database_url: str, nats_url: str, tmp_path: Path, simulator_keys: Path
) -> AsyncIterator[TenantHouse]:
    """A tenant of a few hundred objects, and catalogs of each kind of database."""
    folder = Path(shutil.copytree(simulator_keys, tmp_path / "tenant"))
    document = generate(users=120, groups=30, memberships=900, apps=45, assignments=400)
    cold_url = f"sqlite:///{tmp_path / 'cold.db'}"
    shared = RunningTenants(database_url, cold_url, nats_url, tmp_path)
    async with shared, Simulator(folder, document) as simulator, shared.of(simulator) as house:
        yield house


async def test_a_sync_asks_as_often_as_the_plan_says(tenant: TenantHouse) -> None:
    """A full sync, and one that finds nothing new: it writes nothing but its end."""
    simulator, mark = tenant.simulator, tenant.simulator.journal.last_number
    simulator.behaviour.change({"userDeltaPage": 50, "memberDeltaPage": 200}, keep=True)
    first = await tenant.synced()
    assert first.state is SyncState.SUCCEEDED, first.problem
    asked = tenant.asked(mark)
    apps = -(-len(simulator.tenant.service_principals) // 200)
    # The lists of the apps, and their owners.
    batches = 2 * -(-45 // 20)
    plan = -(-len(simulator.tenant.users) // 50) + 1 + math.ceil(900 / 200) + apps + batches
    assert len(asked) <= plan, asked
    assert not any("expand" in path for path in asked)
    mark = simulator.journal.last_number
    idle = await tenant.synced()
    asked = tenant.asked(mark)
    assert len(asked) == 1 + -(-45 // 20) == idle.progress.request_count, asked
    assert idle.progress.page_count == 1 and idle.progress.object_count == 0
    assert await tenant.warm.mirror() == await tenant.control()


async def test_changes_of_every_kind_arrive(tenant: TenantHouse) -> None:
    """With the next incremental sync, and with nothing but what has changed."""
    await tenant.synced()
    directory = tenant.simulator.tenant
    users, groups = sorted(directory.users), sorted(directory.groups)
    apps = [found["resourceId"] for found in directory.assignments.values()]
    manager = directory.users[users[0]].get("manager")
    directory.update_object(users[0], {"department": "Changed"})
    directory.update_object(users[1], {"manager": users[2]})
    directory.update_object(users[3], {"manager": None})
    directory.update_object(groups[0], {"description": "Changed"})
    directory.delete_object(users[4])
    directory.delete_object(groups[1])
    directory.delete_object(apps[0])
    directory.update_object(apps[-1], {"tags": []})
    directory.add_object("user", {"displayName": "New", "userPrincipalName": "new@x.example"})
    sync = await tenant.synced()
    assert sync.state is SyncState.SUCCEEDED, sync.problem
    assert 0 < sync.progress.object_count < 100 and sync.removed_count > 3
    mirror = await tenant.warm.mirror()
    assert mirror == await tenant.control()
    [row] = [dict(row) for row in mirror["directory_users"] if ("entra_object_id", users[0]) in row]
    assert row["department"] == "Changed"
    assert bool(manager) == bool(row["manager_user_id"]), "a silent delta takes no manager away"


async def test_a_reset_tenant_is_read_anew_while_the_old_is_served(tenant: TenantHouse) -> None:
    """And what went unnoticed with the old links is gone at the end."""
    await tenant.synced()
    before = await tenant.warm.mirror()
    directory = tenant.simulator.tenant
    directory.delete_object(sorted(directory.users)[0])
    tenant.simulator.reset_delta()
    tenant.simulator.behaviour.change({"userDeltaPage": 20}, keep=True)
    checked = 0

    async def look() -> None:
        nonlocal checked
        while True:
            found = await tenant.warm.mirror(whole=False)
            if not await tenant.warm.is_completed():
                # Somebody's row may say less by now: their manager is gone.
                assert _people(before) <= _people(found)
                checked += 1
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    sync = await tenant.synced()
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    assert checked and sync.state is SyncState.SUCCEEDED and sync.removed_count >= 1
    tenant.simulator.expire_delta("groups")
    await tenant.synced()
    assert await tenant.warm.mirror() == await tenant.control()


def _people(mirror: Mirror) -> set[str]:
    return {dict(row)["user_id"] for row in mirror["directory_users"]}


async def test_too_many_removals_are_held_until_confirmed(tenant: TenantHouse) -> None:
    """Counted by kind, served as before, and gone once somebody has agreed."""
    await tenant.synced()
    before = await tenant.warm.mirror()
    directory = tenant.simulator.tenant
    for user in sorted(directory.users)[:60]:
        directory.delete_object(user)
    sync = await tenant.synced()
    assert sync.state is SyncState.HELD
    kinds = {held.kind: held for held in sync.held_removals}
    assert (kinds["users"].removed_count, kinds["users"].total_count) == (60, 120)
    assert "60 of 120 users" in sync.problem
    served = await tenant.warm.mirror(whole=False)
    assert served["directory_memberships"] == before["directory_memberships"]
    assert len(served["directory_users"]) == len(before["directory_users"]) == 120
    sync = await tenant.confirmed(sync)
    assert sync.state is SyncState.SUCCEEDED and sync.removed_count >= 60
    assert await tenant.warm.mirror() == await tenant.control()


@pytest.mark.parametrize("kind", list(SyncKind))
async def test_a_sync_that_dies_at_every_page_comes_to_its_end(
    tenant: TenantHouse, kind: SyncKind
) -> None:
    """Each run commits one page and is gone; none of them begins anew."""
    simulator = tenant.simulator
    simulator.behaviour.change(
        {"userDeltaPage": 30, "groupDeltaPage": 9, "memberDeltaPage": 150}, keep=True
    )
    if kind is SyncKind.FULL:
        await tenant.synced()
        simulator.tenant.delete_object(sorted(simulator.tenant.users)[5])
    mark = simulator.journal.last_number
    sync_id = tenant.started(kind)
    runs = 0
    while tenant.warm.syncs.found[sync_id].state is SyncState.RUNNING:
        runs += 1
        assert runs < 60
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tenant.warm.client, "ingest", _dying(tenant.warm.client.ingest))
            with suppress(Died):
                await (await tenant.taken_up(sync_id)).to_the_end()
    sync = tenant.warm.syncs.found[sync_id]
    assert sync.state is SyncState.SUCCEEDED and runs >= sync.progress.page_count > 10
    begun = [path for path in tenant.asked(mark) if "%24select" in path and "/users" in path]
    assert len(begun) == 1, "the stream of people begins once"
    assert await tenant.warm.mirror() == await tenant.control()


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_sync_that_dies_between_resets_comes_to_its_end(
    tenant: TenantHouse, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    """Streams begin anew while lists of apps are open: what those had brought stays."""
    monkeypatch.setattr(assignments, "_MOST_IN_A_LIST", 4)
    if not is_first:
        await tenant.synced()
    sync_id = tenant.started(SyncKind.FULL)
    for _ in range(3):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                tenant.warm.client, "ingest", _dying(tenant.warm.client.ingest, _has_open_lists)
            )
            with pytest.raises(Died):
                await (await tenant.taken_up(sync_id)).to_the_end()
        tenant.simulator.expire_delta("users")
    await (await tenant.taken_up(sync_id)).to_the_end()
    sync = tenant.warm.syncs.found[sync_id]
    assert sync.state is SyncState.SUCCEEDED and sync.removed_count == 0
    assert await tenant.warm.mirror() == await tenant.control()


class Died(Exception):
    """The process is gone."""


def _has_open_lists(page: NumberedPage) -> bool:
    return bool(json.loads(page.content.checkpoint)["assignments"]["open"])


def _dying(ingest: Any, at: Callable[[NumberedPage], bool] = lambda page: True) -> Any:
    """Dies once a page is committed that it is to die `at`, but for the last."""

    async def until(sync: Sync, connection: Connection, pages: Any) -> Ingested:
        is_there = False

        async def first() -> AsyncIterator[NumberedPage]:
            nonlocal is_there
            async for page in pages:
                yield page
                if is_there := at(page):
                    return

        answer = await ingest(sync, connection, first())
        if is_there and not answer.completed:
            raise Died
        found: Ingested = answer
        return found

    return until


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(list(SyncKind)),
        st.integers(0, 999),
        st.lists(
            st.tuples(st.sampled_from(list(storm.CHANGES)), st.integers(0, 9999)), max_size=12
        ),
    ),
    min_size=1,
    max_size=4,
)


def test_whatever_changes_a_warm_catalog_is_like_a_cold_one(
    sqlite_url: str, nats_url: str, tmp_path: Path, simulator_keys: Path
) -> None:
    """Random changes before and in the middle of syncs, and everything going wrong meanwhile."""
    cold_url = f"sqlite:///{tmp_path / 'cold.db'}"
    document = generate(users=40, groups=10, memberships=150, apps=22, assignments=90)
    with asyncio.Runner() as loop, ExitStack() as parts:
        shared = RunningTenants(sqlite_url, cold_url, nats_url, tmp_path)
        loop.run(shared.begin())
        parts.callback(lambda: loop.run(shared.end()))
        folders = itertools.count()

        @given(steps=_STEPS)
        @settings(max_examples=examples(4), deadline=None, derandomize=SAME_EACH_RUN, database=None)
        def check(steps: list[tuple[SyncKind, int, list[tuple[str, int]]]]) -> None:
            folder = Path(shutil.copytree(simulator_keys, tmp_path / f"tenant-{next(folders)}"))
            loop.run(_check(shared, Simulator(folder, document), steps))

        check()


async def _check(
    shared: RunningTenants,
    simulator: Simulator,
    steps: list[tuple[SyncKind, int, list[tuple[str, int]]]],
) -> None:
    async with simulator, shared.of(simulator) as house:
        await house.synced()
        for kind, seed, changes in steps:
            storm.rage(simulator, seed)
            half = len(changes) // 2
            for name, chance in changes[:half]:
                storm.change(simulator, name, chance)
            meanwhile = asyncio.create_task(_meanwhile(house, changes[half:]))
            try:
                sync = await house.synced(kind)
            except ReadFailed:
                # Somebody starts another.
                continue
            finally:
                await meanwhile
            if sync.state is SyncState.HELD:
                await house.confirmed(sync)
        # Until every replica has heard of everything.
        await asyncio.sleep(0.05)
        simulator.faults.clear()
        sync = await house.synced()
        if sync.state is SyncState.HELD:
            sync = await house.confirmed(sync)
        assert sync.state is SyncState.SUCCEEDED, sync.problem
        assert await house.warm.mirror() == await house.control()


async def _meanwhile(house: TenantHouse, changes: list[tuple[str, int]]) -> None:
    for name, chance in changes:
        await asyncio.sleep(0.005)
        storm.change(house.simulator, name, chance)
