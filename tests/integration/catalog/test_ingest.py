"""What a sync brings in, and what it may take away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from google.protobuf.message import Message

from latchkey.catalog.v1 import (
    app_pb2,
    directory_pb2,
    entitlement_pb2,
    events_pb2,
    grant_pb2,
    ingest_pb2,
    link_pb2,
)
from latchkey.ledger.v1 import audit_pb2, event_pb2
from libs.domain import ids
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import event_types, link, manage, root, virtual_role
from tests.integration.catalog.tenant import (
    CONNECTION,
    MARLOWE,
    Tenant,
    app_id,
    checkpoint,
    ingest,
    numbered,
    page,
    sync,
    user_id,
)
from tests.support.eventually import eventually
from tests.support.issuer import object_id


async def user_names(catalog: RunningCatalog) -> list[str]:
    found = await catalog.directory.ListUsers(
        directory_pb2.ListUsersRequest(), metadata=root(catalog)
    )
    return [user.display_name for user in found.users]


async def app_states(
    catalog: RunningCatalog,
) -> dict[str, app_pb2.AppState.ValueType]:
    found = await catalog.apps.ListApps(app_pb2.ListAppsRequest(), metadata=root(catalog))
    return {app.display_name: app.state for app in found.apps}


async def test_goes_on_behind_the_last_committed_page(catalog: RunningCatalog) -> None:
    """A stream that is cut leaves its pages and checkpoint; the next one completes the sync."""
    messages = numbered(MARLOWE.pages(), ids.new_id("syn"))
    assert await checkpoint(catalog) == ingest_pb2.GetCheckpointResponse()

    async def cut() -> AsyncIterator[ingest_pb2.IngestRequest]:
        yield messages[0]
        yield messages[1]
        await asyncio.Event().wait()

    call = catalog.ingest.Ingest(cut(), metadata=catalog.by("connector"))

    async def two_pages() -> bool:
        return (await checkpoint(catalog)).last_page_number == 2

    await eventually(two_pages)
    call.cancel()

    found = await checkpoint(catalog)
    assert (found.sync_id, found.checkpoint) == (messages[0].sync_id, "after 2")
    assert (found.round, found.run, found.seen_count, found.completed) == (1, 1, 7, False)
    response = await ingest(catalog, messages[2:])
    assert (response.last_page_number, response.completed, response.seen_count) == (6, True, 21)
    found = await checkpoint(catalog)
    assert (found.completed, found.checkpoint, found.last_page_number) == (True, "after 6", 6)


async def test_a_page_that_was_committed_is_passed_over(catalog: RunningCatalog) -> None:
    """Sending a whole sync again changes nothing: no record, no event, no count."""
    messages = numbered(MARLOWE.pages(), ids.new_id("syn"))
    first = await ingest(catalog, messages)
    before = await event_types(catalog)
    assert await ingest(catalog, messages) == first
    assert await ingest(catalog, messages[:3]) == first
    assert await event_types(catalog) == before
    records = await catalog.audit.ListAuditRecords(
        audit_pb2.ListAuditRecordsRequest(resource_id=CONNECTION), metadata=root(catalog)
    )
    assert [record.action for record in records.audit_records] == [
        *["directory.page_ingested"] * 5,
        "directory.refreshed",
    ]
    assert records.audit_records[0].actor.service == "connector"


async def test_two_streams_of_one_sync_commit_each_page_once(catalog: RunningCatalog) -> None:
    """Two connectors that send the same sync at once do no harm."""
    messages = numbered(MARLOWE.pages(), ids.new_id("syn"))
    both = await asyncio.gather(ingest(catalog, messages), ingest(catalog, messages))
    assert both[0] == both[1]
    assert both[0].seen_count == 21
    assert (await event_types(catalog)).count("AppDiscovered") == 4


async def test_only_completion_removes(catalog: RunningCatalog) -> None:
    """What a sync did not see is there until the sync is complete, and gone then."""
    await sync(catalog, MARLOWE)
    smaller = MARLOWE.without("Cleo", "Design Viewers", "Payroll")
    messages = numbered(smaller.pages(), ids.new_id("syn"), seen_in=2)

    response = await ingest(catalog, messages[:-1])
    assert (response.completed, response.removed_count) == (False, 0)
    assert await user_names(catalog) == ["Ada", "Ben", "Cleo", "Dov"]
    assert "Payroll" in await app_states(catalog)

    response = await ingest(catalog, messages[-1:])
    # Cleo, Design Viewers, Payroll; Ben and Cleo of the group, Cleo of All Staff; two assignments
    assert (response.completed, response.removed_count) == (True, 8)
    assert await user_names(catalog) == ["Ada", "Ben", "Dov"]
    assert "Payroll" not in await app_states(catalog)
    groups = await catalog.directory.ListGroups(
        directory_pb2.ListGroupsRequest(), metadata=root(catalog)
    )
    assert [(group.display_name, group.member_count) for group in groups.groups] == [
        ("All Staff", 2),
        ("Design Editors", 1),
    ]


# What became of Marlowe: people moved between groups and apps, and one is new.
_LATER = replace(
    MARLOWE.without("Cleo"),
    users={"Ada": "", "Ben": "Ada", "Dov": "", "Eve": "Ben"},
    disabled=frozenset({"Ben"}),
    groups={"Design Editors": ("Ada",), "Design Viewers": ("Eve",), "All Staff": ("Ada", "Eve")},
    apps={"Design Tool": (), "Graph": (), "Board": ("Writer",), "Wiki": ()},
    assigned=(("Design Tool", "Design Viewers"), ("Board", "Design Editors"), ("Wiki", "Eve")),
    called={"Board": "Planks"},
)


async def _served(catalog: RunningCatalog) -> list[Message]:
    """All that is served of the directory, and what follows it, but for times."""
    by = root(catalog)
    users = await catalog.directory.ListUsers(directory_pb2.ListUsersRequest(), metadata=by)
    for user in users.users:
        user.ClearField("sync_time")
    answers: list[Message] = [
        users,
        await catalog.directory.ListGroups(directory_pb2.ListGroupsRequest(), metadata=by),
        await catalog.apps.ListApps(app_pb2.ListAppsRequest(), metadata=by),
    ]
    for user in users.users:
        grants = await catalog.grants.ListGrants(
            grant_pb2.ListGrantsRequest(user_id=user.user_id), metadata=by
        )
        for grant in grants.grants:
            grant.ClearField("start_time")
        answers.append(grants)
    for app in ("Design Tool", "Board"):
        answers.append(
            await catalog.entitlements.ListEntitlements(
                entitlement_pb2.ListEntitlementsRequest(app_id=app_id(app)), metadata=by
            )
        )
    return answers


async def test_a_sync_is_served_whole_or_not_at_all(catalog: RunningCatalog) -> None:
    """After any of its pages everything is as the last complete sync left it; with the last
    message everything is as in Entra now, and told. What stopped in the middle is gone on with."""
    await sync(catalog, MARLOWE)
    await manage(catalog, "Design Tool")
    await manage(catalog, "Board", object_id("Reader"))
    before, told = await _served(catalog), await event_types(catalog)
    stopped = numbered(_LATER.pages(), ids.new_id("syn"), seen_in=2, complete=False)
    for message in stopped[:3]:
        await ingest(catalog, [message])
        assert await _served(catalog) == before
    # Another sync goes on where the one before stopped, and begins one kind anew.
    messages = numbered(_LATER.pages()[2:], ids.new_id("syn"), seen_in=2)
    for message in messages[:-1]:
        await ingest(catalog, [message])
        assert await _served(catalog) == before
    assert await event_types(catalog) == told
    await ingest(catalog, messages[-1:])
    after = await _served(catalog)
    assert await user_names(catalog) == ["Ada", "Ben", "Dov", "Eve"]
    new = (await event_types(catalog))[len(told) :]
    assert sorted(new) == [
        "AppDiscovered",
        "AppRemoved",
        "DirectoryRefreshed",
        # The role that delivered access, and access with it; the other one has the app's new name.
        "EntitlementRemoved",
        "EntitlementRemoved",
        "EntitlementUpdated",
        "UserDeactivated",
        "UserDeactivated",
    ]
    # It is what one sync of all of it would have led to.
    await sync(catalog, _LATER)
    assert await _served(catalog) == after


async def test_two_syncs_at_once_leave_one_of_both(catalog: RunningCatalog) -> None:
    """The newer one, whole: nothing counts of what the older had brought, and no more may come."""
    await sync(catalog, MARLOWE)
    older = numbered(MARLOWE.without("Ben").pages(), ids.new_id("syn"), seen_in=2)
    newer = numbered(_LATER.pages(), ids.new_id("syn"), seen_in=3)
    await ingest(catalog, older[:3])

    async def late() -> str:
        return (await refused(ingest(catalog, older[3:]))).reason

    await ingest(catalog, newer[:1])
    reason, _ = await asyncio.gather(late(), ingest(catalog, newer[1:]))
    assert reason == "SYNC_SUPERSEDED"
    found = await _served(catalog)
    await sync(catalog, _LATER)
    assert await _served(catalog) == found


async def test_pages_come_in_any_order(catalog: RunningCatalog) -> None:
    """Assignments before apps and members before groups lead to the same."""
    await ingest(catalog, numbered(reversed(MARLOWE.pages()), ids.new_id("syn")))
    app = await manage(catalog, "Design Tool")
    found = await catalog.links.ListLinkedEntitlements(
        link_pb2.ListLinkedEntitlementsRequest(app_id=app.app_id), metadata=root(catalog)
    )
    assert [each.member_count for each in found.linked_entitlements] == [3, 1, 2]


async def test_a_rename_keeps_the_id_and_what_is_managed(catalog: RunningCatalog) -> None:
    """The name follows the directory; id, state, roles and creation stay; the etag changes."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await link(catalog, managed.app_id, virtual_role("Design Editors", "Editor"))
    request = app_pb2.GetAppRequest(app_id=managed.app_id)
    before = (await catalog.apps.GetApp(request, metadata=root(catalog))).app

    await sync(catalog, MARLOWE)
    same = (await catalog.apps.GetApp(request, metadata=root(catalog))).app
    assert same == before

    await sync(catalog, replace(MARLOWE, called={"Design Tool": "Sketchpad"}))
    after = (await catalog.apps.GetApp(request, metadata=root(catalog))).app
    assert (after.display_name, after.state) == ("Sketchpad", app_pb2.APP_STATE_MANAGED)
    assert (after.create_time, after.manage_time) == (before.create_time, before.manage_time)
    assert after.etag != before.etag
    assert (await event_types(catalog)).count("AppDiscovered") == 4


