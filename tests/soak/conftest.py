"""What the soaks of the catalog alone share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.catalog.running import RunningCatalog, running_catalog
from tests.support.issuer import TestIssuer
from tests.support.nats import NatsServer
from tests.support.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
async def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningCatalog]:
    """A catalog with nothing in it, on each database."""
    issuer = TestIssuer(tmp_path / "issuer")
    with NatsServer(tmp_path / "nats") as nats:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / 'catalog.db'}"
            async with running_catalog(url, nats.url, issuer) as running:
                yield running
            return
        with PostgresServer() as server:
            async with running_catalog(
                server.url(server.create_database()), nats.url, issuer
            ) as running:
                yield running
