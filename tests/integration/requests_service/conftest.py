"""The service, for each kind of database."""

from collections.abc import AsyncIterator

import pytest

from libs.db.engine import Database
from services.requests.store import MIGRATIONS
from tests.integration.requests_service.house import House
from tests.integration.requests_service.stores import Ports
from tests.support.issuer import TestIssuer
from tests.support.migrated import migrated


@pytest.fixture
async def house(issuer: TestIssuer, database_url: str, nats_url: str) -> AsyncIterator[House]:
    """The requests service among fakes of the services it calls. Leases move by events alone."""
    async with House(issuer, database_url, nats_url) as house:
        yield house


@pytest.fixture
async def sweeping(issuer: TestIssuer, database_url: str, nats_url: str) -> AsyncIterator[House]:
    """The same, but looking soon after leases that are on their way."""
    async with House(issuer, database_url, nats_url, repeat_seconds=0.3) as house:
        yield house


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the requests service."""
    async with migrated(database_url, MIGRATIONS) as database:
        yield database


@pytest.fixture(params=["stored", "fake"])
async def ports(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Ports]:
    """The ports over a database, and the fake ones."""
    async with Ports(database if request.param == "stored" else None) as ports:
        yield ports
