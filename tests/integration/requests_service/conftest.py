"""The service, for each kind of database."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.requests_service.house import House
from tests.support.issuer import TestIssuer


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
