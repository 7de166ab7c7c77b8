"""Access from outside Latchkey is noted once, and forgotten when it goes or is leased."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from libs.domain.clock import Clock
from services.catalog.handlers.note_unmanaged import NoteUnmanaged
from services.catalog.loops.unmanaged import UnmanagedLoop
from services.catalog.store.tables import feed_positions, unmanaged_access, uses
from services.catalog.store.unmanaged import StoredUnmanagedAccess
from tests.fakes.clock import FakeClock
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import event_types, link, manage, provision_for
from tests.integration.catalog.tenant import MARLOWE, sync, user_id


def _loop(catalog: RunningCatalog, clock: Clock, knows_all: bool = True) -> UnmanagedLoop:
    note = NoteUnmanaged(StoredUnmanagedAccess(catalog.service.database), clock)
    return UnmanagedLoop(catalog.service.writes, clock, note, lambda: knows_all)


async def _do(catalog: RunningCatalog, statement: Any) -> None:
    await catalog.service.database.write(lambda connection: connection.execute(statement) and None)


async def _noted(catalog: RunningCatalog) -> set[str]:
    query = select(unmanaged_access.c.user_id)
    return await catalog.service.database.read(
        lambda connection: set(connection.execute(query).scalars())
    )


async def test_noted_once_and_forgotten(catalog: RunningCatalog) -> None:
    """Not before the feed is known or within a minute; a lease or the end of it ends the note."""
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    await link(catalog, app.app_id, provision_for("Design Viewers", app.access_id))
    later = FakeClock(datetime.now(UTC) + timedelta(minutes=5))
    await _loop(catalog, later)()
    assert await _noted(catalog) == set()
    followed = {"service": "requests", "position": 1, "event_id": "1"}
    await _do(catalog, insert(feed_positions).values(followed))
    await _loop(catalog, FakeClock(datetime.now(UTC)))()
    assert await _noted(catalog) == set()
    await _loop(catalog, later, knows_all=False)()
    assert await _noted(catalog) == set()
    loop = _loop(catalog, later)
    await loop()
    await loop()
    assert await _noted(catalog) == {user_id("Ben"), user_id("Cleo")}
    assert (await event_types(catalog)).count("UnmanagedAccessFound") == 1
    lease = {
        "access_request_id": "req_1",
        "entitlement_id": app.access_id,
        "app_id": app.app_id,
        "user_id": user_id("Ben"),
        "state": "GRANTED",
        "lease_id": "lea_1",
    }
    await _do(catalog, insert(uses).values(lease))
    await _do(catalog, update(feed_positions).values(position=2))
    await loop()
    assert await _noted(catalog) == {user_id("Cleo")}
    await sync(catalog, MARLOWE.without("Cleo"))
    await loop()
    assert await _noted(catalog) == set()
    await _do(catalog, delete(uses))
    await _do(catalog, update(feed_positions).values(position=3))
    await loop()
    assert await _noted(catalog) == {user_id("Ben")}
    assert (await event_types(catalog)).count("UnmanagedAccessFound") == 2
