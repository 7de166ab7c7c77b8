"""A database with a ledger and one table, and what commits to it."""

from collections.abc import AsyncIterator

import pytest

from libs.db.engine import Database
from tests.integration.libs.things import prepare


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of each kind, with the tables of `things`."""
    database = Database.open(database_url)
    await prepare(database)
    yield database
    await database.close()
