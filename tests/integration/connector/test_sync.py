"""Syncs, from the simulator's tenant into the catalog."""

import uuid
from typing import Any

import grpc
import pytest

from latchkey.catalog.v1 import ingest_pb2, link_pb2
from latchkey.connector.v1 import sync_pb2 as pb
from libs.domain.errors import WrongState
from services.connector.domain.directory import INTEGRATED_APP_TAG
from services.connector.store import ConnectionStore
from tests.fakes.connector_peers import IngestedSync
from tests.integration.connector.house import ConnectorHouse, refusal
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually


def _enlarge(house: ConnectorHouse, *, users: int, groups: int = 0) -> None:
    """A tenant that does not fit into single pages; every new user is in every new group."""
    tenant = house.simulator.tenant
    people = [
        tenant.add_object(
            "user",
            {
                "displayName": f"Person {number}",
                "userPrincipalName": f"person{number}@marlowe-instruments.example",
                "accountEnabled": True,
            },
        )["id"]
        for number in range(users)
    ]
    for number in range(groups):
        tenant.add_object(
            "group",
            {
                "id": str(uuid.uuid4()),
                "displayName": f"Group {number}",
                "groupTypes": [],
                "mailEnabled": False,
                "securityEnabled": True,
                "members": people,
            },
        )


def _check_complete(house: ConnectorHouse, found: IngestedSync) -> None:
    """The catalog has exactly what is in scope of the tenant, each once."""
    tenant = house.simulator.tenant
    assert found.completed
    assert [page.page_number for page in found.pages] == list(range(1, len(found.pages) + 1))

    def once(objects: list[Any], key: Any) -> set[Any]:
        keys = [key(one) for one in objects]
        assert len(keys) == len(set(keys)), "nothing is brought twice"
        return set(keys)

    users = found.objects("users", "users")
    assert once(users, lambda user: user.entra_object_id) == set(tenant.users)
    for user in users:
        known = tenant.users[user.entra_object_id]
        assert user.manager_entra_object_id == (known.get("manager") or "")
        assert user.account_enabled == known["accountEnabled"]
        assert user.department == (known.get("department") or "")
    groups = found.objects("groups", "groups")
    assert once(groups, lambda group: group.entra_object_id) == set(tenant.groups)
    assert once(
        found.objects("memberships", "memberships"),
        lambda one: (one.entra_group_id, one.entra_user_id),
    ) == {
        (group_id, member)
        for group_id in tenant.groups
        for member in tenant.members_of(group_id)
        if member in tenant.users
    }
    in_scope = {
        app_id
        for app_id, app in tenant.service_principals.items()
        if INTEGRATED_APP_TAG in app.get("tags", ())
    }
    apps = found.objects("service_principals", "service_principals")
    assert once(apps, lambda app: app.entra_object_id) == in_scope
    assert once(
        found.objects("app_role_assignments", "app_role_assignments"),
        lambda one: (
            one.entra_principal_id,
            one.entra_service_principal_id,
            one.entra_app_role_id,
        ),
    ) == {
        (one["principalId"], one["resourceId"], one["appRoleId"])
        for one in tenant.assignments.values()
        if one["resourceId"] in in_scope and one["principalType"] in ("User", "Group")
    }


async def test_brings_the_whole_tenant(house: ConnectorHouse) -> None:
    """Everything in scope reaches the catalog exactly once, and then the sync succeeds."""
    sync_id = await house.start_sync(await house.connect())
    sync = await house.finished(sync_id)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    found = house.catalog.syncs[sync_id]
    _check_complete(house, found)
    assert sync.phase == "done" and sync.page_count == len(found.pages)
    assert sync.object_count == sum(
        len(found.objects(kind, kind))
        for kind in (
            "users", "groups", "memberships", "service_principals", "app_role_assignments"
        )
    )  # fmt: skip
    asked = [e for e in house.simulator.journal.entries() if e["source"] == "graph"]
    assert sync.request_count == len(asked)
    assert not any("expand=app" in entry["path"] for entry in asked)


async def test_says_which_groups_can_be_written(small_house: ConnectorHouse) -> None:
    """The catalog can refuse early what Graph would refuse late."""
    house = small_house
    sync_id = await house.start_sync(await house.connect())
    await house.finished(sync_id)
    groups = house.catalog.syncs[sync_id].objects("groups", "groups")
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
    """A tenant of several pages of users, and members beyond one page of the catalog."""
    _enlarge(house, users=230, groups=9)
    sync_id = await house.start_sync(await house.connect())
    sync = await house.finished(sync_id, within=60)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    found = house.catalog.syncs[sync_id]
    _check_complete(house, found)
    kinds = [page.WhichOneof("page") for page in found.pages]
    assert kinds.count("users") == 3 and kinds.count("memberships") >= 3


