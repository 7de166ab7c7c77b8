"""Who holds what, as the connector asks it after a sync."""

from collections.abc import Sequence
from dataclasses import replace

from latchkey.catalog.v1 import resolution_pb2
from libs.domain import ids
from tests.integration.catalog.plans import captured, plan_of, rows_read
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import link, manage, virtual_role
from tests.integration.catalog.tenant import (
    CONNECTION,
    MARLOWE,
    checkpoint,
    ingest,
    membership_id,
    numbered,
    role_id,
    sync,
    user_id,
)
from tests.support.issuer import object_id

HELD, NOT_HELD, GONE = (
    resolution_pb2.HELD_STATE_HELD,
    resolution_pb2.HELD_STATE_NOT_HELD,
    resolution_pb2.HELD_STATE_GONE,
)


async def check(
    catalog: RunningCatalog, *asked: tuple[str, str], connection_id: str = CONNECTION
) -> tuple[str, Sequence[int]]:
    """What is answered for people's names and directory entitlements."""
    response = await catalog.resolution.CheckHeld(
        resolution_pb2.CheckHeldRequest(
            connection_id=connection_id,
            items=[
                resolution_pb2.CheckHeldRequest.HeldItem(
                    user_id=user_id(name), directory_entitlement_id=thing
                )
                for name, thing in asked
            ],
        ),
        metadata=catalog.by("connector"),
    )
    return response.sync_id, list(response.states)


async def test_who_holds_what_themselves(catalog: RunningCatalog) -> None:
    """In the order asked; what comes through a group is not theirs, and of what is not in the
    directory nobody says that it is missing."""
    assert await check(catalog, ("Ben", "den_1")) == ("", [GONE])
    await sync(catalog, MARLOWE)
    await manage(catalog, "Payroll", object_id("Clerk"))
    clerk = role_id("Payroll", object_id("Clerk"))
    editors, viewers = membership_id("Design Editors"), membership_id("Design Viewers")
    design = await manage(catalog, "Design Tool")
    await link(catalog, design.app_id, virtual_role("Design Editors", "Editor"))
    asked = [
        ("Ben", editors),
        ("Cleo", editors),
        ("Cleo", viewers),
        ("Ben", role_id("Design Tool")),
        ("Ada", clerk),
        ("Ben", clerk),
        ("Stranger", editors),
        ("Ben", "den_unknown"),
        ("Ben", role_id("Board", object_id("Reader"))),
        ("Ben", editors),
    ]
    sync_id, states = await check(catalog, *asked)
    assert sync_id == (await checkpoint(catalog)).sync_id
    assert states == [HELD, NOT_HELD, HELD, NOT_HELD, HELD, NOT_HELD, GONE, GONE, GONE, HELD]
    assert await check(catalog, asked[0], connection_id="con_other") == ("", [HELD])

    less = replace(MARLOWE.without("Payroll", "Design Editors"), disabled=frozenset({"Ben"}))
    await sync(catalog, less.without("Cleo"))
    _, states = await check(catalog, *asked)
    assert states == [GONE, GONE, GONE, NOT_HELD, GONE, GONE, GONE, GONE, GONE, GONE]


async def test_no_sync_is_named_while_one_is_under_way(catalog: RunningCatalog) -> None:
    """Whoever asks can tell that what they were told is not of one sync."""
    await sync(catalog, MARLOWE)
    before, _ = await check(catalog, ("Ben", "den_1"))
    messages = numbered(MARLOWE.pages(), ids.new_id("syn"), seen_in=2)
    await ingest(catalog, messages[:2])
    during, _ = await check(catalog, ("Ben", "den_1"))
    await ingest(catalog, messages[2:])
    after, _ = await check(catalog, ("Ben", "den_1"))
    assert (during, after) == ("", messages[0].sync_id) and before not in ("", after)


async def test_each_item_is_looked_up_by_itself(catalog: RunningCatalog) -> None:
    """However many hold a thing, and however much a person holds."""
    names = [f"P{number}" for number in range(120)]
    groups = {f"G{number}": tuple(names) for number in range(12)}
    crowd = replace(
        MARLOWE,
        users={**MARLOWE.users, **dict.fromkeys(names, "")},
        groups={**MARLOWE.groups, **groups},
        assigned=(*MARLOWE.assigned, *(("Payroll", name) for name in names)),
    )
    await sync(catalog, crowd)
    await manage(catalog, "Payroll", object_id("Clerk"))
    asked = [("P1", membership_id("G1")), ("P2", role_id("Payroll", object_id("Clerk")))]
    with captured() as statements:
        assert (await check(catalog, *asked))[1] == [HELD, HELD]
    database = catalog.service.database
    for statement in statements:
        read = await rows_read(database, statement)
        assert read <= 30, f"{read}: {statement.text}\n{await plan_of(database, statement)}"
