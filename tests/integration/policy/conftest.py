"""A running policy service."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.policy.house import PolicyHouse


@pytest.fixture
async def house(database_url: str, nats_url: str, tmp_path: Path) -> AsyncIterator[PolicyHouse]:
    """The policy service on a fresh database of each kind."""
    async with PolicyHouse.open(database_url, nats_url, tmp_path) as house:
        yield house
