"""Looks by itself which leases are on their way, for when their events do not come.

Events only make the connector look sooner. Ending access must not need a broker, so while NATS is
away this is how the connector learns of it, within seconds; otherwise it is a slow second look.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from libs.db.writes import Writes
from libs.domain.changes import Outcome
from libs.domain.errors import LatchkeyError
from libs.events.broker import Broker
from services.connector.handlers.deliver_lease import DeliverLease
from services.connector.handlers.end_lease import EndLease
from services.connector.ports import Requests

EVERY_SECONDS = 2.0
_SLOWLY_SECONDS = 30.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LeaseLook:
    """The loop. Endings come first, the longest overdue before others."""

    requests: Requests
    deliver: DeliverLease
    end: EndLease
    writes: Writes
    broker: Broker
    _looked_at: float = float("-inf")

    async def __call__(self) -> None:
        """Looks once, unless events come and the last look is not long ago."""
        now = asyncio.get_running_loop().time()
        if self.broker.connected and now - self._looked_at < _SLOWLY_SECONDS:
            return
        try:
            for lease_id in await self.requests.ending():
                await self._see_to(lease_id, self.end)
            for lease_id in await self.requests.granted():
                await self._see_to(lease_id, self.deliver)
        except LatchkeyError as error:
            _log.warning("look_at_leases_failed", problem=error.message)
            return
        self._looked_at = now

    async def _see_to(
        self, lease_id: str, use_case: Callable[[str], Awaitable[Outcome[None]]]
    ) -> None:
        """One lease that can't be seen to does not keep the others waiting."""
        try:
            await self.writes.run(lambda: use_case(lease_id))
        except LatchkeyError as error:
            _log.warning("lease_waits", lease_id=lease_id, problem=error.message)
