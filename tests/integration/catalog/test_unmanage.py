"""The way back to unmanaged, what stands in it, and the way to managed again."""

import pytest
from sqlalchemy import func, select

from latchkey.catalog.v1 import app_pb2, entitlement_pb2, link_pb2, owner_pb2, settings_pb2
from latchkey.requests.v1 import events_pb2 as requests_pb2
from libs.domain.callers import Service
from libs.domain.changes import AuditEntry, Change, Outcome, Write
from libs.domain.errors import Conflict
from services.catalog.domain.following import FeedPosition
from services.catalog.domain.owner import Owner
from services.catalog.store import entitlement_tables, rule_tables
from services.catalog.store.feed import StoredFeed
from services.catalog.store.owners import no_owner_writes, owner_writes
from tests.fakes.requests_feed import FakeFeed, asked, fulfilled
from tests.integration.catalog.refusals import refused
from tests.integration.catalog.running import RunningCatalog
from tests.integration.catalog.steps import event_types, link, manage, offer, root, virtual_role
from tests.integration.catalog.tenant import MARLOWE, membership_id, sync, user_id
from tests.integration.catalog.test_app_depth import BOARD, change, given, offered, update
from tests.support.eventually import eventually
from tests.support.issuer import object_id


async def unmanage(
    catalog: RunningCatalog, app: str, *, end: bool = False
) -> app_pb2.UnmanageAppResponse:
    answer: app_pb2.UnmanageAppResponse = await catalog.apps.UnmanageApp(
        app_pb2.UnmanageAppRequest(app_id=app, reason="over", end_access=end),
        metadata=root(catalog),
    )
    return answer


async def unlink(catalog: RunningCatalog, app: str, group: str, *, end: bool = False) -> None:
    await catalog.links.UnlinkEntitlements(
        link_pb2.UnlinkEntitlementsRequest(
            app_id=app,
            directory_entitlement_ids=[membership_id(group)],
            reason="over",
            end_access=end,
        ),
        metadata=root(catalog),
    )


async def test_what_was_asked_for_a_moment_ago_counts(
    catalog: RunningCatalog, feed: FakeFeed
) -> None:
    """No round of the loop lies between; more than ten are counted, and nothing is left of it."""
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Board", object_id("Reader"))
    await offer(catalog, managed)
    await update(catalog, app_pb2.App(app_id=BOARD, owners=given("Ben")), "owners")
    feed.happen(
        *(asked(f"req_{n:02}", managed.access_id, BOARD, user_id("Ben")) for n in range(13)),
        requests_pb2.AccessRequestApproved(access_request_id="req_12", lease_id="lea_12"),
    )
    refusal = await refused(unmanage(catalog, BOARD))
    assert refusal.reason == "APP_IN_USE"
    assert refusal.facts["lease_ids"] == "lea_12"
    assert refusal.facts["access_request_ids"].endswith("req_08, req_09, and 2 more")
    feed.happen(requests_pb2.AccessRequestDenied(access_request_id="req_11"))
    answer = await unmanage(catalog, BOARD, end=True)
    assert answer.app.state == app_pb2.APP_STATE_UNMANAGED
    assert (answer.ending_lease_count, answer.ending_access_request_count) == (1, 11)
    assert (await event_types(catalog))[-1] == "AppUnmanaged"
    left = (
        entitlement_tables.resource_types,
        entitlement_tables.resources,
        entitlement_tables.entitlements,
        entitlement_tables.entitlement_targets,
        entitlement_tables.owners,
        rule_tables.entitlement_rules,
        rule_tables.rule_resource_types,
        rule_tables.rule_access_profiles,
    )
    counts = select(*(select(func.count()).select_from(each).scalar_subquery() for each in left))
    row = await catalog.service.database.read(lambda connection: connection.execute(counts).one())
    assert set(row) == {0}
    assert (await refused(unmanage(catalog, BOARD, end=True))).reason == "APP_NOT_MANAGED"
    blank = app_pb2.UnmanageAppRequest(app_id=BOARD, reason=" ")
    refusal = await refused(catalog.apps.UnmanageApp(blank, metadata=root(catalog)))
    assert refusal.fields == ("reason",)