async def test_a_managed_app_that_vanishes_is_removed_and_comes_back(
    catalog: RunningCatalog,
) -> None:
    """REMOVED is kept for a managed app only, and undone when a sync finds it again."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Design Tool")
    await sync(catalog, MARLOWE.without("Design Tool", "Payroll"))
    assert await app_states(catalog) == {
        "Board": app_pb2.APP_STATE_UNMANAGED,
        "Design Tool": app_pb2.APP_STATE_REMOVED,
        "Graph": app_pb2.APP_STATE_UNMANAGED,
    }
    events = await catalog.events.ListEvents(
        event_pb2.ListEventsRequest(page_size=500), metadata=root(catalog)
    )
    removed = {
        event.subject_id: events_pb2.AppRemoved.FromString(event.payload).was_managed
        for event in events.events
        if event.type.endswith("AppRemoved")
    }
    assert removed == {app_id("Design Tool"): True, app_id("Payroll"): False}

    # A second sync without it says nothing new.
    count = len(await event_types(catalog))
    again = await sync(catalog, MARLOWE.without("Design Tool", "Payroll"))
    assert again.removed_count == 0
    assert (await event_types(catalog))[count:] == ["DirectoryRefreshed"]

    await sync(catalog, MARLOWE)
    states = await app_states(catalog)
    assert states["Design Tool"] == app_pb2.APP_STATE_MANAGED
    assert states["Payroll"] == app_pb2.APP_STATE_UNMANAGED
    refusal = await refused(manage(catalog, "Design Tool"))
    assert refusal.reason == "APP_ALREADY_MANAGED"
    assert managed.app_id == app_id("Design Tool")


async def test_a_gap_is_refused(catalog: RunningCatalog) -> None:
    """A page must follow the last one; the refused one leaves nothing behind."""
    messages = numbered(MARLOWE.pages(), ids.new_id("syn"))
    refusal = await refused(ingest(catalog, [messages[0], messages[2]]))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "SYNC_PAGE_OUT_OF_ORDER")
    assert (await checkpoint(catalog)).last_page_number == 1
    refusal = await refused(ingest(catalog, messages[-1:]))
    assert refusal.reason == "SYNC_PAGE_OUT_OF_ORDER"


async def test_nothing_follows_a_complete_sync(catalog: RunningCatalog) -> None:
    """A sync that is complete takes no page more."""
    messages = numbered(MARLOWE.pages(), ids.new_id("syn"))
    await ingest(catalog, messages)
    late = numbered(MARLOWE.pages()[:1], messages[0].sync_id, first=7, complete=False)
    assert (await refused(ingest(catalog, late))).reason == "SYNC_PAGE_OUT_OF_ORDER"


async def test_an_older_sync_is_superseded(catalog: RunningCatalog) -> None:
    """Once a newer sync of the connection has begun, the older can't go on, whatever page."""
    older, newer = ids.new_id("syn"), ids.new_id("syn")
    await ingest(catalog, numbered(MARLOWE.pages()[:2], older, complete=False))
    await ingest(catalog, numbered(MARLOWE.pages()[:1], newer, complete=False))
    late = numbered(MARLOWE.pages()[2:], older, first=3)
    refusal = await refused(ingest(catalog, late))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "SYNC_SUPERSEDED")
    assert refusal.facts["newer_sync_id"] == newer
    found = await checkpoint(catalog)
    assert (found.sync_id, found.last_page_number) == (newer, 1)


