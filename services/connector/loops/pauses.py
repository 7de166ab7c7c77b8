"""The pauses that tenants ask for, kept so that whoever takes over obeys them too."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from libs.domain.clock import Clock
from libs.domain.errors import Unavailable
from services.connector.ports import Connections, Entra, Throttles

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Pauses:
    """One process's part in it."""

    connections: Connections
    entra: Entra
    throttles: Throttles
    clock: Clock
    _heard: set[str] = field(default_factory=set)
    _notes: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def __aenter__(self) -> "Pauses":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Lets the last notes be written."""
        await asyncio.gather(*self._notes, return_exceptions=True)

    async def obey(self, connection_id: str) -> None:
        """Closes a tenant's gate for what is left of its last pause. Before anything calls it.

        Raises:
            Unavailable: it can't be read.
        """
        connection = await self.connections.get(connection_id)
        if connection is None:
            return
        gate = self.entra.gate(connection)
        now = self.clock.now()
        until = await self.throttles.until(connection_id)
        if until is not None and until > now:
            # It was said to whoever worked on the tenant before.
            gate.close_for(until - now)
        if connection_id not in self._heard:
            self._heard.add(connection_id)
            gate.on_throttled(lambda pause: self._throttled(connection_id, pause))

    def _throttled(self, connection_id: str, pause: timedelta) -> None:
        """Keeps it, beside everything else: it is needed only if this process ends."""
        until = self.clock.now() + pause
        task = asyncio.create_task(self._note(connection_id, until), name="throttled")
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _note(self, connection_id: str, until: datetime) -> None:
        try:
            await self.throttles.note(connection_id, until)
        except Unavailable as error:
            _log.warning("throttle_not_kept", connection_id=connection_id, problem=error.message)
