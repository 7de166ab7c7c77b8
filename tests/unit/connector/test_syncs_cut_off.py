"""Syncs that are cut off, taken over, held and stopped."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from libs.domain.callers import Service
from services.connector.domain import facts
from services.connector.domain.directory import (
    DirectoryKind,
)
from services.connector.domain.sync import Ingested, SyncKind, SyncState, TakenOver
from tests.fakes.connector_mirror import AWAY
from tests.unit.connector.sync_house import SyncHouse


@pytest.mark.parametrize("kind", list(SyncKind))
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_run_that_is_cut_off_at_any_page_goes_on(
    house: SyncHouse, kind: SyncKind, is_first: bool
) -> None:
    """By another process, behind the last page that was committed; the end is the same."""
    if not is_first:
        await house.synced()
        for number in range(20, 30):
            house.tenant.put("user", f"u{number}")
            house.tenant.join("g1", f"u{number}")
            house.tenant.assign("s1", f"u{number}")
        house.tenant.drop("user", "u3")
        house.tenant.drop("app", "s2")
    sync_id = house.started(kind)
    requests, runs = 0, 0
    while house.syncs.found[sync_id].state is SyncState.RUNNING:
        runs += 1
        house.catalog.away_at = len(house.catalog.pages) + 1
        house.graph.asked.clear()
        await house.taken_up(sync_id)
        task = asyncio.create_task(house.go(sync_id))
        before = len(house.catalog.pages)
        async with asyncio.timeout(5):
            while len(house.catalog.pages) == before and not task.done():
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        requests = max(requests, len(house.graph.asked))
    sync = house.syncs.found[sync_id]
    assert sync.state is SyncState.SUCCEEDED
    assert runs >= len([page for page in house.catalog.pages if page.number]) // 2
    assert house.catalog.mirror() == (await house.cold()).mirror()


async def test_the_next_sync_goes_on_where_another_was_stopped(house: SyncHouse) -> None:
    """A first round of many pages is not begun anew because somebody cancelled it."""
    house.catalog.away_at = 2
    first = house.started()
    await house.taken_up(first)
    task = asyncio.create_task(house.go(first))
    async with asyncio.timeout(5):
        while len(house.catalog.pages) < 2:
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await house.syncs.run(lambda: house.move.cancel(first, _caller()))
    house.catalog.away_at = None
    # Changed behind the back of the first: nobody would notice without another look.
    house.tenant.put("user", "u0", jobTitle="Chief")
    house.graph.asked.clear()
    await house.synced()
    assert not any(path == "/users/delta" for path in house.graph.asked), "it went on"
    assert house.catalog.mirror() == (await house.cold()).mirror()


@pytest.mark.parametrize("dies", [False, True])
async def test_an_answer_that_is_lost_is_asked_for(
    house: SyncHouse, monkeypatch: pytest.MonkeyPatch, dies: bool
) -> None:
    """How much was removed is told all the same, also by the process that takes the sync up."""
    await house.synced()
    house.tenant.drop("user", "u6")
    ingest = house.catalog.ingest

    async def lost(*message: Any) -> Ingested:
        answer = await ingest(*message)
        if answer.completed:
            raise asyncio.CancelledError if dies else AWAY
        return answer

    sync_id = house.started()
    with monkeypatch.context() as patch, suppress(asyncio.CancelledError):
        patch.setattr(house.catalog, "ingest", lost)
        await house.run(sync_id)
    if dies:
        await house.run(sync_id)
    sync = house.syncs.found[sync_id]
    assert sync.state is SyncState.SUCCEEDED and sync.removed_count == 1
    assert house.syncs.told[-1].body == facts.SyncSucceeded(
        sync_id, "con_1", sync.progress.object_count, 1
    )


async def test_too_many_removals_wait_for_somebody(house: SyncHouse) -> None:
    """Held, told, confirmed: then exactly that is removed, and nothing is read again."""
    await house.synced()
    for number in range(6):
        house.tenant.drop("user", f"u{number}")
    house.catalog.most_removed = 3
    sync = await house.synced()
    assert sync.state is SyncState.HELD and not sync.is_over
    assert "6 of 7 users" in sync.problem
    assert ("u0",) in house.catalog.mirror()[DirectoryKind.USER], "served as before"
    assert type(house.syncs.told[-1].body).__name__ == "SyncHeld"
    await house.syncs.run(lambda: house.move.confirm(sync.sync_id, _caller()))
    house.tenant.drop("user", "u6")
    house.graph.asked.clear()
    sync = await house.run(sync.sync_id)
    assert sync.state is SyncState.SUCCEEDED and house.graph.asked == []
    assert set(house.catalog.mirror()[DirectoryKind.USER]) == {("u6",)}
    house.catalog.most_removed = None
    await house.synced()
    assert house.catalog.mirror() == (await house.cold()).mirror()


async def test_what_was_confirmed_is_what_was_read(house: SyncHouse) -> None:
    """Where everything has to be read anew, what that would remove is asked for again."""
    await house.synced()
    for number in range(4):
        house.tenant.drop("user", f"u{number}")
    house.catalog.most_removed = 3
    sync = await house.synced()
    await house.syncs.run(lambda: house.move.confirm(sync.sync_id, _caller()))
    # As when another application reads the tenant from now on, and sees less of it.
    house.catalog.newest = replace(house.catalog.newest, checkpoint="of another")
    for number in range(4, 7):
        house.tenant.drop("user", f"u{number}")
    sync = await house.run(sync.sync_id)
    assert sync.state is SyncState.HELD and "7 of 7 users" in sync.problem
    assert ("u0",) in house.catalog.mirror()[DirectoryKind.USER], "served as before"
    await house.syncs.run(lambda: house.move.confirm(sync.sync_id, _caller()))
    assert (await house.run(sync.sync_id)).state is SyncState.SUCCEEDED
    assert house.catalog.mirror() == (await house.cold()).mirror()


async def test_a_held_sync_that_is_cancelled_removes_nothing(house: SyncHouse) -> None:
    """And the next one finds the same to remove again."""
    await house.synced()
    for number in range(6):
        house.tenant.drop("user", f"u{number}")
    house.catalog.most_removed = 3
    first = await house.synced()
    await house.syncs.run(lambda: house.move.cancel(first.sync_id, _caller()))
    assert house.syncs.found[first.sync_id].state is SyncState.CANCELLED
    assert (await house.synced()).state is SyncState.HELD


async def test_whoever_comes_later_has_the_sync(house: SyncHouse) -> None:
    """The earlier run stops, and what it still sends is refused."""
    sync_id = house.started()
    earlier = await house.taken_up(sync_id)
    await house.taken_up(sync_id)
    assert (await house.go(sync_id)).state is SyncState.SUCCEEDED
    with pytest.raises(Exception, match=r"is over"):
        await earlier.to_the_end()
    sync_id = house.started()
    earlier = await house.taken_up(sync_id)
    await house.taken_up(sync_id)
    with pytest.raises(TakenOver):
        await earlier.to_the_end()


async def test_a_list_that_changed_while_it_was_cut_off_is_not_taken_for_known(
    house: SyncHouse,
) -> None:
    """What was sent before the cut is of the same round: only the next one can take it away."""
    for number in range(20):
        house.tenant.assign("s0", f"w{number}")
    sync_id = house.started()
    await house.taken_up(sync_id)
    # Three pages of people, two of groups, two of apps, and the first of assignments.
    house.catalog.away_at = 8
    task = asyncio.create_task(house.go(sync_id))
    async with asyncio.timeout(5):
        while len(house.catalog.pages) < 8:
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    apps = [found[0] for found in _assigned(house)]
    assert "s1" in apps and apps.count("s0") < 20, "s0 is not read to its end"
    house.catalog.away_at = None
    house.tenant.assigned.discard(("s1", "u0", "r"))
    assert (await house.run(sync_id)).state is SyncState.SUCCEEDED
    await house.synced()
    assert house.catalog.mirror() == (await house.cold()).mirror()


async def test_a_batch_that_was_cut_off_half_way_is_not_taken_for_known(
    house: SyncHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a batch that makes several pages some were committed, and are read once more."""
    monkeypatch.setattr("services.connector.entra.sync.assignments._MOST_IN_A_PAGE", 2)
    for number in range(9):
        house.tenant.assign("s0", f"w{number}")
    sync_id = house.started()
    await house.taken_up(sync_id)
    task = asyncio.create_task(house.go(sync_id))
    async with asyncio.timeout(5):
        # The first page of the second batch, which begins with the next three of s0.
        while ("s0", "w1", "r") not in _assigned(house):
            house.catalog.away_at = len(house.catalog.pages) + 1
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert '"s0":["' in house.catalog.newest.checkpoint, "its list is open"
    house.catalog.away_at = None
    # In the place of what was sent already there is another now.
    house.tenant.assigned.discard(("s0", "w1", "r"))
    house.tenant.assign("s0", "w10")
    await house.run(sync_id)
    await house.synced()
    assert house.catalog.mirror() == (await house.cold()).mirror()