async def test_connections_do_not_sweep_each_other(catalog: RunningCatalog) -> None:
    """A complete sync removes what its own connection had found, and nothing else."""
    await sync(catalog, MARLOWE)
    other = "con_000000000000000000000other"
    tenant = Tenant(users={"Zoe": ""})
    messages = numbered(tenant.pages(), ids.new_id("syn"), connection_id=other)
    response = await ingest(catalog, messages)
    assert response.removed_count == 0
    assert await user_names(catalog) == ["Ada", "Ben", "Cleo", "Dov", "Zoe"]


async def test_a_sync_is_of_one_connection_and_one_tenant(catalog: RunningCatalog) -> None:
    """The same sync id with another connection or tenant is a mistake that is named."""
    sync_id = ids.new_id("syn")
    pages = MARLOWE.pages()
    await ingest(catalog, numbered(pages[:1], sync_id, complete=False))
    elsewhere = numbered(
        pages[1:2], sync_id, first=2, complete=False, connection_id="con_elsewhere"
    )
    assert (await refused(ingest(catalog, elsewhere))).fields == ("connection_id",)
    (foreign,) = numbered(pages[1:2], sync_id, first=2, complete=False)
    foreign.entra_tenant_id = object_id("another tenant")
    assert (await refused(ingest(catalog, [foreign]))).fields == ("entra_tenant_id",)


