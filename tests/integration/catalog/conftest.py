"""A catalog to call, on each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.requests_feed import FakeFeed
from tests.integration.catalog.running import RunningCatalog, running_catalog
from tests.support.issuer import TestIssuer


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> TestIssuer:
    """Who signs the tokens; one for the run, since making its key takes a while."""
    folder: Path = tmp_path_factory.mktemp("issuer")
    return TestIssuer(folder)


@pytest.fixture
async def feed() -> AsyncIterator[FakeFeed]:
    """The feed of a requests service, which the catalogs of whoever uses it follow."""
    feed = FakeFeed()
    await feed.start()
    yield feed
    await feed.stop()


@pytest.fixture
def requests_address(request: pytest.FixtureRequest) -> str | None:
    """Where the requests service is, in tests that use one."""
    if "feed" not in request.fixturenames:
        return None
    address: str = request.getfixturevalue("feed").address
    return address


@pytest.fixture
async def catalog(
    database_url: str, nats_url: str, issuer: TestIssuer, requests_address: str | None
) -> AsyncIterator[RunningCatalog]:
    """A running catalog with an empty directory."""
    async with running_catalog(database_url, nats_url, issuer, requests_address) as running:
        yield running


@pytest.fixture
async def sqlite_catalog(
    sqlite_url: str, nats_url: str, issuer: TestIssuer
) -> AsyncIterator[RunningCatalog]:
    """A running catalog for what has nothing to do with the kind of database."""
    async with running_catalog(sqlite_url, nats_url, issuer) as running:
        yield running
