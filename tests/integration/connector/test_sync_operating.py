"""Syncs as operators see and steer them: watched, held, taken over, by the clock."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf import json_format

from latchkey.catalog.v1 import ingest_pb2
from latchkey.connector.v1 import sync_pb2 as pb
from services.connector.domain.connection import Connection, Credential, CredentialKind
from services.connector.domain.directory import Phase, User
from services.connector.domain.sync import NumberedPage, Sync, SyncState, first_progress
from services.connector.entra.sync.streams import Found, pages_of
from services.connector.handlers.start_sync import StartSync
from services.connector.loops.schedules import Schedules
from services.connector.store.connections import ConnectionStore
from services.connector.store.syncs import SyncStore
from services.connector.translate.ingest import ingest_request
from tests.fakes.clock import FakeClock
from tests.fakes.connector_peers import IngestedSync
from tests.integration.connector.house import ConnectorHouse, refusal
from tests.integration.connector.whole import check_complete, enlarge
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually
from tools.entra_simulator import Simulator


async def test_is_watched_to_its_end(house: ConnectorHouse) -> None:
    """The stream begins with the sync as it is, shows it move, and ends with it."""
    house.catalog.stop_after = 1
    sync_id = await house.start_sync(await house.connect())
    states, phases = [], []
    async for response in house.syncs.WatchSync(
        pb.WatchSyncRequest(sync_id=sync_id), metadata=house.reader, timeout=30
    ):
        states.append(response.sync.state)
        phases.append(response.sync.phase)
        house.catalog.stop_after = None
    assert states[0] == pb.SYNC_STATE_RUNNING and states[-1] == pb.SYNC_STATE_SUCCEEDED
    assert phases[0] == "users" and phases[-1] == "done" and "completing" in phases


async def test_lists_newest_first(house: ConnectorHouse) -> None:
    """By connection, page by page; a token of another filter is refused."""
    connection_id = await house.connect()
    ids = [await house.start_sync(connection_id)]
    for _ in range(2):
        await house.finished(ids[0])
        ids.insert(0, await house.start_sync(connection_id))
    await house.finished(ids[0])
    first = await house.syncs.ListSyncs(
        pb.ListSyncsRequest(connection_id=connection_id, page_size=2), metadata=house.reader
    )
    rest = await house.syncs.ListSyncs(
        pb.ListSyncsRequest(
            connection_id=connection_id, page_size=2, page_token=first.next_page_token
        ),
        metadata=house.reader,
    )
    assert [sync.sync_id for sync in (*first.syncs, *rest.syncs)] == ids
    assert not rest.next_page_token
    await refusal(
        house.syncs.ListSyncs(
            pb.ListSyncsRequest(page_token=first.next_page_token), metadata=house.reader
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
    )


async def test_waits_to_be_confirmed(house: ConnectorHouse) -> None:
    """Held, seen to be held, told; then confirmed, told, and over. Not twice."""
    connection_id = await house.connect()
    house.catalog.holds = [
        ingest_pb2.HeldRemoval(
            kind=ingest_pb2.DIRECTORY_KIND_USER, removed_count=431, total_count=2000
        ),
        ingest_pb2.HeldRemoval(
            kind=ingest_pb2.DIRECTORY_KIND_APP_ROLE_ASSIGNMENT, removed_count=30, total_count=40
        ),
    ]
    sync_id = await house.start_sync(connection_id)
    held = await house.finished(sync_id)
    assert held.state == pb.SYNC_STATE_HELD and not held.HasField("finish_time")
    assert [(one.kind, one.removed_count, one.total_count) for one in held.held_removals] == [
        ("users", 431, 2000),
        ("app_role_assignments", 30, 40),
    ]
    assert "would remove 431 of 2,000 users and 30 of 40 app role assignments" in held.problem
    await refusal(
        house.syncs.StartSync(
            pb.StartSyncRequest(connection_id=connection_id), metadata=house.admin
        ),
        grpc.StatusCode.ALREADY_EXISTS,
        "SYNC_RUNNING",
    )
    mark = house.simulator.journal.last_number
    request = pb.ConfirmSyncRequest(sync_id=sync_id, idempotency_key="once")
    for _ in range(2):
        confirmed = await house.syncs.ConfirmSync(request, metadata=house.admin)
        assert confirmed.sync.state == pb.SYNC_STATE_RUNNING and not confirmed.sync.held_removals
    sync = await house.finished(sync_id)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    assert house.simulator.journal.last_number == mark, "what was confirmed is what was read"
    await refusal(
        house.syncs.ConfirmSync(pb.ConfirmSyncRequest(sync_id=sync_id), metadata=house.admin),
        grpc.StatusCode.FAILED_PRECONDITION,
        "SYNC_NOT_HELD",
    )
    told = await house.told(sync_id)
    assert told == ["SyncStarted", "SyncHeld", "SyncConfirmed", "SyncSucceeded"]


async def test_a_held_sync_is_cancelled(small_house: ConnectorHouse) -> None:
    """It never completes, also after a restart, and another can start."""
    house = small_house
    connection_id = await house.connect()
    house.catalog.holds = [
        ingest_pb2.HeldRemoval(
            kind=ingest_pb2.DIRECTORY_KIND_GROUP, removed_count=31, total_count=40
        )
    ]
    sync_id = await house.start_sync(connection_id)
    assert (await house.finished(sync_id)).state == pb.SYNC_STATE_HELD
    await house.stop()
    await house.start()
    request = pb.CancelSyncRequest(sync_id=sync_id)
    response = await house.syncs.CancelSync(request, metadata=house.admin)
    assert response.sync.state == pb.SYNC_STATE_CANCELLED and not response.sync.held_removals
    house.catalog.holds = []
    sync = await house.finished(await house.start_sync(connection_id))
    assert sync.state == pb.SYNC_STATE_SUCCEEDED
    assert not house.catalog.syncs[sync_id].completed


async def test_another_process_takes_a_sync_over(
    postgres_url: str, nats_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """Two on one database: one of them runs it, and the other when that one ends."""
    async with ConnectorHouse.open(postgres_url, nats_url, tmp_path, simulator) as house:
        enlarge(house, users=430)
        house.catalog.stop_after = 2
        sync_id = await house.start_sync(await house.connect())
        await eventually(lambda: len(house.catalog.syncs.get(sync_id, IngestedSync()).pages) == 2)
        other = replace(house, life=None, service=None, channel=None)
        await other.start()
        try:
            # It looks every second, and leaves the tenant to who serves it.
            await asyncio.sleep(1.5)
            assert [page.run for page in house.catalog.syncs[sync_id].pages] == [1, 1]
            await house.stop()
            house.catalog.stop_after = None
            sync = await other.finished(sync_id, within=40)
            assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
            runs = [page.run for page in house.catalog.syncs[sync_id].pages]
            assert runs[:2] == [1, 1] and set(runs[2:]) == {2}
            check_complete(house, house.catalog.syncs[sync_id])
        finally:
            await other.stop()


async def test_syncs_by_itself_when_it_is_time(
    small_house: ConnectorHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before a first sync succeeded; then by the schedule, as the connector's own doing."""
    house = small_house
    connection_id = await house.connect()
    schedules = Schedules(
        ConnectionStore(house.running.database),
        SyncStore(house.running.database),
        Serves(connection_id),
        StartSync(
            ConnectionStore(house.running.database),
            SyncStore(house.running.database),
            clock := FakeClock(datetime.now(UTC)),
        ),
        house.running.writes,
        clock,
    )

    async def syncs() -> list[pb.Sync]:
        response = await house.syncs.ListSyncs(pb.ListSyncsRequest(), metadata=house.reader)
        return list(response.syncs)

    clock.advance(timedelta(days=30))
    await schedules()
    assert await syncs() == []
    clock.time = datetime.now(UTC)
    await house.finished(await house.start_sync(connection_id))
    await schedules()
    assert len(await syncs()) == 1
    clock.advance(timedelta(minutes=16))
    await schedules()
    await schedules()
    newest, _ = await syncs()
    assert newest.kind == pb.SYNC_KIND_INCREMENTAL
    await house.finished(newest.sync_id)
    clock.advance(timedelta(days=8))
    await schedules()
    newest = (await syncs())[0]
    assert newest.kind == pb.SYNC_KIND_FULL and len(await syncs()) == 3
    sync = await house.finished(newest.sync_id)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED
    check_complete(house, house.catalog.syncs[newest.sync_id])


