"""The connector's syncs in memory, with what keeps them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from libs.domain.changes import Change, Fact, Outcome, Write
from libs.domain.paging import Page, PageRequest
from services.connector.domain.sync import History, Sync, SyncState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Save(Write):
    sync: Sync


@dataclass
class MemorySyncs:
    """The port `Syncs`, and what was told."""

    found: dict[str, Sync] = field(default_factory=dict)
    told: list[Fact] = field(default_factory=list)

    async def get(self, sync_id: str) -> Sync | None:
        return self.found.get(sync_id)

    async def running(self) -> list[Sync]:
        return [sync for sync in self.found.values() if sync.state is SyncState.RUNNING]

    async def running_of(self, connection_id: str) -> Sync | None:
        return next((sync for sync in self.found.values() if not sync.is_over), None)

    async def last_succeeded_of(self, connection_id: str) -> Sync | None:
        raise AssertionError("not asked here")

    async def history_of(self, connection_id: str) -> History:
        raise AssertionError("not asked here")

    async def page(self, request: PageRequest, *, connection_id: str) -> Page[Sync]:
        raise AssertionError("not asked here")

    def added(self, sync: Sync) -> tuple[Write, ...]:
        return (_Save(sync),)

    def updated(self, sync: Sync) -> tuple[Write, ...]:
        return (_Save(sync),)

    async def run(self, use_case: Callable[[], Awaitable[Outcome[T]]]) -> T:
        """As `Writes` does: runs a use case and keeps what it returns."""
        outcome = await use_case()
        change: Change | None = outcome.change
        if change is not None:
            for write in change.writes:
                if isinstance(write, _Save):
                    after = replace(write.sync, version=write.sync.version + 1)
                    self.found[after.sync_id] = after
            self.told += change.facts
        return outcome.result
