"""A house on a generated tenant, measured from outside."""

import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from latchkey.connector.v1 import sync_pb2
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.client import Client
from tools.dev.entra import Entra
from tools.dev.guide import Guide
from tools.dev.house import House
from tools.dev.issuer import SERVICES
from tools.entra_simulator.generator import generate

# Watching big syncs takes longer than a caller usually waits.
_SYNC_SECONDS = 1800.0


@dataclass(slots=True)
class Measured:
    """One house, and what is asked of it."""

    house: House
    entra: Entra
    connection_id: str = ""
    clients: list[Client] = field(default_factory=list)
    operator: Client = field(init=False)

    def __post_init__(self) -> None:
        self.operator = self.client(cast.OPERATOR)

    def client(self, member: Member) -> Client:
        """A client for a person, closed with the house."""
        addresses = {service: self.house.address(service) for service in SERVICES}
        client = Client(addresses, member.token(self.house.issuer), patience=120)
        self.clients.append(client)
        return client

    async def sync(
        self, key: str, kind: sync_pb2.SyncKind.ValueType
    ) -> tuple[sync_pb2.Sync, float]:
        """A sync from its start to its end, and the seconds it took."""
        guide = Guide(self.operator, self.operator)
        began = time.monotonic()
        sync = await guide.start_sync(self.connection_id, key, kind)
        async for now in guide.watch_sync(sync.sync_id, _SYNC_SECONDS):
            sync = now
        assert sync.state == sync_pb2.SYNC_STATE_SUCCEEDED, sync
        return sync, time.monotonic() - began

    def peak_megabytes(self, service: str) -> float:
        """The most memory that a service has had resident."""
        for line in Path(f"/proc/{self.house.pids()[service]}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("there is no VmHWM")

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the simulator's control surface."""
        async with httpx.AsyncClient(
            verify=self.entra.context(), trust_env=False, timeout=60
        ) as client:
            answer = await client.request(method, f"{self.entra.url}/_simulator{path}", json=body)
            answer.raise_for_status()
            return answer.json() if answer.content else None


@asynccontextmanager
async def measured_house(
    folder: Path,
    tenant: Mapping[str, Any],
    *,
    database_url: str | None = None,
    connector: Mapping[str, str] | None = None,
) -> AsyncIterator[Measured]:
    """Starts a house on a tenant, and connects it."""
    file = folder / "tenant.json"
    file.write_text(json.dumps(tenant))
    log: list[str] = []
    try:
        async with House(
            folder / "house",
            lines=lambda name, line: log.append(f"{name}| {line}"),
            database_url=database_url,
            tenant=file,
            settings={"connector": connector or {}},
        ) as house:
            measured = Measured(house, Entra(house.simulator_url, house.simulator_ca))
            try:
                guide = Guide(measured.operator, measured.operator)
                measured.connection_id = (await guide.connect()).connection_id
                yield measured
            finally:
                for client in measured.clients:
                    await client.__aexit__()
    except BaseException:
        sys.stderr.write("\n".join(["The last lines of the house:", *log[-60:], ""]))
        raise


def tenant_of(
    users: int, groups: int, memberships: int, apps: int, assignments: int
) -> dict[str, Any]:
    """A generated tenant, with the operator among its people."""
    return dict(generate(users, groups, memberships, apps, assignments))


def report(what: str, **figures: object) -> None:
    """One line of what was measured."""
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    sys.stdout.write(f"\n{what}: {told}\n")
    sys.stdout.flush()
