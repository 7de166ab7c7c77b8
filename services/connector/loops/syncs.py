"""Runs syncs: reads the tenant, and brings what it read to the catalog page by page.

Each page travels with a checkpoint that the catalog commits together with it, so the catalog alone
says where a sync that was cut off goes on. Pages are kept until the catalog has answered for them:
when it went away in between it is sent the very same ones, since it passes over those that it has.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import structlog

from libs.db.writes import Writes
from libs.domain.changes import Change
from libs.domain.errors import LatchkeyError, NotFound, Unavailable, WrongState
from services.connector.domain.connection import Connection
from services.connector.domain.directory import DirectoryPage, ReadFailed
from services.connector.domain.sync import COMPLETING, Progress, Sync
from services.connector.handlers.move_sync import MoveSync
from services.connector.ports import (
    Catalog,
    Checkpoint,
    Connections,
    Entra,
    Ingested,
    NumberedPage,
    Syncs,
)

_POLL_SECONDS = 1.0
_PAGES_AHEAD = 8
_PAGES_AT_ONCE = 32
_STREAM_SECONDS = 2.0
_PATIENCE_SECONDS = 120.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SyncRunner:
    """The runner of one process; one process works on a database at a time."""

    syncs: Syncs
    connections: Connections
    entra: Entra
    catalog: Catalog
    move: MoveSync
    writes: Writes
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    def committed(self, changes: Sequence[Change]) -> None:
        """Has the runner begin a sync that was started, and stop one that was cancelled."""
        for change in changes:
            if change.audit.action == "sync.started":
                self._wake.set()
            elif change.audit.action == "sync.cancelled":
                running = self._running.get(change.audit.resource_id)
                if running is not None:
                    running.cancel()

    async def __aenter__(self) -> "SyncRunner":
        self._task = asyncio.create_task(self._run(), name="syncs")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stops at once. Syncs that run go on after the next start."""
        tasks = [*self._running.values(), *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                for sync in await self.syncs.running():
                    if sync.sync_id not in self._running:
                        self._begin(sync)
            except Unavailable as error:
                _log.warning("syncs_wait", problem=error.message)
            except Exception as error:
                _log.error("syncs_fault", exc_info=error)
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _begin(self, sync: Sync) -> None:
        task = asyncio.create_task(self._carry_out(sync), name=sync.sync_id)
        self._running[sync.sync_id] = task
        task.add_done_callback(lambda _: self._running.pop(sync.sync_id))

    async def _carry_out(self, sync: Sync) -> None:
        problem = ""
        try:
            connection = await self.connections.get(sync.connection_id)
            if connection is None:
                raise ReadFailed(f"there is no connection {sync.connection_id}")
            run = _Run(self, sync, connection)
            await run.to_the_end()
        except ReadFailed as failure:
            problem = str(failure)
        except (WrongState, NotFound):
            return  # somebody has ended it
        except LatchkeyError as error:
            # The sync still runs, and is taken up again with the next poll.
            _log.warning("sync_waits", sync_id=sync.sync_id, problem=error.message)
        except Exception as error:
            _log.error("sync_fault", sync_id=sync.sync_id, exc_info=error)
            problem = f"a fault of ours: {type(error).__name__}"
        if problem:
            await self._fail(sync, problem)

    async def _fail(self, sync: Sync, problem: str) -> None:
        _log.warning("sync_failed", sync_id=sync.sync_id, problem=problem)
        try:
            await self.writes.run(lambda: self.move.fail(sync.sync_id, problem))
        except LatchkeyError as error:
            _log.warning("sync_waits", sync_id=sync.sync_id, problem=error.message)


class _Run:
    """One sync from a checkpoint to its end."""

    def __init__(self, runner: SyncRunner, sync: Sync, connection: Connection) -> None:
        self._runner = runner
        self._sync = sync
        self._connection = connection
        self._progress = sync.progress
        self._requests = sync.progress.request_count
        self._saved_at = float("-inf")
        self._read: asyncio.Queue[DirectoryPage | ReadFailed | None] = asyncio.Queue(_PAGES_AHEAD)
        self._unanswered: deque[NumberedPage] = deque()
        self._last_number = 0
        self._failure: ReadFailed | None = None
        self._completed = False

    async def to_the_end(self) -> None:
        """Reads and brings everything.

        Raises:
            ReadFailed: the sync can't be brought to its end.
            WrongState: somebody has ended it.
        """
        checkpoint = await self._checkpoint()
        if not checkpoint.completed:
            self._last_number = checkpoint.last_page_number
            reading = asyncio.create_task(self._read_all(checkpoint.checkpoint))
            try:
                await self._bring_all()
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        await self._runner.writes.run(
            lambda: self._runner.move.succeed(self._sync.sync_id, self._progress)
        )

    async def _read_all(self, checkpoint: str) -> None:
        try:
            pages = self._runner.entra.read(self._connection, checkpoint, self._count_request)
            async for page in pages:
                if page.protected_ids:
                    # Kept before the catalog can have a checkpoint behind them.
                    await self._note_protected(page)
                if page.objects:
                    await self._read.put(page)
            await self._read.put(None)
        except ReadFailed as failure:
            await self._read.put(failure)
        except Exception as error:
            _log.error("read_fault", sync_id=self._sync.sync_id, exc_info=error)
            await self._read.put(ReadFailed(f"a fault of ours: {type(error).__name__}"))

    async def _note_protected(self, page: DirectoryPage) -> None:
        await self._runner.writes.run(
            lambda: self._runner.move.progress(
                self._sync.sync_id, self._progress, page.protected_ids
            )
        )

    def _count_request(self) -> None:
        self._requests += 1

    async def _bring_all(self) -> None:
        pause, refused_since = _FIRST_PAUSE_SECONDS, None
        loop = asyncio.get_running_loop()
        while not self._completed:
            if not self._unanswered and not await self._take():
                assert self._failure is not None, "reading ends with a page or a failure"
                raise self._failure
            if self._unanswered[0].page is None:
                await self._save(COMPLETING)
            first = self._unanswered[0].number
            try:
                answer = await self._runner.catalog.ingest(
                    self._sync.sync_id, self._connection, self._stream()
                )
            except Unavailable as error:
                _log.warning("ingest_waits", sync_id=self._sync.sync_id, problem=error.message)
                await asyncio.sleep(pause)
                checkpoint = await self._checkpoint()
                answer = Ingested(checkpoint.last_page_number, self._progress.object_count)
                if answer.last_page_number < first:
                    # It answers, and does not take the page: it may never do so.
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                    refused_since = refused_since or loop.time()
                    if loop.time() - refused_since > _PATIENCE_SECONDS:
                        raise ReadFailed(
                            f"the catalog does not take page {first}: {error.message}"
                        ) from error
            except LatchkeyError as error:
                raise ReadFailed(f"the catalog refuses it: {error.message}") from error
            if answer.last_page_number >= first:
                pause, refused_since = _FIRST_PAUSE_SECONDS, None
            await self._save(self._answered(answer), answer)

    def _answered(self, answer: Ingested) -> str:
        """Lets go of the pages that the catalog has; returns the phase it has come to."""
        phase = self._progress.phase
        while self._unanswered and self._unanswered[0].number <= answer.last_page_number:
            page = self._unanswered.popleft().page
            phase = COMPLETING if page is None else page.phase
            self._completed = page is None
        return phase

    async def _stream(self) -> AsyncIterator[NumberedPage]:
        """What the catalog has not answered for, and what is read in the next moments.

        It ends soon, for only then the catalog says what it has. The completing message travels
        alone. A stream that the catalog broke off may still be waiting for a page, and take one
        beside this one: so what is sent goes by the numbers, not by who took it.
        """
        until = asyncio.get_running_loop().time() + _STREAM_SECONDS
        sent = 0
        while True:
            for page in tuple(self._unanswered):
                if page.number > sent:
                    if page.page is None and sent:
                        return
                    sent = page.number
                    yield page
            if self._has_all() or len(self._unanswered) >= _PAGES_AT_ONCE:
                return
            try:
                async with asyncio.timeout_at(until):
                    if not await self._take():
                        return
            except TimeoutError:
                return

    def _has_all(self) -> bool:
        """Whether the newest of the unanswered is the completing message."""
        return bool(self._unanswered) and self._unanswered[-1].page is None

    async def _take(self) -> bool:
        """Numbers the next page that was read. False when reading has failed."""
        if self._failure is not None:
            return False
        page = await self._read.get()
        if isinstance(page, ReadFailed):
            self._failure = page
            return False
        self._last_number += 1
        self._unanswered.append(NumberedPage(self._last_number, page))
        return True

    async def _save(self, phase: str, answer: Ingested | None = None) -> None:
        """Keeps how far it is: each new phase, and otherwise once a second."""
        before = self._progress
        self._progress = Progress(
            phase,
            before.page_count if answer is None else answer.last_page_number,
            before.object_count if answer is None else answer.seen_count,
            self._requests,
        )
        now = asyncio.get_running_loop().time()
        if phase == before.phase and now - self._saved_at < _POLL_SECONDS:
            return
        self._saved_at = now
        progress = self._progress
        await self._runner.writes.run(
            lambda: self._runner.move.progress(self._sync.sync_id, progress)
        )

    async def _checkpoint(self) -> Checkpoint:
        """How far the catalog has the sync, asked for until it answers."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._runner.catalog.checkpoint(self._sync.sync_id)
            except Unavailable as error:
                if loop.time() > until:
                    raise ReadFailed(f"the catalog is away for too long: {error.message}") from None
            except LatchkeyError as error:
                raise ReadFailed(f"the catalog refuses it: {error.message}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
