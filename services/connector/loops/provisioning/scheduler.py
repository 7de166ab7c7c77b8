"""The schedulers of all tenants that this process works on."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import structlog

from libs.domain.changes import Change
from libs.domain.errors import Unavailable
from services.connector.handlers.mend_delivery import MendDelivery
from services.connector.loops.provisioning.parts import Parts
from services.connector.loops.provisioning.rooms import TenantRooms
from services.connector.loops.provisioning.tenant import TenantScheduler
from services.connector.ports import Room, Serving

_MOST_MENDED = 200
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ProvisioningScheduler:
    """One scheduler a tenant, for as long as this process works on it."""

    parts: Parts
    serving: Serving
    mend_delivery: MendDelivery
    _tenants: dict[str, TenantScheduler] = field(default_factory=dict)
    _rooms: TenantRooms = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self._rooms = TenantRooms(self._tenants)

    def room(self) -> AbstractContextManager[Room]:
        """Room for the first attempts of one delivery."""
        return self._rooms.room()

    def committed(self, changes: Sequence[Change]) -> None:
        """Lets go what leaves with these changes. Has the tenants looked at, at once, when others
        may have brought work."""
        actions = {change.audit.action for change in self._rooms.committed(changes)}
        if any(action.startswith(("delivery.", "operation.")) for action in actions):
            for tenant in self._tenants.values():
                tenant.wake(urgent="delivery.ended" in actions)

    async def __aenter__(self) -> "ProvisioningScheduler":
        self.serving.on_change(self._changed.set)
        self._task = asyncio.create_task(self._run(), name="provisioning")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Begins nothing more, and lets what is under way be answered, for a few seconds.

        What is cut off then is of unknown outcome, and made again after the next start.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(tenant.end() for tenant in self._tenants.values()))

    async def mend(self) -> None:
        """Sees to it that every delivery on its way in or out is being worked on."""
        for lease_id in await self.parts.provisioning.open_deliveries(_MOST_MENDED):
            if await self._mended(lease_id):
                _log.error("delivery_mended", lease_id=lease_id)

    async def _mended(self, lease_id: str) -> bool:
        return await self.parts.writes.run(lambda: self.mend_delivery(lease_id))

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            served = self.serving.connection_ids()
            for connection_id in self._tenants.keys() - served:
                # Somebody else may work on it at this moment.
                await self._tenants.pop(connection_id).stop()
            waiting = False
            for connection_id in served - self._tenants.keys():
                try:
                    await self._begin(connection_id)
                except Unavailable as error:
                    _log.warning("tenant_waits", connection_id=connection_id, problem=error.message)
                    waiting = True
            try:
                async with asyncio.timeout(1.0 if waiting else None):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _begin(self, connection_id: str) -> None:
        connection = await self.parts.connections.get(connection_id)
        if connection is None:
            return
        gate = self.parts.entra.gate(connection)
        self._tenants[connection_id] = TenantScheduler(
            connection_id, gate, self.serving, self.parts
        )
