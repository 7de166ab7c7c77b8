"""Choices for the groups that are linked to an app."""

import asyncio
from dataclasses import replace

import grpc
import pytest

from latchkey.catalog.v1 import entitlement_pb2, events_pb2, link_pb2
from latchkey.ledger.v1 import audit_pb2, event_pb2
from libs.rpc.errors import error_info
from tests.integration.catalog.refusals import refused
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
from tests.integration.catalog.tenant import MARLOWE, app_id, membership_id, role_id, sync


@pytest.fixture
async def app(catalog: RunningCatalog) -> Managed:
    """The design tool, managed."""
    await sync(catalog, MARLOWE)
    return await manage(catalog, "Design Tool")


async def entitlements(catalog: RunningCatalog, app: Managed) -> list[entitlement_pb2.Entitlement]:
    found = await catalog.entitlements.ListEntitlements(
        entitlement_pb2.ListEntitlementsRequest(app_id=app.app_id), metadata=root(catalog)
    )
    return list(found.entitlements)


async def test_an_unwritable_group_is_refused_and_nothing_is_half_done(
    catalog: RunningCatalog, app: Managed
) -> None:
    """One refused decision undoes all of its call, and is named with the reason."""
    before = await event_types(catalog)
    for decision in (
        virtual_role("All Staff"),
        provision_for("All Staff", app.access_id),
    ):
        refusal = await refused(link(catalog, app.app_id, virtual_role("Design Editors"), decision))
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "GROUP_NOT_WRITABLE")
        assert refusal.facts["field"] == "decisions[1]"
        assert refusal.facts["unwritable_reason"] == "DYNAMIC"
        assert "decisions[1]" in refusal.message
    assert {each.choice for each in (await linked(catalog, app.app_id)).values()} == {
        link_pb2.LINK_CHOICE_PENDING
    }
    assert len(await entitlements(catalog, app)) == 1
    assert await event_types(catalog) == before


async def test_a_role_gets_the_groups_name_unless_named(
    catalog: RunningCatalog, app: Managed
) -> None:
    """Names are trimmed; the description is kept."""
    decision = virtual_role("Design Viewers", "  Viewer ")
    decision.create_virtual_role.description = "May look.\nMay not touch."
    result = await link(catalog, app.app_id, virtual_role("Design Editors"), decision)
    assert [(each.display_name, each.description) for each in result.entitlements] == [
        ("Design Editors", ""),
        ("Viewer", "May look.\nMay not touch."),
    ]
    assert {each.resource_kind for each in result.entitlements} == {
        entitlement_pb2.RESOURCE_KIND_ROLE
    }


async def test_two_groups_widen_one_entitlement(catalog: RunningCatalog, app: Managed) -> None:
    """Both are added in one change of it."""
    result = await link(
        catalog,
        app.app_id,
        provision_for("Design Editors", app.access_id),
        provision_for("Design Viewers", app.access_id),
    )
    (access,) = result.entitlements
    assert [each.directory_entitlement_id for each in access.fulfilment] == [
        role_id("Design Tool"),
        membership_id("Design Editors"),
        membership_id("Design Viewers"),
    ]
    assert access.etag == "2"
    [listed] = await entitlements(catalog, app)
    for told_when_asked in ("settings", "owner_source"):
        listed.ClearField(told_when_asked)
    assert listed == access


@pytest.mark.parametrize("name", ["Editor", "EDITOR", " editor "])
async def test_role_names_are_taken_in_any_case(
    catalog: RunningCatalog, app: Managed, name: str
) -> None:
    """By a role of the app, and by another decision of the same call."""
    first, second = virtual_role("Design Editors", "Editor"), virtual_role("Design Viewers", name)
    refusal = await refused(link(catalog, app.app_id, first, second))
    assert (refusal.code, refusal.reason) == ("ALREADY_EXISTS", "ROLE_NAME_TAKEN")
    await link(catalog, app.app_id, first)
    refusal = await refused(link(catalog, app.app_id, second))
    assert (refusal.code, refusal.reason) == ("ALREADY_EXISTS", "ROLE_NAME_TAKEN")
    assert refusal.facts["field"] == "decisions[0].create_virtual_role.display_name"


