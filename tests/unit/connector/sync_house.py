"""A sync runner around a tenant and a catalog in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from libs.db.writes import Writes
from services.connector import ports
from services.connector.domain.connection import Connection, Credential, CredentialKind
from services.connector.domain.directory import (
    AppsInScope,
    DirectoryEnd,
    DirectoryPage,
    Phase,
    ReadingStart,
)
from services.connector.domain.sync import (
    Sync,
    SyncKind,
    SyncState,
    first_progress,
)
from services.connector.entra.lists import Lists
from services.connector.entra.sync import TenantReader
from services.connector.handlers.move_sync import MoveSync
from services.connector.loops.syncs.run import SyncRun
from tests.fakes.clock import FakeClock
from tests.fakes.connector_graph import FakeGraph, FakeTenant
from tests.fakes.connector_mirror import MirrorCatalog
from tests.fakes.connector_store import FakeConnections
from tests.fakes.connector_syncs import MemorySyncs

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CONNECTION = Connection(
    "con_1",
    "Contoso",
    "11111111-1111-1111-1111-111111111111",
    "22222222-2222-2222-2222-222222222222",
    Credential(CredentialKind.CLIENT_SECRET, "contoso"),
    "global",
    NOW,
)


@dataclass
class MemoryEntra:
    """The part of the port `Entra` that reads."""

    graph: FakeGraph

    async def read(
        self,
        connection: Connection,
        start: ReadingStart,
        apps: AppsInScope,
        count_request: Callable[[], None],
    ) -> AsyncIterator[Phase | DirectoryPage | DirectoryEnd]:
        reader = TenantReader(Lists(self.graph, pause=0.0), connection.entra_tenant_id)
        async for page in reader.read(start, apps):
            yield page


@dataclass
class SyncHouse:
    """One connection's syncs, from start to end."""

    tenant: FakeTenant = field(default_factory=FakeTenant)
    catalog: MirrorCatalog = field(default_factory=MirrorCatalog)
    syncs: MemorySyncs = field(default_factory=MemorySyncs)
    size: int = 3
    count: int = 0

    def __post_init__(self) -> None:
        self.graph = FakeGraph(self.tenant, self.size)
        self.connections = FakeConnections(CONNECTION)
        self.move = MoveSync(self.connections, self.syncs, FakeClock(NOW))

    def started(self, kind: SyncKind = SyncKind.INCREMENTAL) -> str:
        """A sync that waits to be run."""
        self.count += 1
        sync_id = f"syn_{self.count:04}"
        self.syncs.found[sync_id] = Sync(
            sync_id, "con_1", SyncState.RUNNING, first_progress(), "", NOW, kind=kind
        )
        return sync_id

    async def run(self, sync_id: str) -> Sync:
        """Takes a sync up and runs it to its end; how it is then."""
        await self.taken_up(sync_id)
        return await self.go(sync_id)

    async def taken_up(self, sync_id: str) -> SyncRun:
        """A run of a sync that has not begun."""
        sync = await self.syncs.run(lambda: self.move.take_up(sync_id))
        self.last_run = SyncRun(
            self.syncs,
            self.connections,
            cast(ports.Entra, MemoryEntra(self.graph)),
            self.catalog,
            self.move,
            cast(Writes, self.syncs),
            sync,
            CONNECTION,
        )
        return self.last_run

    async def go(self, sync_id: str) -> Sync:
        """Runs the run that was taken up last."""
        async with asyncio.timeout(20):
            await self.last_run.to_the_end()
        return self.syncs.found[sync_id]

    async def synced(self, kind: SyncKind = SyncKind.INCREMENTAL) -> Sync:
        """A sync from its start to its end."""
        return await self.run(self.started(kind))

    async def failed(self, sync_id: str) -> None:
        """Gives a sync up."""
        run = self.syncs.found[sync_id].run
        await self.syncs.run(lambda: self.move.fail(sync_id, run, "x"))

    async def cold(self) -> MirrorCatalog:
        """What a catalog has that never heard of the tenant, after a full sync."""
        other = SyncHouse(self.tenant, size=self.size)
        await other.synced(SyncKind.FULL)
        return other.catalog


def some_tenant() -> FakeTenant:
    """Seven people, five groups, four apps, and one of Microsoft's own that is out of scope."""
    tenant = FakeTenant()
    for number in range(7):
        tenant.put("user", f"u{number}")
    for number in range(5):
        tenant.put("group", f"g{number}")
        for member in range(number + 1):
            tenant.join(f"g{number}", f"u{member}")
    for number in range(4):
        tenant.put("app", f"s{number}")
        for principal in range(number + 2):
            tenant.assign(f"s{number}", f"u{principal}")
    tenant.assign("s3", "g1")
    microsoft = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
    tenant.put("app", "x-microsoft", tags=[], appOwnerOrganizationId=microsoft)
    tenant.lead("u1", "u0")
    tenant.lead("u2", "u0")
    return tenant