async def test_nothing_goes_while_nobody_says_what_is_in_use(
    catalog: RunningCatalog, feed: FakeFeed
) -> None:
    """Without the requests service only what may end goes, and it comes back once that is over.

    What comes back with the ids that it had takes no etag that it had.
    """
    await sync(catalog, MARLOWE)
    managed = await manage(catalog, "Board", object_id("Reader"))
    design = await manage(catalog, "Design Tool")
    await link(catalog, design.app_id, virtual_role("Design Editors", "Editor"))
    before = (await offered(catalog, BOARD))["Writer"]
    for text in ("a", "b", "c", "d"):
        before.description, before.etag = text, ""
        before = await change(catalog, before, "description")
    feed.happen(
        asked("req_1", before.entitlement_id, BOARD, user_id("Ben")),
        requests_pb2.AccessRequestApproved(access_request_id="req_1", lease_id="lea_1"),
        fulfilled("req_1", "lea_1", None),
    )
    assert (await refused(unmanage(catalog, BOARD))).reason == "APP_IN_USE"
    await feed.stop()
    for call in (
        unmanage(catalog, BOARD),
        unmanage(catalog, design.app_id),
        unlink(catalog, design.app_id, "Design Editors"),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "DEPENDENCY_UNAVAILABLE")
    await unlink(catalog, design.app_id, "Design Editors", end=True)
    assert (await unmanage(catalog, BOARD, end=True)).ending_lease_count == 1
    await sync(catalog, MARLOWE)
    again = manage(catalog, "Board", object_id("Reader"))
    assert (await refused(again)).reason == "DEPENDENCY_UNAVAILABLE"
    await manage(catalog, "Payroll")
    await feed.start()

    async def ending() -> bool:
        refusal = await refused(manage(catalog, "Board", object_id("Reader")))
        assert (refusal.reason, refusal.facts.get("lease_ids")) == ("ACCESS_ENDING", "lea_1")
        return True

    await eventually(ending, 10)
    request = app_pb2.BatchManageAppsRequest(
        apps=[
            app_pb2.BatchManageAppsRequest.AppToManage(
                app_id=BOARD, access_entra_app_role_id=object_id("Reader")
            )
        ]
    )
    refusal = await refused(catalog.apps.BatchManageApps(request, metadata=root(catalog)))
    assert (refusal.reason, refusal.facts["field"]) == ("ACCESS_ENDING", "apps[0].app_id")
    feed.happen(requests_pb2.LeaseRemoved(lease_id="lea_1"))
    access_before, managed = managed.access_id, await manage(catalog, "Board", object_id("Reader"))
    after = (await offered(catalog, BOARD))["Writer"]
    assert after.entitlement_id == before.entitlement_id
    assert managed.access_id != access_before
    assert int(after.etag) > int(before.etag)
    assert (await refused(change(catalog, before, "description"))).reason == "ETAG_MISMATCH"


async def test_where_no_requests_service_is_named(sqlite_catalog: RunningCatalog) -> None:
    """It is as if it were away, and the refusal says what is missing."""
    await sync(sqlite_catalog, MARLOWE)
    payroll = await manage(sqlite_catalog, "Payroll")
    refusal = await refused(unmanage(sqlite_catalog, payroll.app_id))
    assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "DEPENDENCY_UNAVAILABLE")
    assert "LATCHKEY_REQUESTS_ADDRESS" in refusal.message
    await unmanage(sqlite_catalog, payroll.app_id, end=True)


