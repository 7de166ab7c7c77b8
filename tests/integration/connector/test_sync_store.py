"""Syncs in the database: what is kept of each, and what is known of those of a connection."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection as Rows

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from services.connector.domain.sync import (
    HeldRemoval,
    Progress,
    Sync,
    SyncKind,
    SyncState,
)
from services.connector.store import MIGRATIONS
from services.connector.store.connections import ConnectionStore
from services.connector.store.syncs import SyncStore
from tests.fakes.clock import FakeClock
from tests.unit.connector.sync_house import CONNECTION

CLOCK = FakeClock()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The connector's tables, with one connection."""
    database = Database.open(database_url)
    await MIGRATIONS.apply(database)
    await _keep(database, ConnectionStore(database).added(CONNECTION))
    yield database
    await database.close()


async def _keep(database: Database, writes: tuple[Write, ...]) -> None:
    def work(rows: Rows) -> None:
        for write in writes:
            assert isinstance(write, Guarded)
            rows.execute(write.statement)

    await database.write(work)


def _sync(
    number: int, kind: SyncKind = SyncKind.INCREMENTAL, state: SyncState = SyncState.RUNNING
) -> Sync:
    return Sync(
        f"syn_{number}",
        CONNECTION.connection_id,
        state,
        Progress("users"),
        "",
        CLOCK.now() + timedelta(minutes=number),
        kind=kind,
        expected_count=7 * number,
    )


async def test_all_of_a_sync_is_read_back(database: Database) -> None:
    """Also while it is held: it is the connection's one sync, and does not run."""
    syncs = SyncStore(database)
    await _keep(database, syncs.added(_sync(1, SyncKind.FULL)))
    [running] = await syncs.running()
    assert running == _sync(1, SyncKind.FULL)
    taken = running.taken_up()
    await _keep(database, syncs.updated(taken))
    held = replace(taken, version=2).held(
        1, Progress("completing", 3, 4, 5, 2.5), [HeldRemoval("users", 431, 2000)]
    )
    await _keep(database, syncs.updated(held))
    assert await syncs.get("syn_1") == replace(held, version=3)
    assert await syncs.running() == []
    assert await syncs.running_of(CONNECTION.connection_id) == replace(held, version=3)
    confirmed = replace(held, version=3).confirmed()
    await _keep(database, syncs.updated(confirmed))
    [running] = await syncs.running()
    assert running == replace(confirmed, version=4) and running.removals_confirmed


async def test_the_history_of_a_connection(database: Database) -> None:
    """The newest, the newest full one, and the newest that succeeded and read everything."""
    syncs = SyncStore(database)
    history = await syncs.history_of(CONNECTION.connection_id)
    assert (history.last, history.last_full, history.last_whole) == (None, None, None)
    failed, done = SyncState.FAILED, SyncState.SUCCEEDED
    for sync in (
        _sync(1, state=failed),
        _sync(2, state=done),
        _sync(3, SyncKind.FULL, failed),
        _sync(4, state=done),
    ):
        await _keep(database, syncs.added(sync))
    history = await syncs.history_of(CONNECTION.connection_id)
    found = (history.last, history.last_full, history.last_whole)
    assert [sync and sync.sync_id for sync in found] == ["syn_4", "syn_3", "syn_2"], (
        "the first that succeeded read everything"
    )
    await _keep(database, syncs.added(_sync(5, SyncKind.FULL, done)))
    await _keep(database, syncs.added(_sync(6, SyncKind.FULL, failed)))
    history = await syncs.history_of(CONNECTION.connection_id)
    found = (history.last, history.last_full, history.last_whole)
    assert [sync and sync.sync_id for sync in found] == ["syn_6", "syn_6", "syn_5"]
    assert (await syncs.history_of("con_other")).last is None