@pytest.mark.parametrize("is_first", [True, False])
async def test_lists_of_a_round_that_is_over_begin_anew(house: SyncHouse, is_first: bool) -> None:
    """A stream that is reset between two runs raises the round: what the first sent stays."""
    for number in range(9):
        house.tenant.assign("s0", f"w{number}")
    if not is_first:
        await house.synced()
    sync_id = house.started(SyncKind.FULL)
    await house.taken_up(sync_id)
    task = asyncio.create_task(house.go(sync_id))
    async with asyncio.timeout(5):
        while '"s0":["' not in house.catalog.newest.checkpoint:
            house.catalog.away_at = len(house.catalog.pages) + 1
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    house.catalog.away_at = None
    house.graph.epoch += 1
    sync = await house.run(sync_id)
    assert sync.state is SyncState.SUCCEEDED and sync.removed_count == 0
    assert house.catalog.mirror() == (await house.cold()).mirror()
    house.tenant.assigned.discard(("s0", "u0", "r"))
    house.tenant.assign("s0", "w9")
    await house.synced()
    assert house.catalog.mirror() == (await house.cold()).mirror()


def _assigned(house: SyncHouse) -> list[tuple[str, ...]]:
    return list(house.catalog.mirror()[DirectoryKind.APP_ROLE_ASSIGNMENT])


@pytest.mark.parametrize("checkpoint", ["", "x", "[]", '{"phase": "x"}', "null", '{"streams": 1}'])
async def test_a_strange_checkpoint_has_everything_read_anew(
    house: SyncHouse, checkpoint: str
) -> None:
    """In rounds that nobody has used, so that what it does not see is gone."""
    await house.synced()
    house.tenant.drop("user", "u1")
    house.tenant.log.clear()
    house.catalog.newest = replace(house.catalog.newest, checkpoint=checkpoint)
    before = house.catalog.newest.round
    await house.synced()
    assert house.catalog.newest.round > before
    assert house.catalog.mirror() == (await house.cold()).mirror()


def _caller() -> Service:
    return Service("somebody")