async def test_one_stream_is_of_one_sync(catalog: RunningCatalog) -> None:
    """A second sync id within a stream is refused; what came before is kept."""
    first, second = ids.new_id("syn"), ids.new_id("syn")
    pages = MARLOWE.pages()
    messages = [
        *numbered(pages[:1], first, complete=False),
        *numbered(pages[1:2], second, complete=False),
    ]
    assert (await refused(ingest(catalog, messages))).fields == ("sync_id",)
    assert (await checkpoint(catalog)).last_page_number == 1


async def test_odd_values_of_the_directory_stop_nothing(catalog: RunningCatalog) -> None:
    """Control characters are taken out, long texts cut, and a name is never empty."""
    odd = page(
        users=[
            ingest_pb2.DirectoryUser(
                entra_object_id=object_id("odd").upper(),
                display_name="\x00Odd\x07\nname" + "x" * 5000,
                department="\x00",
                job_title="t" * 5000,
            ),
            ingest_pb2.DirectoryUser(entra_object_id=object_id("nameless"), display_name=" \x00 "),
        ],
        service_principals=[
            ingest_pb2.DirectoryServicePrincipal(
                entra_object_id=object_id("odd app"),
                entra_app_id=object_id("odd application"),
                display_name="Odd\x00 app",
                description="one\ntwo\x00" + "y" * 5000,
                app_roles=[
                    app_pb2.AppRole(
                        entra_app_role_id=object_id("role"), display_name="a\x00b", value="\x00"
                    )
                ],
            )
        ],
    )
    await ingest(catalog, numbered([odd], ids.new_id("syn")))
    user = (
        await catalog.directory.GetUser(
            directory_pb2.GetUserRequest(user_id=user_id("odd")), metadata=root(catalog)
        )
    ).user
    assert user.display_name == ("Odd  name" + "x" * 5000)[:256]
    assert user.department == ""
    assert len(user.job_title) == 256
    assert object_id("nameless") in await user_names(catalog)
    app = (
        await catalog.apps.GetApp(
            app_pb2.GetAppRequest(app_id=app_id("odd app")), metadata=root(catalog)
        )
    ).app
    assert app.display_name == "Odd  app"
    assert app.description.startswith("one\ntwo yyy")
    assert (app.app_roles[0].display_name, app.app_roles[0].value) == ("a b", "")


async def test_an_empty_stream_is_no_sync(catalog: RunningCatalog) -> None:
    """A stream without pages answers with nothing and changes nothing."""
    assert await ingest(catalog, []) == ingest_pb2.IngestResponse()
    assert await event_types(catalog) == []


async def test_publishes_discovery_and_refreshment(catalog: RunningCatalog) -> None:
    """Each new app once, and the counts at completion."""
    await sync(catalog, MARLOWE)
    await sync(catalog, MARLOWE)
    assert await event_types(catalog) == [
        *["AppDiscovered"] * 4,
        "DirectoryRefreshed",
        "DirectoryRefreshed",
    ]
    events = await catalog.events.ListEvents(event_pb2.ListEventsRequest(), metadata=root(catalog))
    refreshed = events_pb2.DirectoryRefreshed.FromString(events.events[-1].payload)
    assert (refreshed.connection_id, refreshed.seen_count, refreshed.removed_count) == (
        CONNECTION,
        21,
        0,
    )
    assert events.events[-1].sequence > events.events[-2].sequence
