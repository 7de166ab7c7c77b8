"""Starts the syncs that are due, of the tenants that this process serves."""

from dataclasses import dataclass

import structlog

from libs.db.writes import Writes
from libs.domain.callers import Service
from libs.domain.clock import Clock
from libs.domain.errors import LatchkeyError
from services.connector.handlers.start_sync import Command, StartSync
from services.connector.ports import Connections, Serving, Syncs

EVERY_SECONDS = 5.0
_CONNECTOR = Service("connector")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Schedules:
    """One look at every connection. What it goes by is in the database, so any process may look."""

    connections: Connections
    syncs: Syncs
    serving: Serving
    start: StartSync
    writes: Writes
    clock: Clock

    async def __call__(self) -> None:
        """Starts what is due."""
        for connection_id in sorted(self.serving.connection_ids()):
            try:
                await self._look_at(connection_id)
            except LatchkeyError as error:
                # Somebody has started one meanwhile, or the database is away: there is a next look.
                _log.info("schedule_waits", connection_id=connection_id, problem=error.message)

    async def _look_at(self, connection_id: str) -> None:
        connection = await self.connections.get(connection_id)
        if connection is None:
            return
        history = await self.syncs.history_of(connection_id)
        kind = history.due(connection.schedule, self.clock.now())
        if kind is None:
            return
        command = Command(_CONNECTOR, connection_id, kind)
        sync = await self.writes.run(lambda: self.start(command))
        _log.info("sync_due", connection_id=connection_id, sync_id=sync.sync_id, kind=kind.value)
