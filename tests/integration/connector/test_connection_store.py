"""Connections in the database."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection as Transaction

from libs.db.engine import Database
from libs.db.guarded import Guarded, Stale
from libs.domain.changes import Write
from services.connector.domain.connection import (
    ConnectionMode,
    Credential,
    CredentialKind,
    SyncSchedule,
    Wishes,
)
from services.connector.store import MIGRATIONS
from services.connector.store.connections import ConnectionStore
from tests.support.migrated import migrated
from tests.unit.connector.provisioning_house import CONNECTION


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the connector's tables."""
    async with migrated(database_url, MIGRATIONS) as database:
        yield database


async def _keep(database: Database, writes: tuple[Write, ...]) -> None:
    """Writes as the committer does, in one transaction."""

    def work(transaction: Transaction) -> None:
        for write in writes:
            assert isinstance(write, Guarded)
            result = transaction.execute(write.statement)
            if write.expects is not None and result.rowcount != write.expects:
                raise Stale

    await database.write(work)


@pytest.mark.parametrize("kind", CredentialKind)
async def test_what_is_kept_is_read_back(database: Database, kind: CredentialKind) -> None:
    """Every field, for each kind of credential."""
    store = ConnectionStore(database)
    kept = replace(
        CONNECTION,
        credential=Credential(kind, "file"),
        mode=ConnectionMode.GROUPS_ONLY,
        schedule=SyncSchedule(timedelta(minutes=1), timedelta(days=30), True),
    )
    await _keep(database, store.added(kept))
    assert await store.get(kept.connection_id) == kept
    assert await store.of_tenant(kept.entra_tenant_id) == kept
    assert await store.with_credential("file") == [kept]
    assert await store.with_credential("other") == []


async def test_of_two_changes_from_one_state_one_is_kept(database: Database) -> None:
    """The second is made again from what the first left."""
    store = ConnectionStore(database)
    await _keep(database, store.added(CONNECTION))
    first = CONNECTION.changed(Wishes(display_name="First", full_interval=timedelta(hours=1)))
    second = CONNECTION.changed(Wishes(display_name="Second"))
    await _keep(database, store.updated(first))
    with pytest.raises(Stale):
        await _keep(database, store.updated(second))
    found = await store.get(CONNECTION.connection_id)
    assert found == first and found.version == 2