async def test_of_two_that_race_for_a_name_one_wins(catalog: RunningCatalog, app: Managed) -> None:
    """The other hears that the name is taken; one role has it."""

    async def attempt(group: str) -> str:
        try:
            await link(catalog, app.app_id, virtual_role(group, "Editor"))
        except grpc.aio.AioRpcError as error:
            return error_info(error).reason
        return ""

    results = await asyncio.gather(attempt("Design Editors"), attempt("Design Viewers"))
    assert sorted(results) == ["", "ROLE_NAME_TAKEN"]
    names = [each.display_name for each in await entitlements(catalog, app)]
    assert names == ["Access", "Editor"]


async def test_a_choice_is_final_but_for_skip(catalog: RunningCatalog, app: Managed) -> None:
    """A skipped group can be chosen for; a bound one can't be chosen for again."""
    await link(catalog, app.app_id, skip("Design Editors"), skip("All Staff"))
    await link(catalog, app.app_id, skip("Design Editors"))
    result = await link(catalog, app.app_id, virtual_role("Design Editors"))
    assert result.linked_entitlements[0].choice == link_pb2.LINK_CHOICE_VIRTUAL_ROLE
    for decision in (
        skip("Design Editors"),
        virtual_role("Design Editors", "Other"),
        provision_for("Design Editors", app.access_id),
    ):
        refusal = await refused(link(catalog, app.app_id, decision))
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "ALREADY_LINKED")


async def test_names_what_is_not_there(catalog: RunningCatalog, app: Managed) -> None:
    """Unlinked groups, other apps' entitlements, unknown and unmanaged apps."""
    other = await manage(catalog, "Payroll")
    cases = [
        (app.app_id, virtual_role("Nobody"), "NOT_FOUND", "LINKED_ENTITLEMENT_NOT_FOUND"),
        (
            other.app_id,
            virtual_role("Design Editors"),
            "NOT_FOUND",
            "LINKED_ENTITLEMENT_NOT_FOUND",
        ),
        (
            app.app_id,
            provision_for("Design Editors", other.access_id),
            "NOT_FOUND",
            "ENTITLEMENT_NOT_FOUND",
        ),
        (app_id("Nowhere"), skip("Design Editors"), "NOT_FOUND", "APP_NOT_FOUND"),
        (app_id("Board"), skip("Design Editors"), "FAILED_PRECONDITION", "APP_NOT_MANAGED"),
    ]
    for of_app, decision, code, reason in cases:
        refusal = await refused(link(catalog, of_app, decision))
        assert (refusal.code, refusal.reason) == (code, reason)


async def test_a_group_that_goes_is_no_longer_linked_unless_bound(
    catalog: RunningCatalog, app: Managed
) -> None:
    """A bound group stays on the list under its old name, last; its binding stays visible."""
    await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"), skip("All Staff"))
    gone = MARLOWE.without("Design Editors", "Design Viewers", "All Staff")
    await sync(catalog, gone)
    found = await linked(catalog, app.app_id)
    assert list(found) == ["Design Editors"]
    assert found["Design Editors"].choice == link_pb2.LINK_CHOICE_VIRTUAL_ROLE
    assert found["Design Editors"].member_count == 0
    bindings = await catalog.links.ListBindings(
        link_pb2.ListBindingsRequest(app_id=app.app_id), metadata=root(catalog)
    )
    assert len(bindings.bindings) == 1
    refusal = await refused(link(catalog, app.app_id, virtual_role("Design Viewers")))
    assert refusal.reason == "LINKED_ENTITLEMENT_NOT_FOUND"


