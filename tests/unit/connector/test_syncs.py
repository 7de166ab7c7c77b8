"""Whole syncs, from a tenant in memory into a catalog in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.connector.domain.connection import ConnectionMode
from services.connector.domain.directory import (
    INTEGRATED_APP_TAG,
    DirectoryKind,
    DirectoryPage,
    Phase,
    ReadFailed,
)
from services.connector.domain.sync import SyncKind, SyncState
from services.connector.entra.problems import Problem
from services.connector.entra.sync import assignments
from services.connector.entra.sync.streams import found_in
from tests.unit.connector.sync_house import SyncHouse


async def test_a_first_sync_brings_everything(house: SyncHouse) -> None:
    """Objects, members, roles, managers; what is out of scope stays away, and is noted."""
    sync = await house.synced()
    assert sync.state is SyncState.SUCCEEDED, sync.problem
    mirror = house.catalog.mirror()
    assert set(mirror[DirectoryKind.USER]) == {(f"u{n}",) for n in range(7)}
    assert set(mirror[DirectoryKind.MEMBERSHIP]) == house.tenant.members
    assert set(mirror[DirectoryKind.APP]) == {(f"s{n}",) for n in range(4)}
    assert set(mirror[DirectoryKind.APP_ROLE_ASSIGNMENT]) == house.tenant.assigned
    assert mirror[DirectoryKind.USER]["u1",].manager_entra_object_id == "u0"
    assert sync.progress.phase == "done"
    assert sync.progress.page_count == len(house.catalog.pages)
    assert sync.progress.object_count == sum(page.entry_count for page in house.catalog.pages)


async def test_the_catalog_hears_of_the_mode_as_it_is_at_the_end(house: SyncHouse) -> None:
    """Also when it was changed while the tenant was read: no other sync is started then."""

    def change(path: str) -> None:
        mode = ConnectionMode.GROUPS_ONLY
        house.connections.connection = replace(house.connections.connection, mode=mode)

    house.graph.hook = change
    await house.synced()
    assert house.catalog.groups_only


async def test_an_idle_sync_asks_little_and_brings_nothing(house: SyncHouse) -> None:
    """One request for the three streams, one for twenty apps, and the completing message alone."""
    for number in range(10, 47):
        house.tenant.put("app", f"s{number}")
    await house.synced()
    house.graph.asked.clear()
    house.catalog.pages.clear()
    sync = await house.synced()
    assert len(house.graph.asked) == 1 + 3, "41 apps are three batches"
    assert [page.is_end for page in house.catalog.pages] == [True]
    assert sync.progress.page_count == 1


async def test_each_change_comes_with_the_next_sync(house: SyncHouse) -> None:
    """New, changed, removed; joined, left; managers that come and go; apps in and out of scope."""
    await house.synced()
    tenant = house.tenant
    tenant.put("user", "u8")
    tenant.put("user", "u3", jobTitle="Chief")
    tenant.drop("user", "u4")
    tenant.lead("u3", "u1")
    tenant.lead("u1", "")
    tenant.put("user", "u2", department="Design")
    tenant.leave("g4", "u0")
    tenant.join("g0", "u6")
    tenant.drop("group", "g3")
    tenant.drop("app", "s0")
    tenant.put("app", "s1", tags=[])
    tenant.put("app", "x-microsoft", tags=[INTEGRATED_APP_TAG])
    tenant.assign("s2", "u6")
    tenant.assigned.discard(("s3", "u0", "r"))
    sync = await house.synced()
    assert house.catalog.mirror() == (await house.cold()).mirror()
    people = house.catalog.mirror()[DirectoryKind.USER]
    assert people["u2",].manager_entra_object_id == "u0", "a delta that is silent takes nobody away"
    assert people["u1",].manager_entra_object_id == "" and people["u3",].job_title == "Chief"
    assert sync.removed_count > 0


async def test_a_full_sync_removes_what_it_does_not_see(house: SyncHouse) -> None:
    """Also what no delta ever told of."""
    await house.synced()
    tenant, log = house.tenant, len(house.tenant.log)
    tenant.drop("user", "u5")
    tenant.drop("group", "g4")
    tenant.drop("app", "s2")
    del tenant.log[log:]
    await house.synced()
    assert ("u5",) in house.catalog.mirror()[DirectoryKind.USER]
    sync = await house.synced(SyncKind.FULL)
    assert house.catalog.mirror() == (await house.cold()).mirror()
    assert sync.removed_count >= 3


@pytest.mark.parametrize(
    "problem",
    [
        Problem(410, "resyncRequired", "begin anew", location="https://x/users/delta?$deltatoken="),
        Problem(400, "syncStateNotFound", "unknown"),
        Problem(404, "SyncStateNotFound", "unknown"),
        Problem(400, "Directory_ExpiredPageToken", "expired"),
        Problem(400, "Request_BadRequest", "Badly formed token."),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_link_that_is_of_no_use_begins_its_stream_anew(
    house: SyncHouse, problem: Problem, is_first: bool
) -> None:
    """Whatever Graph calls it, in the middle of the first round or long after."""
    if not is_first:
        await house.synced()
        house.tenant.drop("group", "g2")
        house.tenant.put("user", "u9")
    refused: list[str] = []

    def once(path: str) -> Problem | None:
        if "delta?" in path and "$select" not in path and path.split("/")[1] not in refused:
            refused.append(path.split("/")[1])
            return problem
        return None

    house.graph.hook = once
    sync = await house.synced()
    assert sync.state is SyncState.SUCCEEDED, sync.problem
    assert sorted(refused) == ["groups", "servicePrincipals", "users"]
    assert house.catalog.mirror() == (await house.cold()).mirror()


async def test_owners_come_with_everything_and_of_what_is_new(house: SyncHouse) -> None:
    """People only, page by page; between two whole syncs nobody asks for those that are known."""
    house.tenant.owners = {("s0", f"u{number}") for number in range(5)} | {("s0", "x-robot")}
    await house.synced()
    assert list(house.catalog.owners["s0"]) == ["u0", "u1", "u2", "u3", "u4"]
    assert house.catalog.owners["s1"] == ()

    house.tenant.owners = {("s0", "u6"), ("s9", "u1")}
    house.tenant.put("app", "s9")
    house.graph.batches.clear()
    await house.synced()
    asked = [path for batch in house.graph.batches for path in batch if "/owners" in path]
    assert asked == ["/servicePrincipals/s9/owners?$select=id&$top=999"]
    assert house.catalog.owners["s9"] == ("u1",) and len(house.catalog.owners["s0"]) == 5
    await house.synced(SyncKind.FULL)
    assert list(house.catalog.owners["s0"]) == ["u6"]


async def test_owners_of_what_vanished_are_nobodys(house: SyncHouse) -> None:
    """An app that goes between list and fetch costs nothing but itself; another refusal is told."""
    house.graph.hook = lambda path: (
        Problem(404, "Request_ResourceNotFound", "no") if "s1/owners" in path else None
    )
    await house.synced()
    assert "s1" not in house.catalog.owners and "s2" in house.catalog.owners
    house.graph.hook = lambda path: (
        Problem(403, "Authorization_RequestDenied", "no") if "/owners" in path else None
    )
    with pytest.raises(ReadFailed, match=r"the owners of s0: .* Application\.Read\.All"):
        await house.synced(SyncKind.FULL)


async def test_a_stream_that_is_reset_for_ever_ends_the_sync(house: SyncHouse) -> None:
    """With Graph's words."""
    house.graph.hook = lambda path: (
        Problem(410, "resyncRequired", "again") if "epoch=" in path else None
    )
    with pytest.raises(ReadFailed, match="begun anew 5 times: 410 resyncRequired"):
        await house.synced()


