"""A database with a ledger and one table, and what commits to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.db.engine import Database
from tests.integration.libs.things import prepare
from tests.support import chain


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of each kind, with the tables of `things`."""
    database = Database.open(database_url)
    await prepare(database)
    yield database
    await database.close()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A key file of the test's own."""
    file = tmp_path / "audit.pem"
    file.write_bytes(chain.key_pem())
    return file
