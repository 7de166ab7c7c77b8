"""The service, for each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.requests_service.house import House
from tests.support.issuer import TestIssuer


@pytest.fixture
async def house(
    tmp_path: Path, issuer: TestIssuer, database_url: str, nats_url: str
) -> AsyncIterator[House]:
    """The requests service among fakes of the services it calls."""
    async with House(tmp_path, issuer, database_url, nats_url) as house:
        yield house
