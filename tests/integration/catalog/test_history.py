"""What was held when, and who is gone, as syncs see it."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from latchkey.catalog.v1 import events_pb2
from latchkey.ledger.v1 import event_pb2
from services.catalog.store.tables import (
    directory_assignments,
    directory_memberships,
    past_grants,
)
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import root
from tests.integration.catalog.tenant import MARLOWE, membership_id, role_id, sync, user_id


async def _rows(catalog: RunningCatalog, *columns: Any) -> set[tuple[Any, ...]]:
    return await catalog.service.database.read(
        lambda connection: {tuple(row) for row in connection.execute(select(*columns))}
    )


async def _deactivated(catalog: RunningCatalog) -> list[tuple[str, bool]]:
    answer = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    found = []
    for event in answer.events:
        body = events_pb2.UserDeactivated()
        if event.type == body.DESCRIPTOR.full_name:
            body.ParseFromString(event.payload)
            found.append((body.display_name, body.deleted))
    return found


async def test_what_went_is_kept_with_its_times(catalog: RunningCatalog) -> None:
    """A later sync keeps since when something is held, and what it removes becomes history."""
    held, roles, past = directory_memberships.c, directory_assignments.c, past_grants.c
    await sync(catalog, MARLOWE)
    before = await _rows(catalog, held.directory_entitlement_id, held.user_id, held.since_time)
    ada = await _rows(catalog, roles.directory_entitlement_id, roles.principal_id, roles.since_time)
    assert None not in {since for *_, since in before | ada}
    gone = MARLOWE.without("Ben")
    gone = replace(gone, assigned=tuple(p for p in gone.assigned if p != ("Payroll", "Ada")))
    await sync(catalog, gone)
    await sync(catalog, gone)
    after = await _rows(catalog, held.directory_entitlement_id, held.user_id, held.since_time)
    assert after == {row for row in before if row[1] != user_id("Ben")}
    kept = await _rows(catalog, past.directory_entitlement_id, past.principal_id, past.since_time)
    assert kept == (before - after) | {row for row in ada if row[1] == user_id("Ada")}
    assert {membership_id("Design Editors"), role_id("Payroll")} & {row[0] for row in kept}
    times = await _rows(catalog, past.since_time, past.end_time)
    assert all(since < end for since, end in times)


async def test_a_person_is_deactivated_once(catalog: RunningCatalog) -> None:
    """Told of people who were enabled and are disabled or gone, once; new ones are not news."""
    await sync(catalog, MARLOWE)
    assert await _deactivated(catalog) == []
    disabled = replace(MARLOWE, disabled=frozenset({"Dov", "Cleo"}))
    await sync(catalog, disabled)
    await sync(catalog, disabled)
    assert await _deactivated(catalog) == [("Cleo", False)]
    await sync(catalog, disabled.without("Ben"))
    assert await _deactivated(catalog) == [("Cleo", False), ("Ben", True)]
    await sync(catalog, MARLOWE.without("Ben"))
    await sync(catalog, disabled.without("Ben"))
    assert await _deactivated(catalog) == [("Cleo", False), ("Ben", True), ("Cleo", False)]
