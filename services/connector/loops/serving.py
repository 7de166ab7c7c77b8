"""Which tenants this process works on.

One process at a time serves a tenant: it syncs it and provisions in it, so that the tenant's
limits are kept in one place and nothing is done twice. Processes that share a database agree on it
by a lock that ends with its holder, and any of them takes over within a second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from libs.db.locks import Locks
from libs.domain.changes import Change
from libs.domain.errors import Unavailable
from libs.domain.paging import PageRequest
from services.connector.ports import Connections

_EVERY_SECONDS = 1.0
_PAGE = 500
_log = structlog.get_logger(__name__)

OnChange = Callable[[], None]


@dataclass(slots=True)
class Serving:
    """The tenants that this process serves, by their connections."""

    connections: Connections
    locks: Locks
    # What has to be known of a tenant before anything may call it.
    prepare: Callable[[str], Awaitable[None]]
    _connection_ids: frozenset[str] = frozenset()
    _listeners: list[OnChange] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None

    def serves(self, connection_id: str) -> bool:
        """Whether this process works on the tenant. Asked right before each call of it."""
        return connection_id in self._connection_ids and self.locks.holds(_name(connection_id))

    def connection_ids(self) -> frozenset[str]:
        """The connections of all tenants that this process works on."""
        return frozenset(found for found in self._connection_ids if self.serves(found))

    def on_change(self, listener: OnChange) -> None:
        """Has `listener` told, on the event loop, when a tenant came or went."""
        self._listeners.append(listener)

    def committed(self, changes: Sequence[Change]) -> None:
        """Has a new tenant served at once."""
        if any(change.audit.action == "connection.created" for change in changes):
            self._wake.set()

    async def __aenter__(self) -> "Serving":
        self._task = asyncio.create_task(self._run(), name="serving")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leaves every tenant to others. What works on them has ended before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.locks.close()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._take_all()
            except Unavailable as error:
                _log.warning("serving_waits", problem=error.message)
            except Exception as error:
                _log.error("serving_fault", exc_info=error)
            try:
                async with asyncio.timeout(_EVERY_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _take_all(self) -> None:
        """Takes what nobody serves."""
        for connection_id in await self._all():
            if self.serves(connection_id):
                continue
            # What it was told before it was lost may be out of date.
            self._connection_ids -= {connection_id}
            if await self.locks.acquire(_name(connection_id), self._lost):
                await self.prepare(connection_id)
                _log.info("tenant_served", connection_id=connection_id)
                self._connection_ids |= {connection_id}
                self._tell()

    def _lost(self) -> None:
        _log.warning("tenant_lost")
        self._wake.set()
        self._tell()

    async def _all(self) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            page = await self.connections.page(PageRequest(_PAGE, token, ("serving",)))
            found += [connection.connection_id for connection in page.items]
            if not page.next_page_token:
                return found
            token = page.next_page_token

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


def _name(connection_id: str) -> str:
    return f"tenant {connection_id}"
