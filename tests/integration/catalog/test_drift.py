"""A linked group that is assigned to its app in other roles than when it was chosen for."""

from dataclasses import replace

from latchkey.catalog.v1 import events_pb2, ingest_pb2
from latchkey.ledger.v1 import event_pb2
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    incremental,
    link,
    linked,
    manage,
    root,
    skip,
    virtual_role,
)
from tests.integration.catalog.tenant import MARLOWE, Tenant, completion, page, sync
from tests.support.issuer import object_id

READER, WRITER = object_id("Reader"), object_id("Writer")
BOARD = replace(
    MARLOWE, assigned=(("Board", "Design Editors"), ("Board", "Design Viewers"), ("Board", "Ada"))
)


def in_role(tenant: Tenant, role: str) -> Tenant:
    """The tenant with everybody in this role of the board: the first that it declares."""
    roles = [role, *({"Reader", "Writer"} - {role})]
    return replace(tenant, apps={**tenant.apps, "Board": tuple(roles)})


async def told(catalog: RunningCatalog) -> list[tuple[list[str], bool]]:
    """The events of roles that changed: the roles, and whether they drifted."""
    response = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    found = [
        events_pb2.LinkedRolesChanged.FromString(event.payload)
        for event in response.events
        if event.type.endswith("LinkedRolesChanged")
    ]
    return [(list(each.entra_app_role_ids), each.drifted) for each in found]


async def test_other_roles_than_were_chosen_for_are_shown_and_told(catalog: RunningCatalog) -> None:
    """By a flag for as long as it lasts and by an event of the same sync, once; for a group that a
    final choice was made for, and no other. Linked again, it is chosen for as it is."""
    await sync(catalog, in_role(BOARD, "Reader"))
    app = await manage(catalog, "Board", READER)
    linking = await link(
        catalog, app.app_id, virtual_role("Design Editors"), skip("Design Viewers")
    )
    chosen = linking.linked_entitlements[0]
    assert (list(chosen.chosen_app_role_ids), chosen.drifted) == ([READER], False)

    async def drift() -> tuple[list[str], list[str], bool]:
        group = (await linked(catalog, app.app_id))["Design Editors"]
        roles = [each.entra_app_role_id for each in group.assigned_roles]
        assert not (await linked(catalog, app.app_id))["Design Viewers"].drifted
        return roles, list(group.chosen_app_role_ids), group.drifted

    # A second role beside the first: its members have more than was chosen.
    second = page(
        app_role_assignments=[
            ingest_pb2.DirectoryAppRoleAssignment(
                entra_service_principal_id=object_id("Board"),
                entra_app_role_id=WRITER,
                entra_principal_id=object_id("Design Editors"),
                principal_kind=ingest_pb2.PRINCIPAL_KIND_GROUP,
            )
        ]
    )
    await incremental(catalog, second)
    assert await drift() == ([READER], [READER], False)
    await incremental(catalog, completion())
    both = sorted([READER, WRITER])
    assert await drift() == (both, [READER], True)
    assert await told(catalog) == [(both, True)]

    # The first goes: told again. As it was: told once more, that it is so.
    await sync(catalog, in_role(BOARD, "Writer"))
    assert await drift() == ([WRITER], [READER], True)
    await sync(catalog, in_role(BOARD, "Writer"))
    await sync(catalog, in_role(BOARD, "Reader"))
    assert await drift() == ([READER], [READER], False)
    # No longer assigned, and linked all the same.
    unassigned = replace(BOARD, assigned=(("Board", "Design Viewers"),))
    await sync(catalog, in_role(unassigned, "Reader"))
    assert await drift() == ([], [READER], True)
    later = [([WRITER], True), ([READER], False), ([], True)]
    assert (await told(catalog))[1:] == later

    # Of a group that is gone itself something else is told.
    await sync(catalog, in_role(BOARD, "Reader"))
    await sync(catalog, in_role(BOARD, "Reader").without("Design Editors"))
    assert (await told(catalog))[1:] == [*later, ([READER], False)]