@pytest.mark.usefixtures("feed")
async def test_who_answers_for_something_else_stays(catalog: RunningCatalog) -> None:
    """What goes is an owner of nothing that stays, whatever may end; what is gone does not count.

    Owners among itself go with it.
    """
    await sync(catalog, MARLOWE)
    design, payroll = await manage(catalog, "Design Tool"), await manage(catalog, "Payroll")
    answer = await link(catalog, design.app_id, virtual_role("Design Editors", "Editor"))
    role = answer.entitlements[0].entitlement_id
    owners = given("Ada", holders=(role, design.access_id))
    await update(catalog, app_pb2.App(app_id=payroll.app_id, owners=owners), "owners")
    clerk = (await offered(catalog, payroll.app_id))["Clerk"].entitlement_id
    for entitlement_id in (clerk, role):
        wanted = entitlement_pb2.Entitlement(entitlement_id=entitlement_id, owners=owners[1:])
        await change(catalog, wanted, "owners")
    await update(catalog, app_pb2.App(app_id=design.app_id, owners=owners), "owners")

    async def answers_for(call: object) -> list[str]:
        refusal = await refused(call)  # type: ignore[arg-type]
        assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "ENTITLEMENT_IS_OWNER")
        return refusal.facts["owner_of"].split(", ")

    going = unlink(catalog, design.app_id, "Design Editors", end=True)
    assert await answers_for(going) == sorted([design.app_id, payroll.app_id, clerk])
    await update(catalog, app_pb2.App(app_id=design.app_id), "owners")
    going = unlink(catalog, design.app_id, "Design Editors")
    assert await answers_for(going) == sorted([payroll.app_id, clerk])
    for end in (False, True):
        whole = unmanage(catalog, design.app_id, end=end)
        assert await answers_for(whole) == sorted([payroll.app_id, clerk])
    shown = await catalog.apps.GetApp(
        app_pb2.GetAppRequest(app_id=payroll.app_id), metadata=root(catalog)
    )
    assert list(shown.app.owners) == owners
    assert shown.app.owner_source == owner_pb2.OWNER_SOURCE_GIVEN
    await sync(catalog, MARLOWE.without("Payroll"))
    await unmanage(catalog, design.app_id)
    await unmanage(catalog, payroll.app_id)


@pytest.mark.usefixtures("feed")
async def test_a_lock_is_lifted_before(catalog: RunningCatalog) -> None:
    """The refusal names the entitlement; when that is gone from the directory, nothing is kept."""
    await sync(catalog, MARLOWE)
    board = await manage(catalog, "Board", object_id("Reader"))
    writer = (await offered(catalog, BOARD))["Writer"]
    locked = settings_pb2.EntitlementOverride(not_requestable=True, locked=True)
    for entitlement_id in (writer.entitlement_id, board.access_id):
        wanted = entitlement_pb2.Entitlement(entitlement_id=entitlement_id, override=locked)
        await change(catalog, wanted, "override")
    for name, entitlement_id in (("Access", board.access_id), ("Writer", writer.entitlement_id)):
        refusal = await refused(unmanage(catalog, BOARD, end=True))
        assert refusal.reason == "ENTITLEMENT_LOCKED", name
        named = refusal.facts["entitlement_id"]
        assert named in (board.access_id, writer.entitlement_id)
        if name == "Access":
            wanted = entitlement_pb2.Entitlement(entitlement_id=entitlement_id)
            await change(catalog, wanted, "override.locked")
        else:
            assert named == entitlement_id
    await sync(catalog, MARLOWE.without("Board"))
    await unmanage(catalog, BOARD)


async def test_what_changes_meanwhile_makes_it_stale(catalog: RunningCatalog) -> None:
    """The feed moves, an owner is given, an owner is taken away, between decision and commit."""
    await sync(catalog, MARLOWE)
    design, payroll = await manage(catalog, "Design Tool"), await manage(catalog, "Payroll")
    feed, one = StoredFeed(catalog.service.database), FeedPosition(1, "evt_1")

    async def commit(*writes: Write) -> None:
        audit = AuditEntry(Service("catalog"), "test", "app_1")
        change = Change(audit, writes)

        async def use_case() -> Outcome[None]:
            return Outcome(None, change)

        await catalog.service.writes.run(use_case)

    await commit(feed.unmoved("requests", None))
    await commit(*feed.followed("requests", None, one, (), (), anew=False))
    await commit(feed.unmoved("requests", one))
    for seen in (None, FeedPosition(1, "evt_2"), FeedPosition(2, "evt_1")):
        with pytest.raises(Conflict):
            await commit(feed.unmoved("requests", seen))
    await commit(*no_owner_writes([design.access_id]))
    await commit(*owner_writes(payroll.app_id, (), [Owner(design.access_id)]))
    with pytest.raises(Conflict):
        await commit(*no_owner_writes([design.access_id]))
    await commit(*no_owner_writes([design.access_id], payroll.app_id))
    with pytest.raises(Conflict):
        await commit(*owner_writes(payroll.app_id, (), [Owner("ent_gone")]))