async def test_goes_on_when_the_catalog_is_back(house: ConnectorHouse) -> None:
    """The catalog goes away in the middle; nothing is lost and nothing doubled."""
    _enlarge(house, users=230)
    house.catalog.stop_after = 2
    sync_id = await house.start_sync(await house.connect())
    await eventually(lambda: len(house.catalog.syncs.get(sync_id, IngestedSync()).pages) == 2)
    await house.catalog.stop()
    assert (await house.sync(sync_id)).state == pb.SYNC_STATE_RUNNING
    house.catalog.stop_after = None
    await house.catalog.start()
    sync = await house.finished(sync_id, within=40)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    _check_complete(house, house.catalog.syncs[sync_id])


async def test_goes_on_after_a_restart(house: ConnectorHouse) -> None:
    """A sync that was cut off with its process goes on behind the last committed page."""
    _enlarge(house, users=230)
    house.catalog.stop_after = 2
    sync_id = await house.start_sync(await house.connect())
    await eventually(lambda: len(house.catalog.syncs.get(sync_id, IngestedSync()).pages) == 2)
    await house.stop()
    house.catalog.stop_after = None
    await house.start()
    sync = await house.finished(sync_id, within=40)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    found = house.catalog.syncs[sync_id]
    _check_complete(house, found)
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
    assert sync.problem.startswith("reading /groups: 403 Authorization_RequestDenied")
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


async def test_one_vanished_object_is_harmless(
    small_house: ConnectorHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group that goes between the list and its members is passed over."""
    house = small_house
    tenant = house.simulator.tenant
    members_of = tenant.members_of

    def vanishing(group_id: str) -> list[str]:
        # The first look at any group's members finds one other group gone.
        if cast.ATELIER_VIEWERS in tenant.groups and group_id != cast.ATELIER_VIEWERS:
            monkeypatch.setattr(tenant, "members_of", members_of)
            tenant.delete_object(cast.ATELIER_VIEWERS)
        return members_of(group_id)

    monkeypatch.setattr(tenant, "members_of", vanishing)
    sync_id = await house.start_sync(await house.connect())
    sync = await house.finished(sync_id)
    assert sync.state == pb.SYNC_STATE_SUCCEEDED, sync.problem
    groups = house.catalog.syncs[sync_id].objects("groups", "groups")
    assert cast.ATELIER_VIEWERS in {group.entra_object_id for group in groups}
    assert any(
        entry["status"] == 404 and cast.ATELIER_VIEWERS in entry["path"]
        for entry in house.simulator.journal.entries()
        if entry["source"] == "graph"
    )


async def test_is_watched_to_its_end(house: ConnectorHouse) -> None:
    """The stream begins with the sync as it is, shows it move, and ends with it."""
    house.catalog.stop_after = 1
    sync_id = await house.start_sync(await house.connect())
    states, phases = [], []
    async for response in house.syncs.WatchSync(
        pb.WatchSyncRequest(sync_id=sync_id), metadata=house.reader, timeout=30
    ):
        states.append(response.sync.state)
        phases.append(response.sync.phase)
        house.catalog.stop_after = None
    assert states[0] == pb.SYNC_STATE_RUNNING and states[-1] == pb.SYNC_STATE_SUCCEEDED
    assert phases[0] == "users" and phases[-1] == "done" and "completing" in phases


async def test_lists_newest_first(house: ConnectorHouse) -> None:
    """By connection, page by page; a token of another filter is refused."""
    connection_id = await house.connect()
    ids = [await house.start_sync(connection_id)]
    for _ in range(2):
        await house.finished(ids[0])
        ids.insert(0, await house.start_sync(connection_id))
    await house.finished(ids[0])
    first = await house.syncs.ListSyncs(
        pb.ListSyncsRequest(connection_id=connection_id, page_size=2), metadata=house.reader
    )
    rest = await house.syncs.ListSyncs(
        pb.ListSyncsRequest(
            connection_id=connection_id, page_size=2, page_token=first.next_page_token
        ),
        metadata=house.reader,
    )
    assert [sync.sync_id for sync in (*first.syncs, *rest.syncs)] == ids
    assert not rest.next_page_token
    await refusal(
        house.syncs.ListSyncs(
            pb.ListSyncsRequest(page_token=first.next_page_token), metadata=house.reader
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
    )


def test_pages_are_small_enough_for_a_message() -> None:
    """A page of 1000 large users is well below what a server takes."""
    user = ingest_pb2.DirectoryUser(
        entra_object_id=str(uuid.uuid4()),
        display_name="x" * 256,
        user_principal_name="x" * 256,
        mail="x" * 256,
        department="x" * 128,
        job_title="x" * 128,
        manager_entra_object_id=str(uuid.uuid4()),
    )
    page = ingest_pb2.IngestRequest(users=ingest_pb2.UserPage(users=[user] * 1000))
    assert page.ByteSize() < 2 * 1024 * 1024