async def test_a_removed_app_takes_no_choices_but_shows_them(
    catalog: RunningCatalog, app: Managed
) -> None:
    """REMOVED is for reading only."""
    await link(catalog, app.app_id, virtual_role("Design Editors", "Editor"))
    await sync(catalog, MARLOWE.without("Design Tool"))
    assert list(await linked(catalog, app.app_id)) == ["Design Editors"]
    refusal = await refused(link(catalog, app.app_id, skip("Design Viewers")))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "APP_REMOVED")


async def test_lists_groups_by_their_present_name_and_each_once(
    catalog: RunningCatalog, app: Managed
) -> None:
    """In any case; a rename is followed, and a choice between two pages moves none of them."""
    await sync(catalog, replace(MARLOWE, called={"Design Viewers": "a viewer"}))
    assert list(await linked(catalog, app.app_id)) == ["a viewer", "All Staff", "Design Editors"]
    request = link_pb2.ListLinkedEntitlementsRequest(app_id=app.app_id, page_size=2)
    first = await catalog.links.ListLinkedEntitlements(request, metadata=root(catalog))
    await link(catalog, app.app_id, skip("Design Viewers"))
    request.page_token = first.next_page_token
    second = await catalog.links.ListLinkedEntitlements(request, metadata=root(catalog))
    assert [
        each.group_display_name for page in (first, second) for each in page.linked_entitlements
    ] == ["a viewer", "All Staff", "Design Editors"]


async def test_publishes_and_records_every_choice(catalog: RunningCatalog, app: Managed) -> None:
    """One event a choice, one audit record a call, both with the actor."""
    result = await link(catalog, app.app_id, virtual_role("Design Editors"), skip("Design Viewers"))
    events = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    found = [
        events_pb2.EntitlementLinked.FromString(event.payload)
        for event in events.events
        if event.type.endswith("EntitlementLinked")
    ]
    assert [(each.choice, each.entitlement_id) for each in found] == [
        (link_pb2.LINK_CHOICE_VIRTUAL_ROLE, result.entitlements[0].entitlement_id),
        (link_pb2.LINK_CHOICE_SKIPPED, ""),
    ]
    assert {each.actor.person.display_name for each in found} == {"Root"}
    records = await catalog.audit.ListAuditRecords(
        audit_pb2.ListAuditRecordsRequest(resource_id=app.app_id), metadata=root(catalog)
    )
    assert [record.action for record in records.audit_records] == [
        "app.managed",
        "app.entitlements_linked",
    ]


async def test_a_repeated_key_links_once(catalog: RunningCatalog, app: Managed) -> None:
    """The same call again answers as the first time, instead of ALREADY_LINKED."""
    request = link_pb2.LinkEntitlementsRequest(
        app_id=app.app_id, decisions=[virtual_role("Design Editors")], idempotency_key="once"
    )
    first = await catalog.links.LinkEntitlements(request, metadata=root(catalog))
    assert await catalog.links.LinkEntitlements(request, metadata=root(catalog)) == first
    assert (await event_types(catalog)).count("EntitlementLinked") == 1


async def test_nothing_is_provisioned_for_what_is_removed(
    sqlite_catalog: RunningCatalog,
) -> None:
    """Linking is refused with what is gone, preview alike; what is not removed goes on."""
    catalog = sqlite_catalog
    await sync(catalog, MARLOWE)
    app = await manage(catalog, "Design Tool")
    linking = await link(catalog, app.app_id, virtual_role("Design Viewers", "Viewer"))
    (role,) = linking.entitlements
    await sync(catalog, MARLOWE.without("Design Viewers"))
    decision = provision_for("Design Editors", role.entitlement_id)
    preview = catalog.links.PreviewLinkEntitlements(
        link_pb2.PreviewLinkEntitlementsRequest(app_id=app.app_id, decisions=[decision]),
        metadata=root(catalog),
    )
    for call in (link(catalog, app.app_id, decision), preview):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "ENTITLEMENT_REMOVED")
        assert "Design Viewers" in refusal.facts["problem"]
    await link(catalog, app.app_id, provision_for("Design Editors", app.access_id))
