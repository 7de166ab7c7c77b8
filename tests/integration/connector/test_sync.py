"""Syncs, from the simulator's tenant into the catalog."""

import grpc

from latchkey.catalog.v1 import link_pb2
from latchkey.connector.v1 import sync_pb2 as pb
from libs.domain.errors import WrongState
from services.connector.store.connections import ConnectionStore
from tests.fakes.connector_peers import IngestedSync
from tests.integration.connector.house import ConnectorHouse, refusal
from tests.integration.connector.whole import check_complete, enlarge
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually


async def test_brings_the_whole_tenant(house: ConnectorHouse) -> None:
    """Everything in scope reaches the catalog exactly once, and then the sync succeeds."""
    sync_id = await house.start_sync(await house.connect())
    sync = await house.finished(sync_id)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    found = house.catalog.syncs[sync_id]
    check_complete(house, found)
    assert sync.phase == "done" and sync.page_count == len(found.pages)
    assert sync.object_count == sum(
        len(found.objects(kind))
        for kind in (
            "users", "groups", "memberships", "service_principals", "app_role_assignments"
        )
    )  # fmt: skip
    asked = [
        entry
        for entry in house.simulator.journal.entries()
        if entry["source"] == "graph" and "batch" not in entry
    ]
    assert sync.request_count == len(asked)
    assert not any("expand" in entry["path"] for entry in asked)


async def test_says_which_groups_can_be_written(small_house: ConnectorHouse) -> None:
    """The catalog can refuse early what Graph would refuse late."""
    house = small_house
    sync_id = await house.start_sync(await house.connect())
    await house.finished(sync_id)
    groups = house.catalog.syncs[sync_id].objects("groups")
    reasons = {group.entra_object_id: group.unwritable_reason for group in groups}
    assert reasons[cast.ATELIER_EDITORS] == link_pb2.UNWRITABLE_REASON_UNSPECIFIED
    assert reasons[cast.MARKETING_TEAM] == link_pb2.UNWRITABLE_REASON_UNSPECIFIED
    assert reasons[cast.ENGINEERING] == link_pb2.UNWRITABLE_REASON_DYNAMIC
    assert reasons[cast.WAREHOUSE_STAFF] == link_pb2.UNWRITABLE_REASON_SYNCED
    assert reasons[cast.FINANCE_ANNOUNCEMENTS] == link_pb2.UNWRITABLE_REASON_MAIL_ENABLED
    assert reasons[cast.CLOUD_ADMINISTRATORS] == link_pb2.UNWRITABLE_REASON_ROLE_ASSIGNABLE


async def test_remembers_what_is_microsofts_own(house: ConnectorHouse) -> None:
    """Also what is out of scope: the connector will never write to it."""
    connection_id = await house.connect()
    sync = await house.finished(await house.start_sync(connection_id))
    assert sync.state == pb.SYNC_STATE_SUCCEEDED
    store = ConnectionStore(house.running.database)
    protected = await store.protected(connection_id)
    assert cast.MICROSOFT_GRAPH in protected and cast.ATELIER not in protected
    # A second sync finds the same ones again.
    again = await house.finished(await house.start_sync(connection_id))
    assert again.state == pb.SYNC_STATE_SUCCEEDED
    assert await store.protected(connection_id) == protected


async def test_reads_all_pages(house: ConnectorHouse) -> None:
    """A tenant of several pages of users, and groups whose members come in parts."""
    enlarge(house, users=230, groups=9)
    sync_id = await house.start_sync(await house.connect())
    sync = await house.finished(sync_id, within=60)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    found = house.catalog.syncs[sync_id]
    check_complete(house, found)
    assert sum(bool(page.page.users) for page in found.pages) == 2
    assert sum(bool(page.page.memberships) for page in found.pages) >= 5


async def test_goes_on_when_the_catalog_is_back(house: ConnectorHouse) -> None:
    """The catalog goes away in the middle; nothing is lost and nothing doubled."""
    enlarge(house, users=230)
    house.catalog.stop_after = 2
    sync_id = await house.start_sync(await house.connect())
    await eventually(lambda: len(house.catalog.syncs.get(sync_id, IngestedSync()).pages) == 2)
    await house.catalog.stop()
    assert (await house.sync(sync_id)).state == pb.SYNC_STATE_RUNNING
    house.catalog.stop_after = None
    await house.catalog.start()
    sync = await house.finished(sync_id, within=40)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    check_complete(house, house.catalog.syncs[sync_id])


async def test_goes_on_after_a_restart(house: ConnectorHouse) -> None:
    """A sync that was cut off with its process goes on behind the last committed page."""
    enlarge(house, users=230)
    house.catalog.stop_after = 2
    sync_id = await house.start_sync(await house.connect())
    await eventually(lambda: len(house.catalog.syncs.get(sync_id, IngestedSync()).pages) == 2)
    await house.stop()
    house.catalog.stop_after = None
    await house.start()
    sync = await house.finished(sync_id, within=40)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    found = house.catalog.syncs[sync_id]
    check_complete(house, found)
    assert found.again == 0, "what is committed is not sent again"