async def test_says_how_long_it_may_take(small_house: ConnectorHouse) -> None:
    """Guessed from the full sync before; phase, pages, objects, requests and rate beside it."""
    house = small_house
    enlarge(house, users=1500)
    connection_id = await house.connect()
    first = await house.finished(await house.start_sync(connection_id), within=60)
    assert first.state == pb.SYNC_STATE_SUCCEEDED, first.problem
    house.simulator.faults.add("slow", seconds=0.6)
    response = await house.syncs.StartSync(
        pb.StartSyncRequest(connection_id=connection_id, kind=pb.SYNC_KIND_FULL),
        metadata=house.admin,
    )
    seen = []
    async for found in house.syncs.WatchSync(
        pb.WatchSyncRequest(sync_id=response.sync.sync_id), metadata=house.reader, timeout=60
    ):
        seen.append(found.sync)
    guessed = [sync for sync in seen if sync.HasField("estimated_rest_duration")]
    assert guessed, [json_format.MessageToDict(sync) for sync in seen]
    assert all(sync.objects_per_second > 0 and sync.object_count > 0 for sync in guessed)
    assert guessed[0].estimated_rest_duration.seconds < 60
    last = seen[-1]
    assert last.state == pb.SYNC_STATE_SUCCEEDED
    assert not last.HasField("estimated_rest_duration") and not last.objects_per_second


def test_pages_are_small_enough_for_a_message() -> None:
    """The largest page of large users is well below what a server takes."""
    found = Found.nothing()
    for number in range(5000):
        user_id = str(uuid.uuid4())
        text = "x" * 256
        found.users[user_id] = User(user_id, text, text, text, text, text, user_id, number > 0)
    sizes = []
    for page in pages_of(found, Phase.USERS, 1, "", "x" * 10_000):
        message = ingest_request(_SYNC, _CONNECTION, NumberedPage(1, page))
        sizes.append(message.ByteSize())
    assert max(sizes) < 3 * 1024 * 1024 and len(sizes) > 1


_SYNC = Sync("syn_1", "con_1", SyncState.RUNNING, first_progress(), "", datetime.now(UTC), run=1)


_CONNECTION = Connection(
    "con_1",
    "x",
    cast.TENANT,
    cast.CONNECTOR,
    Credential(CredentialKind.MANAGED_IDENTITY),
    "global",
    datetime.now(UTC),
)


@dataclass(frozen=True)
class Serves:
    """The port `Serving`, of one connection for ever."""

    connection_id: str

    def serves(self, connection_id: str) -> bool:
        return connection_id == self.connection_id

    def connection_ids(self) -> frozenset[str]:
        return frozenset({self.connection_id})

    def on_change(self, listener: Callable[[], None]) -> None:
        raise AssertionError("nothing changes here")
