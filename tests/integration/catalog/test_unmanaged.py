"""Access from outside Latchkey is noted once, and forgotten when it goes or is leased."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from latchkey.catalog.v1 import grant_pb2
from libs.domain.clock import Clock
from services.catalog.handlers.note_unmanaged import NoteUnmanaged
from services.catalog.loops.unmanaged import UnmanagedLoop
from services.catalog.store.unmanaged import StoredUnmanagedAccess
from services.catalog.store.use_tables import feed_positions, former_leases, unmanaged_access, uses
from tests.fakes.clock import FakeClock
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    Managed,
    event_types,
    link,
    manage,
    provision_for,
    root,
    virtual_role,
)
from tests.integration.catalog.tenant import MARLOWE, membership_id, sync, user_id
from tests.support.issuer import object_id


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
    """Not before the feed is known or within a minute, but also where nobody has asked for anything
    yet; a lease or the end of it ends the note."""
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    await link(catalog, app.app_id, provision_for("Design Viewers", app.access_id))
    later = FakeClock(datetime.now(UTC) + timedelta(minutes=5))
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
    followed = {"service": "requests", "position": 2, "event_id": "2"}
    await _do(catalog, insert(feed_positions).values(followed))
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


async def test_a_lease_that_is_over_brought_it_until_a_sync_has_seen_that(
    catalog: RunningCatalog,
) -> None:
    """Of a sync that began long enough after; one that began before has read it as it was."""
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    await link(catalog, app.app_id, provision_for("Design Viewers", app.access_id))
    over = {
        "lease_id": "lea_1",
        "entitlement_id": app.access_id,
        "app_id": app.app_id,
        "user_id": user_id("Ben"),
        "settle_time": datetime.now(UTC) + timedelta(hours=1),
    }
    await _do(catalog, insert(former_leases).values(over))
    await _do(catalog, insert(feed_positions).values(service="requests", position=1, event_id="1"))
    loop = _loop(catalog, FakeClock(datetime.now(UTC) + timedelta(minutes=5)))
    await sync(catalog, MARLOWE)
    await loop()
    assert await _noted(catalog) == {user_id("Cleo")}
    assert await _unmanaged(catalog, app) == {user_id("Cleo")}
    past = datetime.now(UTC) - timedelta(seconds=1)
    await _do(catalog, update(former_leases).values(settle_time=past))
    await sync(catalog, MARLOWE)
    await loop()
    assert await _noted(catalog) == {user_id("Ben"), user_id("Cleo")}
    assert await _unmanaged(catalog, app) == {user_id("Ben"), user_id("Cleo")}
    left = select(former_leases.c.lease_id)
    assert await catalog.service.database.read(lambda c: c.execute(left).all()) == []


async def test_a_group_of_two_entitlements_is_leased_by_either(catalog: RunningCatalog) -> None:
    """The lease of the one brought what the other one stands for too."""
    await sync(catalog, replace(MARLOWE, assigned=(*MARLOWE.assigned, ("Board", "Design Viewers"))))
    tool = await manage(catalog, "Design Tool")
    board = await manage(catalog, "Board", object_id("Reader"))
    await link(catalog, tool.app_id, provision_for("Design Viewers", tool.access_id))
    await link(catalog, board.app_id, virtual_role("Design Viewers", "Viewer"))
    lease = {
        "access_request_id": "req_1",
        "entitlement_id": tool.access_id,
        "app_id": tool.app_id,
        "user_id": user_id("Ben"),
        "state": "ACTIVE",
        "lease_id": "lea_1",
    }
    await _do(catalog, insert(uses).values(lease))
    await _do(catalog, insert(feed_positions).values(service="requests", position=1, event_id="1"))
    await _loop(catalog, FakeClock(datetime.now(UTC) + timedelta(minutes=5)))()
    assert await _noted(catalog) == {user_id("Cleo")}
    for app in (tool, board):
        assert await _unmanaged(catalog, app) == {user_id("Cleo")}
        (seen,) = {
            grant.first_seen_time.seconds > 0
            for grant in (await _listed(catalog, app)).grants
            if grant.unmanaged
        }
        assert seen


async def _listed(catalog: RunningCatalog, app: Managed) -> grant_pb2.ListGrantsResponse:
    answer: grant_pb2.ListGrantsResponse = await catalog.grants.ListGrants(
        grant_pb2.ListGrantsRequest(
            app_id=app.app_id, directory_entitlement_id=membership_id("Design Viewers")
        ),
        metadata=root(catalog),
    )
    return answer


async def _unmanaged(catalog: RunningCatalog, app: Managed) -> set[str]:
    """Whose membership of Design Viewers a list says comes from outside."""
    return {grant.user_id for grant in (await _listed(catalog, app)).grants if grant.unmanaged}