@pytest.mark.parametrize("path", ["/users/delta", "/groups/delta", "/servicePrincipals/delta"])
async def test_what_may_not_be_read_is_named_with_its_permission(
    house: SyncHouse, path: str
) -> None:
    """Graph says only that something lacks."""
    denied = Problem(403, "Authorization_RequestDenied", "Insufficient privileges")
    house.graph.hook = lambda asked: denied if asked.startswith(path) else None
    with pytest.raises(ReadFailed, match=f"reading {path}: 403 .* takes the permission .*Read.All"):
        await house.synced()


async def test_an_app_that_vanishes_before_its_list_is_passed_over(house: SyncHouse) -> None:
    """The next delta says that it is gone."""
    gone = Problem(404, "Request_ResourceNotFound", "gone")
    house.graph.hook = lambda path: gone if "/s2/" in path else None
    assert (await house.synced()).state is SyncState.SUCCEEDED
    assert ("s2",) in house.catalog.mirror()[DirectoryKind.APP]


async def test_items_of_a_batch_are_tried_again_alone(house: SyncHouse) -> None:
    """A 429 inside is a 429; the others are not asked for a second time."""
    left = {"/s1/": 2, "/s3/": 1}

    def some(path: str) -> Problem | None:
        for part, times in left.items():
            if part in path and times:
                left[part] -= 1
                return Problem(429, "TooManyRequests", "later", timedelta(seconds=0))
        return None

    house.graph.hook = some
    assert (await house.synced()).state is SyncState.SUCCEEDED
    assert [len(batch) for batch in house.graph.batches[:3]] == [4, 2, 1]
    assert house.catalog.mirror() == (await house.cold()).mirror()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_link_that_leads_back_is_asked_again_and_then_begun_anew(
    house: SyncHouse, times: int
) -> None:
    """Never an endless loop, and no early end either."""
    real, told = house.graph._get, 0

    def back(path: str) -> Any:
        nonlocal told
        answer: Any = real(path)
        if "after=u2" in path and told < times:
            told += 1
            answer.body["@odata.nextLink"] = path
        return answer

    house.graph._get = back  # type: ignore[method-assign]
    assert (await house.synced()).state is SyncState.SUCCEEDED
    assert told == times
    assert house.catalog.mirror() == (await house.cold()).mirror()


