"""Bringing what was read to a catalog that breaks off streams."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar, cast

import pytest

from libs.db.writes import Writes
from libs.domain.changes import Outcome
from libs.domain.errors import Unavailable, WrongState
from services.connector import ports
from services.connector.domain.connection import Connection
from services.connector.domain.directory import (
    DirectoryEnd,
    DirectoryPage,
    Membership,
    Phase,
    ReadFailed,
)
from services.connector.domain.sync import (
    Checkpoint,
    Ingested,
    NumberedPage,
    Progress,
    Sync,
    SyncState,
)
from services.connector.handlers.move_sync import MoveSync
from services.connector.loops.syncs import run as loop_module
from services.connector.loops.syncs.run import SyncRun
from tests.fakes.connector_store import FakeConnections
from tests.unit.connector.sync_house import CONNECTION

T = TypeVar("T")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
SYNC = Sync("syn_1", "con_1", SyncState.RUNNING, Progress(Phase.USERS), "", NOW, run=1)
AWAY = Unavailable("the catalog service", "away")


class Catalog:
    """The port `Catalog`: takes pages in order, as far as `breaks` lets each call."""

    def __init__(self, *breaks: int) -> None:
        """Each of the first calls takes so many pages, and fails when the next one comes."""
        self._breaks = list(breaks)
        self.taken: list[int] = []
        self.calls: list[list[int]] = []
        self.completed = False
        self._consumers: list[asyncio.Task[None]] = []

    async def checkpoint(self, connection_id: str) -> Checkpoint:
        return Checkpoint(SYNC.sync_id, len(self.taken), "", self.completed)

    async def ingest(
        self, sync: Sync, connection: Connection, pages: AsyncIterator[NumberedPage]
    ) -> Ingested:
        sent: asyncio.Queue[NumberedPage | None] = asyncio.Queue()
        over = False

        async def consume() -> None:
            # As gRPC does: it goes on asking for pages until it finds that the call is over.
            async for page in pages:
                if over:
                    return
                sent.put_nowait(page)
            sent.put_nowait(None)

        self._consumers.append(asyncio.create_task(consume()))
        most = self._breaks.pop(0) if self._breaks else None
        numbers: list[int] = []
        self.calls.append(numbers)
        try:
            while most is None or len(numbers) < most:
                if (page := await sent.get()) is None:
                    if most is not None:
                        raise AWAY
                    return Ingested(len(self.taken), len(self.taken), self.completed)
                numbers.append(page.number)
                if most is not None:
                    continue
                if page.number > len(self.taken):
                    if page.number != len(self.taken) + 1:
                        raise WrongState("SYNC_PAGE_OUT_OF_ORDER", f"{page.number}")
                    self.taken.append(page.number)
                    self.completed = page.is_end
            raise AWAY
        finally:
            over = True

    async def close(self) -> None:
        for task in self._consumers:
            task.cancel()
        await asyncio.gather(*self._consumers, return_exceptions=True)


class Tenant:
    """The part of the port `Entra` that reads: pages that come when they are let."""

    def __init__(self, count: int) -> None:
        self.let = asyncio.Semaphore(0)
        self._count = count

    async def read(self, *_: object) -> AsyncIterator[DirectoryPage | DirectoryEnd]:
        for number in range(self._count):
            await self.let.acquire()
            found = Membership(f"group-{number}", "user")
            yield DirectoryPage(Phase.GROUPS, str(number), 1, memberships=(found,))
        yield DirectoryEnd("end", "held", 1, ())


class _Writes:
    async def run(self, use_case: Callable[[], Awaitable[Outcome[T]]]) -> T:
        return (await use_case()).result


class _Moves:
    """The use cases that note how far it is; `succeeded` when it has come to its end."""

    succeeded = False

    async def progress(self, *_: object) -> Outcome[None]:
        return Outcome(None)

    async def succeed(self, *_: object) -> Outcome[None]:
        self.succeeded = True
        return Outcome(None)


def _run(tenant: Tenant, catalog: Catalog, moves: _Moves) -> SyncRun:
    return SyncRun(
        cast(ports.Syncs, None),
        FakeConnections(CONNECTION),
        cast(ports.Entra, tenant),
        cast(ports.Catalog, catalog),
        cast(MoveSync, moves),
        cast(Writes, _Writes()),
        SYNC,
        CONNECTION,
    )


def _let(tenant: Tenant, times: Iterable[object]) -> None:
    for _ in times:
        tenant.let.release()


async def test_a_last_stream_that_is_broken_off_is_brought_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pages that wait together with the completing message are brought, and the sync ends."""
    monkeypatch.setattr(loop_module, "_FIRST_PAUSE_SECONDS", 0.01)
    tenant, catalog, moves = Tenant(3), Catalog(3), _Moves()
    _let(tenant, range(3))
    async with asyncio.timeout(10):
        await _run(tenant, catalog, moves).to_the_end()
    await catalog.close()
    assert (catalog.taken, catalog.completed, moves.succeeded) == ([1, 2, 3, 4], True, True)
    assert catalog.calls[-1] == [4], "the completing message travels alone"


async def test_a_stream_that_is_broken_off_takes_no_page_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a broken stream still took while it waited is not passed over by the next one."""
    monkeypatch.setattr(loop_module, "_FIRST_PAUSE_SECONDS", 0.01)
    tenant, catalog, moves = Tenant(4), Catalog(1), _Moves()
    task = asyncio.create_task(_run(tenant, catalog, moves).to_the_end())
    _let(tenant, range(1))
    async with asyncio.timeout(10):
        while len(catalog.calls) < 2 or not catalog.calls[1]:
            await asyncio.sleep(0.01)
        # Now the broken stream and the new one both wait for the next page.
        _let(tenant, range(3))
        await task
    await catalog.close()
    assert (catalog.taken, moves.succeeded) == ([1, 2, 3, 4, 5], True)


async def test_a_page_that_is_never_taken_ends_the_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog that answers and never takes a page is not asked for ever."""
    monkeypatch.setattr(loop_module, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(loop_module, "_PATIENCE_SECONDS", 0.05)
    tenant, catalog = Tenant(1), Catalog(*[1] * 1000)
    _let(tenant, range(1))
    async with asyncio.timeout(10):
        with pytest.raises(ReadFailed, match="does not take page 1"):
            await _run(tenant, catalog, _Moves()).to_the_end()
    await catalog.close()
