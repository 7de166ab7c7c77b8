"""Syncs of a simulated tenant into a real catalog, without the rest of the connector around them.

A second catalog takes cold full syncs of the same tenant, to compare with.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection as Rows
from sqlalchemy import Table, delete, select

from libs.db.writes import Writes
from libs.domain.ids import new_id
from libs.rpc.peers import Peer
from libs.rpc.tokens import TokenFile
from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    syncs,
)
from services.connector import ports
from services.connector.clients import CatalogClient
from services.connector.domain.connection import Connection, Credential, CredentialKind
from services.connector.domain.sync import Sync, SyncKind, SyncState, first_progress
from services.connector.entra.clouds import clouds
from services.connector.entra.secrets import SecretsFolder
from services.connector.entra.tenants import Tenants
from services.connector.handlers.move_sync import MoveSync
from services.connector.loops.syncs.run import SyncRun
from tests.fakes.clock import MachineClock
from tests.fakes.connector_store import FakeConnections
from tests.fakes.connector_syncs import MemorySyncs
from tests.integration.catalog.running import RunningCatalog, running_catalog
from tests.integration.entra_simulator import cast as actors
from tests.support.issuer import TestIssuer
from tools.entra_simulator import Simulator

_MIRROR = (directory_memberships, directory_assignments, directory_groups, directory_users, apps)
# What two catalogs of the same tenant do not share.
_OWN = frozenset(
    {
        "round",
        "sync_time",
        "create_time",
        "since_time",
        "version",
        "assignments_digest",
        "digest",
        "doomed",
    }
)

Mirror = Mapping[str, frozenset[tuple[tuple[str, str], ...]]]


@dataclass
class Mirrored:
    """A catalog, and the connector's client for it."""

    running: RunningCatalog
    client: CatalogClient
    syncs: MemorySyncs = field(default_factory=MemorySyncs)

    async def mirror(self, *, whole: bool = True) -> Mirror:
        """Every row that it serves, without what says when it was seen.

        Between syncs (`whole`) no row may be one that is to be removed.
        """
        found = {}
        for table in _MIRROR:
            rows = await self.running.service.database.read(_reading(table))
            assert not whole or not any(row["doomed"] for row in rows), table.name
            found[table.name] = frozenset(
                tuple((name, str(value)) for name, value in sorted(row.items()) if name not in _OWN)
                for row in rows
            )
        return found

    async def is_completed(self) -> bool:
        """Whether the newest sync is complete here; the connector may not have heard of it yet."""
        database = self.running.service.database
        query = select(syncs.c.completed)
        return bool(await database.read(lambda rows: rows.execute(query).scalar()))

    async def forget(self) -> None:
        """As if it had never heard of the tenant."""

        def work(rows: Rows) -> None:
            for table in (*_MIRROR, syncs):
                rows.execute(delete(table))

        await self.running.service.database.write(work)


def _reading(table: Table) -> Any:
    def work(rows: Rows) -> list[dict[str, Any]]:
        return [dict(row) for row in rows.execute(select(table)).mappings()]

    return work