async def test_what_comes_again_and_in_parts_counts_once(house: SyncHouse) -> None:
    """The last word of a page counts; a group that only names members keeps its name."""
    await house.synced()
    house.tenant.put("group", "g1", description="changed")
    house.graph.extra = [
        {"id": "g1", "members@delta": [{"id": "u1", "@removed": {"reason": "deleted"}}]},
        {"id": "g0", "members@delta": [{"@odata.type": "#microsoft.graph.user", "id": "u5"}]},
        {"id": "g0", "members@delta": [{"id": "u5", "@removed": {"reason": "deleted"}}]},
        {"id": "g2", "members@delta": [{"@odata.type": "#microsoft.graph.device", "id": "d"}]},
    ]
    streams = {"groups"}
    real = house.graph._delta

    def only_groups(name: str, query: Any) -> Any:
        extra = house.graph.extra
        house.graph.extra = extra if name in streams else []
        answer = real(name, query)
        house.graph.extra = extra
        return answer

    house.graph._delta = only_groups  # type: ignore[method-assign]
    await house.synced()
    mirror = house.catalog.mirror()
    assert mirror[DirectoryKind.GROUP]["g0",].display_name == "g0"
    assert ("g1", "u1") not in mirror[DirectoryKind.MEMBERSHIP]
    assert ("g0", "u5") not in mirror[DirectoryKind.MEMBERSHIP]
    assert ("g2", "d") not in mirror[DirectoryKind.MEMBERSHIP]


async def test_long_lists_are_not_kept(house: SyncHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list beyond the bound is compared, and read again only when it is another."""
    monkeypatch.setattr(assignments, "_MOST_KEPT", 4)
    for number in range(10):
        house.tenant.assign("s2", f"w{number}")
    await house.synced()
    house.graph.asked.clear()
    await house.synced()
    idle = len(house.graph.asked)
    house.tenant.assign("s2", "w99")
    house.tenant.assigned.discard(("s2", "w3", "r"))
    house.graph.asked.clear()
    await house.synced()
    assert len(house.graph.asked) > idle
    assert house.catalog.mirror() == (await house.cold()).mirror()


async def test_an_app_that_leaves_the_scope_within_a_round_is_gone() -> None:
    """Though the round has seen it: otherwise the sweep would keep it."""

    async def nobody(items: Sequence[Any]) -> list[None]:
        raise AssertionError("no people are asked for")

    seen: set[str] = set()
    inside = {"id": "s", "displayName": "S", "tags": [INTEGRATED_APP_TAG]}
    for item, expected in ((inside, True), ({**inside, "tags": []}, False)):
        found = await found_in(
            Phase.SERVICE_PRINCIPALS,
            [item, {"id": "other", "displayName": "O"}],
            tracking=False,
            complete=nobody,
            seen_apps=seen,
        )
        assert found.apps.keys() == {"s"} and (found.apps["s"] is not None) is expected


async def test_large_pages_are_split(house: SyncHouse) -> None:
    """5000 entries at most, the earlier parts with the checkpoint of before."""
    house.size = house.graph.size = 20_000
    for number in range(12_000):
        house.tenant.members.add(("g1", f"w{number}"))
    await house.synced()
    groups = [
        page.content
        for page in house.catalog.pages
        if isinstance(page.content, DirectoryPage) and page.content.phase is Phase.GROUPS
    ]
    assert len(groups) == 3
    assert groups[0].checkpoint == groups[1].checkpoint != groups[2].checkpoint
    assert set(house.catalog.mirror()[DirectoryKind.MEMBERSHIP]) == house.tenant.members
