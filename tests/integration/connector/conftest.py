"""A running connector, and the tenant that it is connected to."""

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.connector.domain import mirror
from services.connector.entra import answers
from tests.integration.connector.credentials import CredentialHouse
from tests.integration.connector.house import ConnectorHouse
from tests.support.graph_schema import Recorder
from tools.entra_simulator import Simulator
from tools.entra_simulator.certificates import issue_server_certificate, token_signing_key


@pytest.fixture(scope="session")
def simulator_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys made once: an RSA key for each test would cost more than the tests do."""
    folder = tmp_path_factory.mktemp("simulator-keys")
    issue_server_certificate(folder)
    token_signing_key(folder)
    return folder


@pytest.fixture
async def simulator(tmp_path: Path, simulator_keys: Path) -> AsyncIterator[Simulator]:
    """The built-in tenant, of the test's own; every exchange is as Microsoft's schemas say."""
    folder = Path(shutil.copytree(simulator_keys, tmp_path / "simulator"))
    recorder = Recorder()
    async with Simulator(folder, on_exchange=recorder) as running:
        yield running
    recorder.check()


@pytest.fixture
async def house(
    database_url: str, nats_url: str, tmp_path: Path, simulator: Simulator
) -> AsyncIterator[ConnectorHouse]:
    """The connector on a fresh database of each kind."""
    async with ConnectorHouse.open(database_url, nats_url, tmp_path, simulator) as house:
        yield house


@pytest.fixture
async def small_house(
    sqlite_url: str, nats_url: str, tmp_path: Path, simulator: Simulator
) -> AsyncIterator[ConnectorHouse]:
    """The connector on SQLite, for what no database makes a difference to."""
    async with ConnectorHouse.open(sqlite_url, nats_url, tmp_path, simulator) as house:
        yield house


@pytest.fixture
async def credential_house(
    tmp_path: Path, simulator_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CredentialHouse]:
    """A tenant that can be signed in to in every way, and a machine with an identity in it."""
    async with CredentialHouse.open(tmp_path, simulator_keys) as house:
        house.on_a_machine(monkeypatch)
        yield house


@pytest.fixture
def short_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entra's replicas are taken to agree within a second, so that "gone" is soon believed, and its
    lists to show at once what was written."""
    monkeypatch.setattr(answers, "REPLICATION_PATIENCE", timedelta(seconds=1))
    monkeypatch.setattr(mirror, "LISTS_LAG", timedelta(0))
