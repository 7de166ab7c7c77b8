"""Starting a sync."""

from dataclasses import replace

from libs.domain import ids
from libs.domain.callers import Service
from services.connector.domain.sync import Progress, Sync, SyncKind, SyncState
from services.connector.handlers.start_sync import Command, StartSync
from tests.fakes.clock import FakeClock
from tests.fakes.connector_store import FakeConnections, FakeSyncs
from tests.unit.connector.sync_house import CONNECTION, NOW

_CLOCK = FakeClock(NOW)
# Made by a process whose clock is years ahead.
_LAST = Sync(
    "syn_7000000000e00000000000000a",
    "con_1",
    SyncState.SUCCEEDED,
    Progress("done", object_count=7),
    "",
    NOW,
)


async def _started(syncs: FakeSyncs, kind: SyncKind = SyncKind.INCREMENTAL) -> Sync:
    start = StartSync(FakeConnections(CONNECTION), syncs, _CLOCK)
    return (await start(Command(Service("somebody"), "con_1", kind))).result


async def test_sorts_after_the_newest_of_the_connection() -> None:
    """Whatever the clocks say: the catalog would refuse one that does not as superseded."""
    syncs, made = FakeSyncs(_LAST), [_LAST.sync_id]
    for _ in range(3):
        sync = await _started(syncs)
        made.append(sync.sync_id)
        syncs.last = replace(_LAST, sync_id=sync.sync_id)
    assert made == sorted(set(made))
    assert (await _started(FakeSyncs())).sync_id < ids.new_id("syn")


async def test_only_one_that_reads_everything_is_guessed() -> None:
    """From the last that did."""
    assert (await _started(FakeSyncs(_LAST), SyncKind.FULL)).expected_count == 7
    assert (await _started(FakeSyncs(_LAST))).expected_count == 0
    assert (await _started(FakeSyncs(), SyncKind.FULL)).expected_count == 0
