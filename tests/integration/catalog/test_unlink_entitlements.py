"""Previews of choices, choices taken back, and what else a group stands behind."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from google.protobuf import field_mask_pb2
from sqlalchemy import func, insert, select

from latchkey.catalog.v1 import entitlement_pb2, events_pb2, link_pb2, settings_pb2
from latchkey.ledger.v1 import audit_pb2, event_pb2
from libs.domain import ids
from services.catalog.store import entitlement_tables, use_tables
from tests.integration.catalog.refusals import assert_refused, refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import (
    Managed,
    event_types,
    link,
    linked,
    manage,
    provision_for,
    root,
    skip,
    virtual_role,
)
from tests.integration.catalog.tenant import (
    MARLOWE,
    app_id,
    ingest,
    membership_id,
    numbered,
    role_id,
    sync,
)
from tests.support.issuer import object_id

# Whether a role is in use is asked of the requests service.
pytestmark = pytest.mark.usefixtures("feed")
BOTH = replace(MARLOWE, assigned=(*MARLOWE.assigned, ("Payroll", "Design Editors")))
PENDING, SKIPPED = link_pb2.LINK_CHOICE_PENDING, link_pb2.LINK_CHOICE_SKIPPED


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """The design tool, managed, where payroll too is assigned to the editors."""
    await sync(catalog, BOTH)
    return await manage(catalog, "Design Tool")


def wish(
    app: str, *groups: str, end: bool = False, key: str = ""
) -> link_pb2.UnlinkEntitlementsRequest:
    return link_pb2.UnlinkEntitlementsRequest(
        app_id=app,
        directory_entitlement_ids=map(membership_id, groups),
        reason="Chosen by mistake.",
        end_access=end,
        idempotency_key=key,
    )


async def unlink(
    catalog: RunningCatalog, app: str, *groups: str, end: bool = False
) -> link_pb2.UnlinkEntitlementsResponse:
    response: link_pb2.UnlinkEntitlementsResponse = await catalog.links.UnlinkEntitlements(
        wish(app, *groups, end=end), metadata=root(catalog)
    )
    return response


async def preview(
    catalog: RunningCatalog, app: str, *decisions: link_pb2.LinkDecision
) -> link_pb2.PreviewLinkEntitlementsResponse:
    response: link_pb2.PreviewLinkEntitlementsResponse
    response = await catalog.links.PreviewLinkEntitlements(
        link_pb2.PreviewLinkEntitlementsRequest(app_id=app, decisions=decisions),
        metadata=root(catalog),
    )
    return response


async def fulfilments(catalog: RunningCatalog, app: Managed) -> dict[str, list[str]]:
    found = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=app.app_id), metadata=root(catalog)
    )
    return {
        each.display_name: [target.directory_entitlement_id for target in each.fulfilment]
        for each in found.entitlements
    }


async def bindings(catalog: RunningCatalog, app: Managed) -> list[link_pb2.Binding]:
    found = await catalog.links.ListBindings(
        link_pb2.ListBindingsRequest(app_id=app.app_id), metadata=root(catalog)
    )
    return list(found.bindings)


async def test_what_was_linked_is_as_if_it_never_was(catalog: RunningCatalog, app: Managed) -> None:
    """Roles, resources, targets and owners go, what was widened is narrowed; relinking works."""
    decisions = (
        virtual_role("Design Editors", "Editor"),
        provision_for("Design Viewers", app.access_id),
        skip("All Staff"),
    )
    pending = await linked(catalog, app.app_id)
    wanted = await preview(catalog, app.app_id, *decisions)
    assert await linked(catalog, app.app_id) == pending
    made = await link(catalog, app.app_id, *decisions)
    role = made.entitlements[0].entitlement_id
    # The preview is the answer, but for ids of what is new and the moment of it.
    for answer in (made, wanted):
        for each in (answer.entitlements[0], *answer.bindings):
            each.ClearField("create_time")
    for entitlement in made.entitlements[:1]:
        entitlement.entitlement_id = entitlement.resource_id = ""
    made.linked_entitlements[0].entitlement_id = made.bindings[0].entitlement_id = ""
    for binding in made.bindings:
        binding.binding_id = ""
    assert list(wanted.entitlements) == list(made.entitlements)
    assert list(wanted.bindings) == list(made.bindings)
    assert list(wanted.linked_entitlements) == list(made.linked_entitlements)
    (warning,) = wanted.warnings
    assert "Design Editors stands behind the role Clerk of Payroll already" in warning

    owner = insert(entitlement_tables.owners).values(of_id=role, owner_id="usr_1", position=0)
    outside = insert(use_tables.unmanaged_access).values(
        entitlement_id=role,
        directory_entitlement_id=membership_id("Design Editors"),
        user_id="usr_1",
        app_id=app.app_id,
        first_seen_time=datetime.now(UTC),
    )
    database = catalog.service.database
    await database.write(lambda connection: [connection.execute(each) for each in (owner, outside)])
    request = wish(app.app_id, "All Staff", "Design Editors", "Design Viewers", key="once")
    result = await catalog.links.UnlinkEntitlements(request, metadata=root(catalog))
    assert await catalog.links.UnlinkEntitlements(request, metadata=root(catalog)) == result
    assert list(result.removed_entitlement_ids) == [role]
    (access,) = result.narrowed_entitlements
    assert (access.entitlement_id, access.etag) == (app.access_id, "3")
    assert [each.group_display_name for each in result.linked_entitlements] == [
        "All Staff",
        "Design Editors",
        "Design Viewers",
    ]
    assert {each.group_display_name: each for each in result.linked_entitlements} == pending
    assert await linked(catalog, app.app_id) == pending
    assert await fulfilments(catalog, app) == {"Access": [role_id("Design Tool")]}
    assert await bindings(catalog, app) == []
    left = {
        table.name: await database.read(
            lambda connection, table=table: connection.execute(  # type: ignore[misc]
                select(func.count()).select_from(table)
            ).scalar_one()
        )
        for table in (
            entitlement_tables.links,
            entitlement_tables.owners,
            use_tables.unmanaged_access,
            entitlement_tables.resources,
            entitlement_tables.entitlement_targets,
        )
    }
    assert left == {
        "links": 0,
        "owners": 0,
        "unmanaged_access": 0,
        "resources": 1,
        "entitlement_targets": 1,
    }
    again = await link(catalog, app.app_id, *decisions)
    assert again.entitlements[0].entitlement_id != role
    assert list(await fulfilments(catalog, app)) == ["Access", "Editor"]


async def test_a_role_goes_with_its_last_group(catalog: RunningCatalog, app: Managed) -> None:
    """The group it was made for may go before another that backs it."""
    made = await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    role = made.entitlements[0].entitlement_id
    await link(catalog, app.app_id, provision_for("Design Viewers", role))
    result = await unlink(catalog, app.app_id, "Design Editors")
    assert [each.entitlement_id for each in result.narrowed_entitlements] == [role]
    assert list(result.removed_entitlement_ids) == []
    found = await fulfilments(catalog, app)
    assert found["Editor"] == [membership_id("Design Viewers")]
    result = await unlink(catalog, app.app_id, "Design Viewers")
    assert list(result.removed_entitlement_ids) == [role]
    assert list(await fulfilments(catalog, app)) == ["Access"]


async def test_a_role_in_use_goes_only_when_told_to_end_access(
    catalog: RunningCatalog, app: Managed
) -> None:
    """The refusal says which; then everything is told to whoever follows, and recorded."""
    made = await link(catalog, app.app_id, virtual_role("Design Editors"), skip("All Staff"))
    role = made.entitlements[0].entitlement_id
    used = {"entitlement_id": role, "app_id": app.app_id, "user_id": "usr_1", "end_time": None}
    rows = [
        {**used, "access_request_id": "req_1", "state": "ACTIVE", "lease_id": "lea_1"},
        {**used, "access_request_id": "req_2", "state": "OPEN", "lease_id": ""},
    ]
    await catalog.service.database.write(
        lambda connection: connection.execute(insert(use_tables.uses), rows)
    )
    before = await event_types(catalog)
    refusal = await refused(unlink(catalog, app.app_id, "All Staff", "Design Editors"))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "ENTITLEMENT_IN_USE")
    assert (refusal.facts["lease_ids"], refusal.facts["access_request_ids"]) == ("lea_1", "req_2")
    assert await event_types(catalog) == before
    assert (await linked(catalog, app.app_id))["All Staff"].choice == SKIPPED
    await unlink(catalog, app.app_id, "All Staff", "Design Editors", end=True)
    events = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    skipped, bound, removed = events.events[len(before) :]
    told = events_pb2.EntitlementUnlinked.FromString(bound.payload)
    assert (told.entitlement_id, told.entitlement_removed) == (role, True)
    assert (told.reason, told.actor.person.display_name) == ("Chosen by mistake.", "Root")
    told = events_pb2.EntitlementUnlinked.FromString(skipped.payload)
    assert (told.entitlement_id, told.entitlement_removed) == ("", False)
    gone = events_pb2.EntitlementRemoved.FromString(removed.payload)
    assert (gone.entitlement_id, gone.app_id) == (role, app.app_id)
    records = await catalog.audit.ListAuditRecords(
        audit_pb2.ListAuditRecordsRequest(resource_id=app.app_id), metadata=root(catalog)
    )
    last = records.audit_records[-1]
    assert (last.action, last.reason) == ("app.entitlements_unlinked", "Chosen by mistake.")


async def test_says_what_else_a_group_stands_behind(catalog: RunningCatalog, app: Managed) -> None:
    """In lists, previews and answers of both apps, each without its own."""
    payroll = await manage(catalog, "Payroll")
    await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    (shown,) = (await linked(catalog, payroll.app_id)).values()
    shared, assigned = shown.shared_with
    assert (shared.app_id, shared.app_display_name) == (app.app_id, "Design Tool")
    assert shared.entitlement_display_name == "Editor"
    assert (assigned.app_id, assigned.entitlement_id) == (app.app_id, "")
    decision = provision_for("Design Editors", payroll.access_id)
    would = await preview(catalog, payroll.app_id, decision)
    (warning,) = would.warnings
    assert "Design Editors" in warning and "Editor of Design Tool" in warning
    made = await link(catalog, payroll.app_id, decision)
    assert list(made.linked_entitlements[0].shared_with) == [shared, assigned]
    back, _ = (await linked(catalog, app.app_id))["Design Editors"].shared_with
    assert (back.app_id, back.entitlement_id) == (payroll.app_id, payroll.access_id)
    result = await unlink(catalog, payroll.app_id, "Design Editors")
    assert list(result.linked_entitlements[0].shared_with) == [shared, assigned]
    (left,) = (await linked(catalog, app.app_id))["Design Editors"].shared_with
    assert (left.app_id, left.entitlement_id) == (payroll.app_id, "")


async def test_a_group_that_another_app_is_open_to_is_told_of_before_anything_is_bound(
    catalog: RunningCatalog, app: Managed
) -> None:
    """An assignment is access, whether its app is managed, its group chosen for, or neither."""
    choice = virtual_role("Design Editors", "Editor")
    for managed in (False, True):
        if managed:
            await manage(catalog, "Payroll")
        would = await preview(catalog, app.app_id, choice)
        (shared,) = would.linked_entitlements[0].shared_with
        assert (shared.app_display_name, shared.entitlement_id) == ("Payroll", "")
        role = (shared.entra_app_role_id, shared.entra_app_role_display_name)
        assert role == (object_id("Clerk"), "Clerk")
        (warning,) = would.warnings
        assert "Design Editors stands behind the role Clerk of Payroll already" in warning


async def test_a_locked_role_is_not_unlinked(catalog: RunningCatalog, app: Managed) -> None:
    """Not even when access may end: linked again it would be without its override."""
    made = await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    role = made.entitlements[0].entitlement_id

    async def lock(locked: bool) -> None:
        await catalog.entitlements.UpdateEntitlement(
            entitlement_pb2.UpdateEntitlementRequest(
                entitlement=entitlement_pb2.Entitlement(
                    entitlement_id=role,
                    override=settings_pb2.EntitlementOverride(
                        not_requestable=locked, locked=locked
                    ),
                ),
                update_mask=field_mask_pb2.FieldMask(paths=["override"]),
            ),
            metadata=root(catalog),
        )

    await lock(True)
    refusal = await refused(unlink(catalog, app.app_id, "Design Editors", end=True))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "ENTITLEMENT_LOCKED")
    assert refusal.facts["entitlement_id"] == role
    assert (await linked(catalog, app.app_id))["Design Editors"].entitlement_id == role
    await lock(False)
    result = await unlink(catalog, app.app_id, "Design Editors")
    assert list(result.removed_entitlement_ids) == [role]


async def test_a_group_that_goes_is_shown_and_can_be_unlinked(
    catalog: RunningCatalog, app: Managed
) -> None:
    """Gone from the directory its binding ended, unassigned it goes on; it may come back."""
    await link(catalog, app.app_id, virtual_role("Design Editors"), virtual_role("Design Viewers"))
    unassigned = replace(
        BOTH, assigned=tuple(pair for pair in BOTH.assigned if pair[1] != "Design Viewers")
    )
    await sync(catalog, unassigned.without("Design Editors"))
    found = await linked(catalog, app.app_id)
    assert {name: each.gone for name, each in found.items()} == {
        "All Staff": False,
        "Design Editors": True,
        "Design Viewers": True,
    }
    states = [each.state for each in await bindings(catalog, app)]
    assert states == [link_pb2.BINDING_STATE_ENDED, link_pb2.BINDING_STATE_ACTIVE]
    await unlink(catalog, app.app_id, "Design Viewers")
    assert list(await linked(catalog, app.app_id)) == ["All Staff", "Design Editors"]
    await sync(catalog, BOTH)
    found = await linked(catalog, app.app_id)
    assert not any(each.gone for each in found.values())
    assert found["Design Viewers"].choice == PENDING
    assert [each.state for each in await bindings(catalog, app)] == [link_pb2.BINDING_STATE_ACTIVE]


async def test_only_groups_assigned_themselves_are_linked_and_once(
    catalog: RunningCatalog,
) -> None:
    """A group within a group is none; one with two roles is there with both, the first first."""
    tenant = replace(
        MARLOWE,
        groups={**MARLOWE.groups, "Nested": ("Dov",), "Outer": ("Nested",)},
        assigned=(("Board", "Outer"),),
    )
    pages = tenant.pages()
    roles = pages[-1].page.app_role_assignments
    roles.add().CopyFrom(roles[0])
    roles[1].entra_app_role_id = object_id("Writer")
    await ingest(catalog, numbered(pages, ids.new_id("syn")))
    board = await manage(catalog, "Board", object_id("Reader"))
    (outer,) = (await linked(catalog, board.app_id)).values()
    assert outer.group_display_name == "Outer"
    named = {object_id(name): name for name in ("Reader", "Writer")}
    assert outer.entra_app_role_id == min(named)
    told = [(role.entra_app_role_id, role.display_name) for role in outer.assigned_roles]
    assert told == sorted(named.items())
    made = await link(catalog, board.app_id, virtual_role("Outer", "Outside"))
    assert list(made.linked_entitlements[0].assigned_roles) == list(outer.assigned_roles)
    await sync(catalog, replace(tenant, assigned=()))
    (gone,) = (await linked(catalog, board.app_id)).values()
    assert (gone.gone, list(gone.assigned_roles)) == (True, [])
    assert gone.entra_app_role_id == outer.entra_app_role_id


async def test_what_is_refused(catalog: RunningCatalog, app: Managed) -> None:
    """All or none; previews fail as the call would; of an app that is gone nothing is changed."""
    await link(catalog, app.app_id, skip("Design Viewers"))
    cases = [
        (app.app_id, ("Design Viewers", "All Staff"), "NOT_LINKED"),
        (app.app_id, ("Design Viewers", "Nobody"), "LINKED_ENTITLEMENT_NOT_FOUND"),
        (app_id("Nowhere"), ("Design Viewers",), "APP_NOT_FOUND"),
        (app_id("Board"), ("Design Viewers",), "APP_NOT_MANAGED"),
    ]
    for of_app, groups, reason in cases:
        refusal = await refused(unlink(catalog, of_app, *groups))
        assert refusal.reason == reason
    assert (await linked(catalog, app.app_id))["Design Viewers"].choice == SKIPPED
    refusal = await refused(preview(catalog, app.app_id, virtual_role("All Staff")))
    assert refusal.reason == "GROUP_NOT_WRITABLE"
    await sync(catalog, MARLOWE.without("Design Tool"))
    refusal = await refused(unlink(catalog, app.app_id, "Design Viewers"))
    assert refusal.reason == "APP_REMOVED"


async def test_bad_input(sqlite_catalog: RunningCatalog) -> None:
    """Each field is checked, and each wrong one named by its path."""
    catalog = sqlite_catalog
    name = "directory_entitlement_ids"
    wrong = link_pb2.UnlinkEntitlementsRequest(
        app_id="x",
        directory_entitlement_ids=["den_1", "grp_1", "den_1"],
        reason=" \n",
        idempotency_key="k" * 201,
    )
    fields = ("idempotency_key", f"{name}[0]", f"{name}[2]", "app_id", f"{name}[1]", "reason")
    await assert_refused(catalog, ("links", "UnlinkEntitlements", wrong), *fields)
    for count in (0, 101):
        wrong = wish("app_1", *map(str, range(count)))
        await assert_refused(catalog, ("links", "UnlinkEntitlements", wrong), name)
    twice = link_pb2.PreviewLinkEntitlementsRequest(app_id="a", decisions=[skip("A"), skip("A")])
    await assert_refused(
        catalog,
        ("links", "PreviewLinkEntitlements", twice),
        "decisions[0].directory_entitlement_id",
        "decisions[1].directory_entitlement_id",
        "app_id",
    )
