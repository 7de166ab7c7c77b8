"""Simulators, and clients that trust them.

Tests that only read share one simulator; a test that writes, or that moves the clock, has its
own. All run in one event loop, because a shared server lives in the loop it was started in.
Every exchange with either of them is checked against Microsoft's metadata.
"""

from __future__ import annotations

import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.support.graph_schema import Recorder
from tools.entra_simulator import Simulator
from tools.entra_simulator.certificates import issue_server_certificate, token_signing_key


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys made once: an RSA key for each test would cost more than the tests do."""
    directory = tmp_path_factory.mktemp("keys")
    issue_server_certificate(directory)
    token_signing_key(directory)
    return directory


@pytest.fixture
def state_dir(tmp_path: Path, keys: Path) -> Path:
    return Path(shutil.copytree(keys, tmp_path / "simulator"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture(loop_scope="session")
async def simulator(state_dir: Path, clock: FakeClock) -> AsyncIterator[Simulator]:
    recorder = Recorder()
    async with Simulator(state_dir, clock=clock.now, on_exchange=recorder) as running:
        yield running
    recorder.check()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    """One simulator with the built-in tenant, for tests that change nothing."""
    state_dir = shutil.copytree(keys, tmp_path_factory.mktemp("shared") / "simulator")
    recorder = Recorder()
    clock = FakeClock()
    async with Simulator(Path(state_dir), clock=clock.now, on_exchange=recorder) as running:
        yield running
    recorder.check()


@pytest_asyncio.fixture(loop_scope="session")
async def anonymous(shared: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client that trusts the simulator and brings no token."""
    async with httpx.AsyncClient(base_url=shared.url, verify=trust(shared)) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reader(shared: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """The connector on the shared simulator."""
    async with connected(shared) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def graph(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """The connector on a simulator of the test's own."""
    async with connected(simulator) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def readonly(shared: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """An application that may read, but not write, on the shared simulator."""
    async with connected(shared, cast.READONLY, cast.READONLY_SECRET) as client:
        yield client


def trust(simulator: Simulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=simulator.ca_path)


@asynccontextmanager
async def connected(
    simulator: Simulator, app_id: str = cast.CONNECTOR, secret: str = cast.CONNECTOR_SECRET
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has logged in."""
    async with httpx.AsyncClient(base_url=simulator.url, verify=trust(simulator)) as client:
        answer = await log_in(client, client_id=app_id, client_secret=secret)
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


async def log_in(
    client: httpx.AsyncClient, tenant: str = cast.TENANT, **form: str
) -> httpx.Response:
    """Asks for a token; the form says what differs from a correct login of the connector."""
    body = {
        "grant_type": "client_credentials",
        "client_id": cast.CONNECTOR,
        "scope": "https://graph.microsoft.com/.default",
        **form,
    }
    return await client.post(f"/{tenant}/oauth2/v2.0/token", data=body)


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of a Graph error."""
    error = response.json()["error"]
    return response.status_code, error["code"], error["message"]
