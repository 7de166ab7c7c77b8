"""A house whose app is ready to be asked for."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.canaries import found_below, found_in
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.client import Client
from tools.dev.entra import Entra
from tools.dev.guide import Guide
from tools.dev.house import House
from tools.dev.issuer import SERVICES
from tools.entra_simulator import built_in_tenant


@dataclass(slots=True)
class Ready:
    """A running house with a managed app that everyone may ask for."""

    house: House
    operator: Client
    entra: Entra
    log: list[str]
    app_id: str = ""
    access_entitlement_id: str = ""
    role_entitlement_id: str = ""
    _clients: list[Client] = field(default_factory=list)

    def client(self, member: Member) -> Client:
        """A client for a person, closed with the house."""
        addresses = {service: self.house.address(service) for service in SERVICES}
        client = Client(addresses, member.token(self.house.issuer))
        self._clients.append(client)
        return client

    def guide(self, member: Member) -> Guide:
        """The guide with this person as the requester."""
        return Guide(self.operator, self.client(member))

    async def close(self) -> None:
        """Closes every client."""
        await asyncio.gather(*(client.__aexit__() for client in self._clients))


@asynccontextmanager
async def ready_house(
    folder: Path,
    database_url: str | None = None,
    tenant: Path | None = None,
    settings: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[Ready]:
    """Starts a house and walks the operator's four steps."""
    log: list[str] = []
    async with House(
        folder,
        lines=lambda name, line: log.append(f"{name}| {line}"),
        database_url=database_url,
        tenant=tenant,
        settings=settings,
    ) as house:
        entra = Entra(house.simulator_url, house.simulator_ca)
        ready = Ready(house, None, entra, log)  # type: ignore[arg-type]
        ready.operator = ready.client(cast.OPERATOR)
        try:
            await prepare(ready)
            yield ready
            assert not _leaked(ready), "\n".join(_leaked(ready)[:10])
        except BaseException:
            sys.stderr.write("\n".join(["The last lines of the house:", *log[-80:], ""]))
            raise
        finally:
            await ready.close()


def _leaked(ready: Ready) -> list[str]:
    """Secrets in what the house has written: logs, databases, the broker's store. What it was given
    to keep is where it was put, and the simulated Entra knows its own."""
    house = ready.house
    passwords = (house.folder / "nats" / "passwords").glob("*")
    secrets = [cast.CLIENT_SECRET.encode(), *(file.read_bytes() for file in passwords)]
    spared = [house.folder / name for name in ("issuer", "secrets", "simulator", "nats/passwords")]
    logged = [f"the log: {hit}" for hit in found_in("\n".join(ready.log).encode(), secrets)]
    return [*logged, *found_below(house.folder, spared, secrets)]


async def prepare(ready: Ready) -> None:
    """Walks the operator's four steps."""
    guide = Guide(ready.operator, ready.operator)
    connection = await guide.connect()
    sync = await guide.start_sync(connection.connection_id)
    async for now in guide.watch_sync(sync.sync_id):
        sync = now
    assert sync.problem == ""
    apps = await guide.unmanaged_apps()
    app = next(a for a in apps if a.entra_service_principal_id == cast.SERVICE_PRINCIPAL_ID)
    managed = await guide.manage(app.app_id)
    groups = await guide.linked_groups(app.app_id)
    choices = guide.choices(groups, managed.access_entitlement_id)
    linked = await guide.link(app.app_id, choices, "ready-link")
    rules = await guide.rules_for_everyone(app.app_id)
    await guide.apply_rules(rules)
    ready.app_id = app.app_id
    ready.access_entitlement_id = managed.access_entitlement_id
    ready.role_entitlement_id = next(
        e.entitlement_id
        for e in linked.entitlements
        if e.entitlement_id != managed.access_entitlement_id
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ready(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """One house on SQLite for the tests of a module."""
    async with ready_house(tmp_path_factory.mktemp("house")) as house:
        yield house


def people(*names: str) -> list[Member]:
    """People of the tenant by name, without any role of ours."""
    ids = {user["displayName"]: user["id"] for user in built_in_tenant()["users"]}
    return [Member(name.split()[0].lower(), name, ids[name]) for name in names]
