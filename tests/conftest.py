"""The fixtures that every level of tests shares: real databases and a real broker."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from tests.support import compiled
from tests.support.canaries import found_in
from tests.support.issuer import TestIssuer
from tests.support.migrated import emptied
from tests.support.nats import NatsServer, empty
from tests.support.postgres import PostgresServer


def pytest_configure() -> None:
    """Whoever asks no server of the loopback for TLS is not refused it at each connection."""
    os.environ.setdefault("PGSSLMODE", "disable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--both-databases`: also what no database makes a difference to runs on each of them."""
    parser.addoption("--both-databases", action="store_true")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test marked `either_database` runs on one kind of database, which its name decides."""
    if config.getoption("--both-databases"):
        return
    left = [item for item in items if not _runs_on_the_other(item)]
    config.hook.pytest_deselected(items=[item for item in items if _runs_on_the_other(item)])
    items[:] = left


def _runs_on_the_other(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    kind = callspec.params.get("database_url") if callspec is not None else None
    if kind is None or item.get_closest_marker("either_database") is None:
        return False
    name = getattr(item, "originalname", item.name)
    return bool(kind != ("sqlite", "postgresql")[crc32(name.encode()) % 2])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded by its end stays for the whole run: to look through it for garbage, again and
    again, would be a seventh of what the tests do."""
    gc.disable()
    found = yield
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 20, 20)
    compiled.share()
    return found


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run (with pytest-xdist: for each worker).

    It does not wait for the disk; a test about what survives a crash takes `durable_postgres`.
    """
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh, empty database, `postgresql+asyncpg://…`, gone after the test."""
    name = emptied(postgres_server)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def durable_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, which waits for the disk and may be killed."""
    with PostgresServer(durable=True) as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A fresh SQLite database in a file of its own, `sqlite:///…`."""
    return f"sqlite:///{tmp_path / 'latchkey.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, empty database of each kind that Latchkey runs on: the test runs once for each."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS of the test's own, with JetStream; it may be killed and started again."""
    with NatsServer(tmp_path / "nats") as server:
        yield server


@pytest.fixture(scope="session")
def shared_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One NATS for the whole run (with pytest-xdist: for each worker), which nobody stops."""
    with NatsServer(tmp_path_factory.mktemp("shared") / "nats") as server:
        yield server


@pytest.fixture
def nats_url(request: pytest.FixtureRequest) -> str:
    """Where a NATS listens that has nothing in it, `nats://…`: the test's own if it has one."""
    if "nats_server" in request.fixturenames:
        own: NatsServer = request.getfixturevalue("nats_server")
        return own.url
    shared: NatsServer = request.getfixturevalue("shared_nats")
    empty(shared.url)
    return shared.url


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> TestIssuer:
    """The issuer of every token in the run."""
    return TestIssuer(tmp_path_factory.mktemp("issuer"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No test of the whole suite passes when a token or a key was logged while it ran."""
    report = yield
    if report.passed and call.when == "teardown":
        hits = [
            f"{name}: {hit}"
            for name, text in report.sections
            for hit in found_in(text.encode(errors="replace"))
        ]
        if hits:
            report.outcome = "failed"
            report.longrepr = "secrets were written:\n" + "\n".join(hits[:10])
    return report
