"""One sync, from where the catalog has it to its end."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from libs.db.writes import Writes
from libs.domain.errors import LatchkeyError, Unavailable
from services.connector.domain.connection import Connection
from services.connector.domain.directory import (
    AppInScope,
    DirectoryEnd,
    DirectoryPage,
    Phase,
    ReadFailed,
    ReadingStart,
)
from services.connector.domain.sync import (
    COMPLETING,
    Checkpoint,
    HeldRemoval,
    Ingested,
    NumberedPage,
    Progress,
    Sync,
    SyncKind,
    TakenOver,
)
from services.connector.handlers.move_sync import MoveSync
from services.connector.loops.syncs.ahead import Failure, Flush, PagesAhead
from services.connector.loops.syncs.rate import Rate
from services.connector.ports import Catalog, Connections, Entra, Syncs

_SAVE_SECONDS = 1.0
_ENTRIES_AHEAD = 15_000
_ENTRIES_AT_ONCE = 20_000
_PAGES_AT_ONCE = 64
_STREAM_SECONDS = 2.0
_PATIENCE_SECONDS = 120.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_MOST_BEGINNINGS = 5
_log = structlog.get_logger(__name__)

T = TypeVar("T")


class _OutOfOrder(Exception):
    """The catalog has come further, or less far, than was known here."""


class SyncRun:
    """One sync, as one process runs it."""

    def __init__(
        self,
        syncs: Syncs,
        connections: Connections,
        entra: Entra,
        catalog: Catalog,
        move: MoveSync,
        writes: Writes,
        sync: Sync,
        connection: Connection,
    ) -> None:
        self._syncs = syncs
        self._connections = connections
        self._entra = entra
        self._catalog = catalog
        self._move = move
        self._writes = writes
        self._sync = sync
        self._connection = connection
        self._saved = sync.progress
        self._saved_at = float("-inf")
        self._phase = sync.progress.phase
        self._page_count = 0
        self._object_count = 0
        self._request_count = sync.progress.request_count
        self._rate = Rate()
        self._ahead = PagesAhead(_ENTRIES_AHEAD)
        self._unanswered: deque[NumberedPage] = deque()
        self._last_number = 0
        self._flush: Flush | None = None
        self._failure: Exception | None = None
        self._has_all = False

    async def to_the_end(self) -> None:
        """Reads and brings everything.

        Raises:
            ReadFailed: the sync can't be brought to its end.
            TakenOver: another process runs it.
            WrongState: somebody has ended it.
        """
        for is_last in [False] * (_MOST_BEGINNINGS - 1) + [True]:
            checkpoint = await self._checkpoint()
            is_ours = checkpoint.sync_id == self._sync.sync_id
            self._page_count = checkpoint.last_page_number if is_ours else 0
            self._object_count = checkpoint.seen_count if is_ours else 0
            if is_ours and checkpoint.completed:
                return await self._succeed(checkpoint.removed_count)
            try:
                return await self._from(checkpoint, is_resumed=is_ours)
            except _OutOfOrder as error:
                if is_last:
                    raise ReadFailed(f"the catalog refuses it: {error}") from error
                _log.info("sync_begins_again", sync_id=self._sync.sync_id, reason=str(error))

    async def _from(self, checkpoint: Checkpoint, *, is_resumed: bool) -> None:
        start = ReadingStart(
            checkpoint.checkpoint,
            checkpoint.round,
            is_whole=self._sync.kind is SyncKind.FULL,
            is_resumed=is_resumed,
        )
        self._ahead = PagesAhead(_ENTRIES_AHEAD)
        self._unanswered = deque()
        self._last_number = self._page_count
        self._flush = self._failure = None
        self._has_all = False
        reading = asyncio.create_task(self._read_all(start))
        try:
            await self._bring_all()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    # Reading: beside the bringing, as far ahead as there is room.

    async def _read_all(self, start: ReadingStart) -> None:
        pages = self._entra.read(self._connection, start, self._apps_in_scope, self._count_request)
        try:
            async for page in pages:
                if isinstance(page, Phase):
                    self._phase = page
                    continue
                if isinstance(page, DirectoryPage) and page.protected_ids:
                    # Kept before the catalog can have a checkpoint behind them.
                    await self._note_protected(page.protected_ids)
                await self._ahead.put(page)
        except (ReadFailed, TakenOver, LatchkeyError) as failure:
            await self._ahead.put(Failure(failure))
        except Exception as error:
            _log.error("read_fault", sync_id=self._sync.sync_id, exc_info=error)
            failed = ReadFailed(f"a fault of ours: {type(error).__name__}")
            await self._ahead.put(Failure(failed))

    def _count_request(self) -> None:
        self._request_count += 1

    async def _note_protected(self, protected_ids: Sequence[str]) -> None:
        sync = self._sync
        await self._writes.run(
            lambda: self._move.progress(sync.sync_id, sync.run, self._saved, protected_ids)
        )

    async def _apps_in_scope(self) -> Sequence[AppInScope]:
        """The catalog's apps, once it has every page that was read so far."""
        flush = Flush(asyncio.get_running_loop().create_future())
        await self._ahead.put(flush)
        await flush.done
        return await self._patiently(
            lambda: self._catalog.apps_in_scope(self._connection.connection_id)
        )

    # Bringing.

    async def _bring_all(self) -> None:
        pause, refused_since = _FIRST_PAUSE_SECONDS, None
        loop = asyncio.get_running_loop()
        held: tuple[HeldRemoval, ...] = ()
        while True:
            if not await self._something_to_bring():
                continue
            first = self._unanswered[0]
            if first.is_end:
                await self._save(COMPLETING)
                # It has the last word on the mode, which may be another since the sync began.
                known = await self._connections.get(self._connection.connection_id)
                self._connection = known or self._connection
            try:
                answer = await self._catalog.ingest(self._sync, self._connection, self._stream())
            except Unavailable as error:
                _log.warning("ingest_waits", sync_id=self._sync.sync_id, problem=error.message)
                await asyncio.sleep(pause)
                answer = await self._what_it_has()
                if answer.last_page_number < first.number:
                    # It answers, and does not take the page: it may never do so.
                    pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                    refused_since = refused_since or loop.time()
                    if loop.time() - refused_since > _PATIENCE_SECONDS:
                        raise ReadFailed(
                            f"the catalog does not take page {first.number}: {error.message}"
                        ) from error
            except LatchkeyError as error:
                raise await self._refused(error) from error
            if answer.last_page_number >= first.number:
                pause, refused_since = _FIRST_PAUSE_SECONDS, None
            last = self._answered(answer)
            if answer.held_removals and isinstance(first.content, DirectoryEnd):
                # The end itself is kept first: what is confirmed later is this, and nothing else.
                held = answer.held_removals
                self._unanswered = deque([_at_end(first.number, first.content)])
            elif last is not None and last.is_end:
                return await self._succeed(answer.removed_count)
            elif held and not self._unanswered:
                return await self._hold(held)
            await self._save(self._phase)

    async def _something_to_bring(self) -> bool:
        """Whether there is something; otherwise there may be a little later.

        Raises:
            Exception: what reading ended with, once everything before it was brought.
        """
        if self._unanswered:
            return True
        if self._flush is not None:
            if not self._flush.done.done():
                self._flush.done.set_result(None)
            self._flush = None
        if self._failure is not None:
            raise self._failure
        try:
            async with asyncio.timeout(_SAVE_SECONDS):
                await self._take()
        except TimeoutError:
            await self._save(self._phase)
        return bool(self._unanswered)

    def _answered(self, answer: Ingested) -> NumberedPage | None:
        """Lets go of the pages that the catalog has; returns the last of them."""
        last = None
        while self._unanswered and self._unanswered[0].number <= answer.last_page_number:
            last = self._unanswered.popleft()
        self._page_count, self._object_count = answer.last_page_number, answer.seen_count
        return last

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
                    if page.is_end and sent:
                        return
                    sent = page.number
                    yield page
            if self._is_full() or self._flush is not None or self._failure is not None:
                return
            try:
                async with asyncio.timeout_at(until):
                    await self._take()
            except TimeoutError:
                return

    def _is_full(self) -> bool:
        """Whether the catalog should answer before more is taken."""
        return bool(self._unanswered) and (
            self._has_all
            or len(self._unanswered) >= _PAGES_AT_ONCE
            or sum(page.entry_count for page in self._unanswered) >= _ENTRIES_AT_ONCE
        )

    async def _take(self) -> None:
        """Numbers the next page that was read, or notes what else came."""
        found = await self._ahead.get()
        if isinstance(found, Flush):
            self._flush = found
        elif isinstance(found, Failure):
            self._failure = found.error
        else:
            if isinstance(found, DirectoryEnd) and not found.was_held:
                # Whatever somebody agreed to, it was what another reading did not see.
                self._sync = replace(self._sync, removals_confirmed=False)
            self._last_number += 1
            self._unanswered.append(NumberedPage(self._last_number, found))
            self._has_all = isinstance(found, DirectoryEnd)

    async def _refused(self, error: LatchkeyError) -> Exception:
        """What a refusal of the catalog means."""
        if error.reason == "SYNC_PAGE_OUT_OF_ORDER":
            return _OutOfOrder(error.message)
        if error.reason == "SYNC_SUPERSEDED":
            now = await self._syncs.get(self._sync.sync_id)
            if now is None or now.is_over or now.run != self._sync.run:
                return TakenOver(error.message)
        return ReadFailed(f"the catalog refuses it: {error.message}")

    async def _what_it_has(self) -> Ingested:
        checkpoint = await self._checkpoint()
        if checkpoint.sync_id != self._sync.sync_id:
            return Ingested(0, 0)
        return Ingested(
            checkpoint.last_page_number,
            checkpoint.seen_count,
            checkpoint.completed,
            checkpoint.removed_count,
        )

    async def _checkpoint(self) -> Checkpoint:
        """How far the catalog is with the connection."""
        return await self._patiently(
            lambda: self._catalog.checkpoint(self._connection.connection_id)
        )

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Asks the catalog until it answers."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await ask()
            except Unavailable as error:
                if loop.time() > until:
                    raise ReadFailed(f"the catalog is away for too long: {error.message}") from None
            except LatchkeyError as error:
                raise ReadFailed(f"the catalog refuses it: {error.message}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    # What becomes of it.

    def _progress(self, phase: str) -> Progress:
        self._rate.note(asyncio.get_running_loop().time(), self._object_count)
        return Progress(
            phase,
            self._page_count,
            self._object_count,
            self._request_count,
            self._rate.per_second(),
        )

    async def _save(self, phase: str) -> None:
        """Keeps how far it is, when that is news: each phase, and otherwise once a second."""
        now = asyncio.get_running_loop().time()
        if phase == self._saved.phase and now - self._saved_at < _SAVE_SECONDS:
            return
        self._saved_at = now
        progress = self._progress(phase)
        if progress == self._saved:
            return
        self._saved = progress
        sync = self._sync
        await self._writes.run(lambda: self._move.progress(sync.sync_id, sync.run, progress))

    async def _succeed(self, removed_count: int) -> None:
        sync, progress = self._sync, self._progress(COMPLETING)
        await self._writes.run(
            lambda: self._move.succeed(sync.sync_id, sync.run, progress, removed_count)
        )

    async def _hold(self, removals: tuple[HeldRemoval, ...]) -> None:
        sync, progress = self._sync, self._progress(COMPLETING)
        would = {removal.kind: removal.removed_count for removal in removals}
        _log.warning("sync_held", sync_id=sync.sync_id, would_remove=would)
        await self._writes.run(lambda: self._move.hold(sync.sync_id, sync.run, progress, removals))


def _at_end(number: int, end: DirectoryEnd) -> NumberedPage:
    """A page that brings nothing but the checkpoint of the end."""
    page = DirectoryPage(Phase.APP_ROLE_ASSIGNMENTS, end.held_checkpoint, end.round)
    return NumberedPage(number, page)