@dataclass
class TenantHouse:
    """One tenant and its two catalogs."""

    simulator: Simulator
    tenants: Tenants
    connection: Connection
    warm: Mirrored
    cold: Mirrored

    def started(self, kind: SyncKind, where: Mirrored | None = None) -> str:
        """A sync that waits to be run."""
        sync_id = new_id("syn")
        connection_id = self.connection.connection_id
        (where or self.warm).syncs.found[sync_id] = Sync(
            sync_id,
            connection_id,
            SyncState.RUNNING,
            first_progress(),
            "",
            datetime.now(UTC),
            kind=kind,
        )
        return sync_id

    async def taken_up(self, sync_id: str, where: Mirrored | None = None) -> SyncRun:
        """A run of a sync."""
        where = where or self.warm
        connections = FakeConnections(self.connection)
        move = MoveSync(connections, where.syncs, MachineClock())
        sync = await where.syncs.run(lambda: move.take_up(sync_id))
        return SyncRun(
            where.syncs,
            connections,
            cast(ports.Entra, self.tenants),
            where.client,
            move,
            cast(Writes, where.syncs),
            sync,
            self.connection,
        )

    async def synced(
        self, kind: SyncKind = SyncKind.INCREMENTAL, where: Mirrored | None = None
    ) -> Sync:
        """A sync from its start to its end."""
        where = where or self.warm
        sync_id = self.started(kind, where)
        async with asyncio.timeout(60):
            await (await self.taken_up(sync_id, where)).to_the_end()
        return where.syncs.found[sync_id]

    async def confirmed(self, sync: Sync) -> Sync:
        """A held sync once somebody has agreed to it."""
        self.warm.syncs.found[sync.sync_id] = sync.confirmed()
        await (await self.taken_up(sync.sync_id)).to_the_end()
        return self.warm.syncs.found[sync.sync_id]

    async def control(self) -> Mirror:
        """What a catalog has after a cold full sync, on a good day from here on."""
        self.calm()
        await self.cold.forget()
        sync = await self.synced(SyncKind.FULL, self.cold)
        assert sync.state is SyncState.SUCCEEDED, sync.problem
        return await self.cold.mirror()

    def calm(self) -> None:
        """A tenant on a good day: nothing goes wrong."""
        self.simulator.behaviour.change({}, keep=False)
        self.simulator.faults.clear()

    def asked(self, since: int) -> list[str]:
        """The paths of the requests since an entry of the journal; a batch is one."""
        return [
            entry["path"]
            for entry in self.simulator.journal.entries(since)
            if entry["source"] == "graph" and "batch" not in entry
        ]


class RunningTenants:
    """The two catalogs, for one simulated tenant after the other."""

    def __init__(self, warm_url: str, cold_url: str, nats_url: str, folder: Path) -> None:
        self._urls = (warm_url, cold_url)
        self._nats_url = nats_url
        self._folder = folder
        self._parts = AsyncExitStack()
        self._mirrored: list[Mirrored] = []

    async def begin(self) -> None:
        """Starts them."""
        self._folder.mkdir(exist_ok=True)
        issuer = TestIssuer(self._folder / "issuer")
        self._secrets = self._folder / "secrets"
        self._secrets.mkdir()
        (self._secrets / "contoso").write_text(actors.CONNECTOR_SECRET)
        token = TokenFile(issuer.service_token_file("connector"))
        for url in self._urls:
            running = await self._parts.enter_async_context(
                running_catalog(url, self._nats_url, issuer)
            )
            peer = await self._parts.enter_async_context(Peer("catalog", running.address, token))
            self._mirrored.append(Mirrored(running, CatalogClient(peer)))

    async def end(self) -> None:
        """Stops them."""
        await self._parts.aclose()

    @asynccontextmanager
    async def of(self, simulator: Simulator) -> AsyncIterator[TenantHouse]:
        """A tenant that nobody has heard of."""
        for mirrored in self._mirrored:
            await mirrored.forget()
            mirrored.syncs = MemorySyncs()
        async with _tenants(self._secrets, simulator) as tenants:
            yield TenantHouse(simulator, tenants, _connection(simulator), *self._mirrored)

    async def __aenter__(self) -> "RunningTenants":
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()


def _tenants(secrets: Path, simulator: Simulator) -> Tenants:
    known = clouds(simulator_url=simulator.url, simulator_ca_file=simulator.ca_path)
    return Tenants(
        known, SecretsFolder(secrets), writes_per_second=1000.0, units_per_second=10_000.0
    )


def _connection(simulator: Simulator) -> Connection:
    return Connection(
        new_id("con"),
        "Marlowe Instruments",
        simulator.tenant.id,
        actors.CONNECTOR,
        Credential(CredentialKind.CLIENT_SECRET, "contoso"),
        "simulator",
        datetime.now(UTC),
    )
