"""Which syncs run in this process: those of the tenants that it serves."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from libs.db.writes import Writes
from libs.domain.changes import Change
from libs.domain.errors import LatchkeyError, NotFound, Unavailable, WrongState
from services.connector.domain.directory import ReadFailed
from services.connector.domain.sync import Sync, TakenOver
from services.connector.handlers.move_sync import MoveSync
from services.connector.loops.syncs.run import SyncRun
from services.connector.ports import Catalog, Connections, Entra, Serving, Syncs

_POLL_SECONDS = 1.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SyncRunner:
    """The runner of one process."""

    syncs: Syncs
    connections: Connections
    entra: Entra
    catalog: Catalog
    serving: Serving
    move: MoveSync
    writes: Writes
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None

    def committed(self, changes: Sequence[Change]) -> None:
        """Has the runner begin a sync that was started, and stop one that was cancelled."""
        for change in changes:
            # Another mode of a connection starts one too.
            if change.audit.action in ("sync.started", "sync.confirmed", "connection.updated"):
                self._wake.set()
            elif change.audit.action == "sync.cancelled":
                self._stop(change.audit.resource_id)

    async def __aenter__(self) -> "SyncRunner":
        self.serving.on_change(self._wake.set)
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
                await self._look()
            except Unavailable as error:
                _log.warning("syncs_wait", problem=error.message)
            except Exception as error:
                _log.error("syncs_fault", exc_info=error)
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        """Begins what is to run here, and stops what is not to run here any more."""
        known = set(self._running)
        running = {
            sync.sync_id: sync
            for sync in await self.syncs.running()
            if self.serving.serves(sync.connection_id)
        }
        for sync_id in known - set(running):
            # Ended by somebody at another process, or the tenant's lock was lost.
            self._stop(sync_id)
        for sync_id, sync in running.items():
            if sync_id not in self._running:
                self._begin(sync)

    def _stop(self, sync_id: str) -> None:
        if (task := self._running.get(sync_id)) is not None:
            task.cancel()

    def _begin(self, sync: Sync) -> None:
        task = asyncio.create_task(self._carry_out(sync.sync_id), name=sync.sync_id)
        self._running[sync.sync_id] = task
        task.add_done_callback(lambda _: self._running.pop(sync.sync_id))

    async def _carry_out(self, sync_id: str) -> None:
        sync: Sync | None = None
        problem = ""
        try:
            sync = await self.writes.run(lambda: self.move.take_up(sync_id))
            connection = await self.connections.get(sync.connection_id)
            if connection is None:
                raise ReadFailed(f"there is no connection {sync.connection_id}")
            run = SyncRun(
                self.syncs,
                self.connections,
                self.entra,
                self.catalog,
                self.move,
                self.writes,
                sync,
                connection,
            )
            await run.to_the_end()
        except ReadFailed as failure:
            problem = str(failure)
        except TakenOver as news:
            _log.info("sync_left", sync_id=sync_id, reason=str(news))
        except (WrongState, NotFound):
            return  # somebody has ended it
        except LatchkeyError as error:
            # The sync still runs, and is taken up again with the next poll.
            _log.warning("sync_waits", sync_id=sync_id, problem=error.message)
        except Exception as error:
            _log.error("sync_fault", sync_id=sync_id, exc_info=error)
            problem = f"a fault of ours: {type(error).__name__}"
        if problem and sync is not None:
            await self._fail(sync, problem)

    async def _fail(self, sync: Sync, problem: str) -> None:
        _log.warning("sync_failed", sync_id=sync.sync_id, problem=problem)
        try:
            await self.writes.run(lambda: self.move.fail(sync.sync_id, sync.run, problem))
        except (LatchkeyError, TakenOver) as error:
            _log.warning("sync_waits", sync_id=sync.sync_id, problem=str(error))
