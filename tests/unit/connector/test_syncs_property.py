"""Whatever happens, a warm catalog is like a cold one."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.connector.domain.directory import (
    INTEGRATED_APP_TAG,
    DirectoryEnd,
    ReadFailed,
)
from services.connector.domain.sync import SyncKind
from services.connector.entra.problems import Problem
from services.connector.loops.syncs import run as run_module
from tests.support.examples import examples
from tests.unit.connector.sync_house import SyncHouse, some_tenant

_USERS = st.sampled_from([f"u{n}" for n in range(6)])
_GROUPS = st.sampled_from([f"g{n}" for n in range(4)])
_APPS = st.sampled_from([f"s{n}" for n in range(4)])
_CHANGES = st.one_of(
    st.tuples(st.just("put"), st.just("user"), _USERS),
    st.tuples(st.just("put"), st.just("group"), _GROUPS),
    st.tuples(st.just("put"), st.just("app"), _APPS),
    st.tuples(st.just("drop"), st.just("user"), _USERS),
    st.tuples(st.just("drop"), st.just("group"), _GROUPS),
    st.tuples(st.just("drop"), st.just("app"), _APPS),
    st.tuples(st.just("scope"), st.booleans(), _APPS),
    st.tuples(st.just("join"), _GROUPS, _USERS),
    st.tuples(st.just("leave"), _GROUPS, _USERS),
    st.tuples(st.just("lead"), _USERS, st.one_of(st.just(""), _USERS)),
    st.tuples(st.just("assign"), _APPS, st.one_of(_USERS, _GROUPS)),
    st.tuples(st.just("unassign"), _APPS, st.one_of(_USERS, _GROUPS)),
    st.tuples(st.just("reset"), st.just(""), st.just("")),
    st.tuples(st.just("sync"), st.sampled_from(list(SyncKind)), st.integers(0, 40)),
)


def _apply(house: SyncHouse, name: str, first: Any, second: Any) -> None:
    tenant = house.tenant
    known = {key for objects in tenant.objects.values() for key in objects}
    match name:
        case "put":
            tenant.put(first, second, description=str(len(tenant.log)))
        case "drop":
            tenant.drop(first, second)
        case "scope" if second in known:
            tenant.put("app", second, tags=[INTEGRATED_APP_TAG] if first else [])
        case "join" if {first, second} <= known:
            tenant.join(first, second)
        case "leave" if (first, second) in tenant.members:
            tenant.leave(first, second)
        case "lead" if first in known and (not second or second in known):
            tenant.lead(first, second)
        case "assign" if {first, second} <= known:
            tenant.assign(first, second)
        case "unassign":
            tenant.assigned.discard((first, second, "r"))
        case "reset":
            house.graph.epoch += 1


@given(changes=st.lists(_CHANGES, max_size=60), seed=st.integers(0, 1000))
# Dies within the lists of the apps, and finds its streams reset.
@example(changes=[("sync", SyncKind.INCREMENTAL, 14)], seed=0)
@settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_changes_an_incremental_sync_is_like_a_cold_one(
    changes: list[tuple[str, Any, Any]], seed: int
) -> None:
    """Changes between syncs and within them, syncs cut off and begun again, links of no use."""

    async def check() -> None:
        house = SyncHouse(some_tenant(), size=2)
        waiting: Iterator[tuple[str, Any, Any]] = iter(changes)
        for name, first, second in waiting:
            if name != "sync":
                _apply(house, name, first, second)
                continue
            asked = 0

            def midway(path: str, every: int = 1 + seed % 7) -> Problem | None:
                # The tenant changes while it is read.
                nonlocal asked
                asked += 1
                if asked % every == 0:
                    change = next(waiting, None)
                    if change is not None and change[0] != "sync":
                        _apply(house, *change)
                if asked % 5 == 4:
                    return Problem(503, "ServiceUnavailable", "later")
                return None

            house.graph.hook = midway
            house.catalog.away_at = len(house.catalog.pages) + second if second < 20 else None
            running = await house.syncs.running_of("con_1")
            sync_id = running.sync_id if running is not None else house.started(first)
            try:
                await house.run(sync_id)
            except ReadFailed:
                # Otherwise it is as if its process had died: the next one goes on with it, now and
                # then with links of no use.
                if second % 2:
                    await house.failed(sync_id)
                elif second % 4:
                    house.graph.epoch += 1
            house.graph.hook = lambda path: None
            house.catalog.away_at = None
        running = await house.syncs.running_of("con_1")
        if running is not None:
            await house.run(running.sync_id)
        await house.synced()
        assert house.catalog.mirror() == (await house.cold()).mirror()
        for page in house.catalog.pages:
            if isinstance(page.content, DirectoryEnd):
                continue
            keys = {(one.entra_group_id, one.entra_user_id) for one in page.content.memberships}
            assert not keys & {
                (one.entra_group_id, one.entra_user_id) for one in page.content.removed_memberships
            }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "_STREAM_SECONDS", 0.001)
        patch.setattr(run_module, "_FIRST_PAUSE_SECONDS", 0.0001)
        patch.setattr(run_module, "_LONGEST_PAUSE_SECONDS", 0.0001)
        patch.setattr(run_module, "_PATIENCE_SECONDS", 0.005)
        asyncio.run(check())