async def test_runs_once_per_connection(house: ConnectorHouse) -> None:
    """A second start names the one that runs; a repeated start is the same sync."""
    house.catalog.stop_after = 0
    connection_id = await house.connect()
    request = pb.StartSyncRequest(connection_id=connection_id, idempotency_key="once")
    first = await house.syncs.StartSync(request, metadata=house.admin)
    again = await house.syncs.StartSync(request, metadata=house.admin)
    assert first.sync.sync_id == again.sync.sync_id
    facts = await refusal(
        house.syncs.StartSync(
            pb.StartSyncRequest(connection_id=connection_id), metadata=house.admin
        ),
        grpc.StatusCode.ALREADY_EXISTS,
        "SYNC_RUNNING",
    )
    assert facts["sync_id"] == first.sync.sync_id


async def test_is_cancelled(house: ConnectorHouse) -> None:
    """It stops, brings nothing more, completes nothing, and another can start."""
    house.catalog.stop_after = 1
    connection_id = await house.connect()
    sync_id = await house.start_sync(connection_id)
    await eventually(lambda: len(house.catalog.syncs.get(sync_id, IngestedSync()).pages) == 1)
    request = pb.CancelSyncRequest(sync_id=sync_id)
    response = await house.syncs.CancelSync(request, metadata=house.admin)
    assert response.sync.state == pb.SYNC_STATE_CANCELLED
    assert response.sync.HasField("finish_time")
    await refusal(
        house.syncs.CancelSync(request, metadata=house.admin),
        grpc.StatusCode.FAILED_PRECONDITION,
        "SYNC_FINISHED",
    )
    house.catalog.stop_after = None
    other = await house.finished(await house.start_sync(connection_id))
    assert other.state == pb.SYNC_STATE_SUCCEEDED
    found = house.catalog.syncs[sync_id]
    assert len(found.pages) == 1 and not found.completed


async def test_fails_when_it_may_not_read(small_house: ConnectorHouse) -> None:
    """A missing permission ends the sync with Graph's words; it never completes."""
    house = small_house
    for registration in house.simulator.tenant.app_registrations:
        registration["permissions"] = ["User.Read.All", "Application.Read.All"]
    sync_id = await house.start_sync(await house.connect())
    sync = await house.finished(sync_id)
    assert sync.state == pb.SYNC_STATE_FAILED
    assert sync.problem.startswith("reading /groups/delta: 403 Authorization_RequestDenied")
    assert "GroupMember.Read.All" in sync.problem
    assert not house.catalog.syncs[sync_id].completed


async def test_fails_when_it_can_not_sign_in(small_house: ConnectorHouse) -> None:
    """The problem is Microsoft's, without the secret."""
    house = small_house
    connection_id = await house.connect(client_secret_name="expired")
    sync = await house.finished(await house.start_sync(connection_id))
    assert sync.state == pb.SYNC_STATE_FAILED
    assert "AADSTS7000222" in sync.problem and cast.EXPIRED_SECRET not in sync.problem


async def test_fails_when_the_catalog_refuses(small_house: ConnectorHouse) -> None:
    """What the catalog says is the problem."""
    house = small_house
    house.catalog.refusal = WrongState("SYNC_SUPERSEDED", "a newer sync has begun")
    sync = await house.finished(await house.start_sync(await house.connect()))
    assert sync.state == pb.SYNC_STATE_FAILED
    assert sync.problem == "the catalog refuses it: a newer sync has begun"


async def test_reads_only_what_has_changed(house: ConnectorHouse) -> None:
    """The second sync brings the change and nothing else; a full one brings everything."""
    connection_id = await house.connect()
    await house.finished(await house.start_sync(connection_id))
    house.simulator.tenant.update_object(cast.NORA, {"jobTitle": "Chief"})
    second = await house.finished(await house.start_sync(connection_id))
    found = house.catalog.syncs[second.sync_id]
    assert [user.job_title for user in found.objects("users")] == ["Chief"]
    assert second.kind == pb.SYNC_KIND_INCREMENTAL and second.object_count == 1
    response = await house.syncs.StartSync(
        pb.StartSyncRequest(connection_id=connection_id, kind=pb.SYNC_KIND_FULL),
        metadata=house.admin,
    )
    full = await house.finished(response.sync.sync_id)
    assert full.state == pb.SYNC_STATE_SUCCEEDED and full.kind == pb.SYNC_KIND_FULL
    check_complete(house, house.catalog.syncs[full.sync_id])


async def test_an_unknown_kind_is_refused(small_house: ConnectorHouse) -> None:
    """Named by its field."""
    house = small_house
    connection_id = await house.connect()
    request = pb.StartSyncRequest(connection_id=connection_id)
    request.kind = 7  # type: ignore[assignment]
    await refusal(
        house.syncs.StartSync(request, metadata=house.admin),
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
    )


async def test_says_that_only_groups_are_provisioned(small_house: ConnectorHouse) -> None:
    """The catalog has to know with every message, so that it offers nothing else."""
    house = small_house
    connection_id = await house.connect(mode="CONNECTION_MODE_GROUPS_ONLY")
    sync = await house.finished(await house.start_sync(connection_id))
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    assert all(page.groups_only for page in house.catalog.syncs[sync.sync_id].pages)
