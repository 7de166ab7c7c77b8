"""A house to be measured: a crowd in its tenant, an app that everyone may ask for."""

import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from latchkey.connector.v1 import sync_pb2
from libs.domain import ids
from tools.bench.figures import BenchError
from tools.bench.processes import Processes
from tools.bench.tenant import crowd, manager_of, write_tenant
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.client import Client
from tools.dev.databases import database_urls
from tools.dev.decisions import MANAGER_APPROVAL, Rulebook
from tools.dev.entra import Entra
from tools.dev.guide import Guide
from tools.dev.house import House
from tools.dev.issuer import SERVICES
from tools.dev.postgres import PostgresServer

# What the simulated directory must not be: slower than it was told to be.
_CONNECTOR = {"WRITES_PER_SECOND": "10000", "UNITS_PER_SECOND": "10000"}
SYNC_SECONDS = 900.0


@dataclass(slots=True)
class Stage:
    """The house, the people who have not asked yet, and what they can ask for.

    `access` is granted at once and brings an assignment and a membership; `role` is for a manager
    to decide and brings a membership.
    """

    house: House
    postgres: PostgresServer | None
    database_urls: Mapping[str, str]
    operator: Client
    everybody: list[Member]
    cold_start_seconds: float
    first_sync_seconds: float
    connection_id: str
    app_id: str
    access: str
    role: str
    _tokens: dict[str, str] = field(default_factory=dict)
    _next: int = 64

    @property
    def processes(self) -> Processes:
        """The processes as they are now: one that was begun again is another."""
        pids = {name: pid for name, pid in self.house.pids().items() if pid is not None}
        if self.postgres is not None and self.postgres.pid is not None:
            pids["postgres"] = self.postgres.pid
        return Processes(pids)

    @property
    def entra(self) -> Entra:
        """The simulated directory."""
        return Entra(self.house.simulator_url, self.house.simulator_ca)

    def token(self, member: Member) -> str:
        """Somebody's token."""
        found = self._tokens.get(member.label)
        if found is None:
            found = self._tokens[member.label] = member.token(self.house.issuer)
        return found

    def newcomers(self, count: int) -> list[Member]:
        """So many people who have not asked for anything.

        Raises:
            BenchError: the crowd is too small.
        """
        found = self.everybody[self._next : self._next + count]
        if len(found) < count:
            raise BenchError(f"the crowd of {len(self.everybody)} is too small")
        self._next += count
        return found

    def manager(self, member: Member) -> Member:
        """Who decides for one of the newcomers."""
        found = manager_of(self.everybody, int(member.label[1:]))
        assert found is not None, "newcomers have managers"
        return found

    async def sync(self, key: str, kind: sync_pb2.SyncKind.ValueType) -> float:
        """A sync, and its seconds."""
        return await synced(self.operator, self.connection_id, key, kind)

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the simulator's control surface."""
        async with httpx.AsyncClient(verify=self.entra.context(), trust_env=False) as client:
            url = f"{self.house.simulator_url}/_simulator{path}"
            answer = await client.request(method, url, json=body, timeout=60)
            answer.raise_for_status()
            return answer.json() if answer.content else None


@asynccontextmanager
async def stage(
    folder: Path, people: int, postgres: PostgresServer | None, delay_seconds: float
) -> AsyncIterator[Stage]:
    """Starts a house on a new folder, and walks the operator's steps.

    Every write of Graph is answered `delay_seconds` late. Without `postgres` it is on SQLite.
    """
    everybody = crowd(people)
    tenant = folder / "tenant.json"
    write_tenant(tenant, everybody)
    log: list[str] = []
    url = None if postgres is None else postgres.url(postgres.create_database())
    began = time.perf_counter()
    try:
        async with House(
            folder / "house",
            lines=lambda name, line: log.append(f"{name}| {line}"),
            database_url=url,
            tenant=tenant,
            settings={"connector": _CONNECTOR},
        ) as house:
            cold = time.perf_counter() - began
            addresses = {service: house.address(service) for service in SERVICES}
            async with Client(addresses, cast.OPERATOR.token(house.issuer)) as operator:
                yield await _prepared(
                    house, operator, everybody, postgres, url, delay_seconds, cold
                )
    except BaseException:
        told = [line for line in log if '"event": "call"' not in line]
        sys.stderr.write("\n".join(["The last lines of the house:", *told[-40:], ""]))
        raise


async def _prepared(
    house: House,
    operator: Client,
    everybody: list[Member],
    postgres: PostgresServer | None,
    url: str | None,
    delay_seconds: float,
    cold_start_seconds: float,
) -> Stage:
    guide = Guide(operator, operator)
    entra = Entra(house.simulator_url, house.simulator_ca)
    async with httpx.AsyncClient(verify=entra.context(), trust_env=False, timeout=60) as control:
        at = f"{house.simulator_url}/_simulator"
        (await control.patch(f"{at}/quotas", json={"enabled": False})).raise_for_status()
        if delay_seconds:
            for method in ("POST", "PATCH", "DELETE"):
                slow = {"kind": "slow", "method": method, "seconds": delay_seconds}
                (await control.post(f"{at}/faults", json=slow)).raise_for_status()
    connection = await guide.connect()
    took = await synced(operator, connection.connection_id, "bench-first", sync_pb2.SYNC_KIND_FULL)
    apps = await guide.unmanaged_apps()
    app = next(a for a in apps if a.entra_service_principal_id == cast.SERVICE_PRINCIPAL_ID)
    managed = await guide.manage(app.app_id)
    groups = await guide.linked_groups(app.app_id)
    linked = await guide.link(app.app_id, guide.choices(groups, managed.access_entitlement_id))
    await guide.apply_rules(await guide.rules_for_everyone(app.app_id))
    found = (each.entitlement_id for each in linked.entitlements)
    role = next(each for each in found if each != managed.access_entitlement_id)
    await Rulebook(operator).use(role, MANAGER_APPROVAL)
    return Stage(
        house=house,
        postgres=postgres,
        database_urls=await database_urls(SERVICES, house.folder, url),
        operator=operator,
        everybody=everybody,
        cold_start_seconds=cold_start_seconds,
        first_sync_seconds=took,
        connection_id=connection.connection_id,
        app_id=app.app_id,
        access=managed.access_entitlement_id,
        role=role,
    )


async def synced(
    operator: Client, connection_id: str, key: str, kind: sync_pb2.SyncKind.ValueType
) -> float:
    """A sync from its start to its end, in seconds.

    Raises:
        BenchError: it failed.
    """
    guide = Guide(operator, operator)
    began = time.perf_counter()
    sync = await guide.start_sync(connection_id, key, kind)
    async for now in guide.watch_sync(sync.sync_id, SYNC_SECONDS):
        sync = now
    if sync.state != sync_pb2.SYNC_STATE_SUCCEEDED:
        raise BenchError(f"the sync ended in {sync_pb2.SyncState.Name(sync.state)}: {sync.problem}")
    return time.perf_counter() - began


def user_id(member: Member) -> str:
    """Somebody, as the services call them."""
    return ids.user_id(cast.TENANT_ID, member.entra_object_id)
