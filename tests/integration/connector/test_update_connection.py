"""Connections with every kind of credential: made, shown, changed, and used as they are now."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask

from latchkey.connector.v1 import connection_pb2 as pb
from latchkey.connector.v1 import events_pb2, sync_pb2
from libs.domain.callers import ADMIN
from libs.rpc.errors import field_violations
from tests.integration.connector.house import SECRET_NAME, ConnectorHouse, refusal
from tests.integration.entra_simulator import cast
from tests.support import pem

_MEMBERS: dict[str, Any] = {
    "client_secret_name": SECRET_NAME,
    "certificate": {"certificate_name": "certificate.pem"},
    "federated_token": {"token_name": "token"},
    "managed_identity": {},
}
_FILES = {
    "client_secret_name": "client_secret_name",
    "certificate": "certificate.certificate_name",
    "federated_token": "federated_token.token_name",
}


def _connection(**fields: Any) -> pb.Connection:
    return json_format.ParseDict(fields, pb.Connection())


def _new(member: str, value: Any, **fields: Any) -> pb.Connection:
    return _connection(
        display_name="Marlowe",
        entra_tenant_id=cast.TENANT,
        entra_client_id=cast.CONNECTOR,
        cloud="simulator",
        **{member: value},
        **fields,
    )


def _files(house: ConnectorHouse) -> None:
    (house.settings.secrets_dir / "certificate.pem").write_text(pem.key_pair().file)
    (house.settings.secrets_dir / "token").write_text("eyJhbGciOi.eyJzdWIi.c2ln")


async def _create(house: ConnectorHouse, connection: pb.Connection) -> pb.Connection:
    response = await house.connections.CreateConnection(
        pb.CreateConnectionRequest(connection=connection), metadata=house.admin
    )
    created: pb.Connection = response.connection
    return created


async def _update(
    house: ConnectorHouse, connection: pb.Connection, *paths: str, key: str = ""
) -> pb.Connection:
    response = await house.connections.UpdateConnection(
        pb.UpdateConnectionRequest(
            connection=connection, update_mask=FieldMask(paths=paths), idempotency_key=key
        ),
        metadata=house.admin,
    )
    updated: pb.Connection = response.connection
    return updated


async def _test(house: ConnectorHouse, connection_id: str) -> pb.TestConnectionResponse:
    response: pb.TestConnectionResponse = await house.connections.TestConnection(
        pb.TestConnectionRequest(connection_id=connection_id), metadata=house.admin
    )
    return response


async def _get(house: ConnectorHouse, connection_id: str) -> pb.Connection:
    response = await house.connections.GetConnection(
        pb.GetConnectionRequest(connection_id=connection_id), metadata=house.reader
    )
    found: pb.Connection = response.connection
    return found


@pytest.mark.parametrize("member", _MEMBERS)
async def test_every_kind_is_kept_and_shown(small_house: ConnectorHouse, member: str) -> None:
    """With what holds when nothing is said: everything may be written, and the usual schedule."""
    house = small_house
    _files(house)
    created = await _create(house, _new(member, _MEMBERS[member]))
    found = await _get(house, created.connection_id)
    assert found == created and found.WhichOneof("credential") == member
    assert found.mode == pb.CONNECTION_MODE_FULL
    assert found.sync_schedule.incremental_interval.ToTimedelta() == timedelta(minutes=15)
    assert found.sync_schedule.full_interval.ToTimedelta() == timedelta(days=7)
    assert not found.sync_schedule.paused


async def test_what_is_said_is_kept(house: ConnectorHouse) -> None:
    """Mode and schedule, to the ends of what is allowed."""
    created = await _create(
        house,
        _new(
            "client_secret_name",
            SECRET_NAME,
            mode="CONNECTION_MODE_GROUPS_ONLY",
            sync_schedule={
                "incremental_interval": "60s",
                "full_interval": "2592000s",
                "paused": True,
            },
        ),
    )
    found = await _get(house, created.connection_id)
    assert found == created and found.mode == pb.CONNECTION_MODE_GROUPS_ONLY
    assert found.sync_schedule.incremental_interval.seconds == 60
    assert found.sync_schedule.full_interval.ToTimedelta() == timedelta(days=30)
    assert found.sync_schedule.paused


@pytest.mark.parametrize("member", _FILES)
@pytest.mark.parametrize("name", ["", "../x", "a..b", "a/b", "x" * 101, "a\0b"])
async def test_names_of_files_are_names(
    small_house: ConnectorHouse, member: str, name: str
) -> None:
    """Of whichever kind, when made and when changed; the field is named."""
    house = small_house
    outer, _, inner = _FILES[member].partition(".")
    value = {inner: name} if inner else name
    for call in (
        _create(house, _new(outer, value)),
        _update(house, _connection(connection_id="con_1", **{outer: value}), member),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert field_violations(raised.value)[0].field == f"connection.{_FILES[member]}"


async def test_what_is_no_credential_of_its_kind_is_refused(small_house: ConnectorHouse) -> None:
    """A file that is not there, and one that holds something else, each with what is wrong."""
    house = small_house
    _files(house)
    for member, name, reason in (
        ("certificate", "missing", "SECRET_NOT_FOUND"),
        ("certificate", SECRET_NAME, "SECRET_UNUSABLE"),
        ("federated_token", SECRET_NAME, "SECRET_UNUSABLE"),
        ("client_secret_name", "certificate.pem", "SECRET_UNUSABLE"),
    ):
        inner = _FILES[member].partition(".")[2]
        facts = await refusal(
            _create(house, _new(member, {inner: name} if inner else name)),
            grpc.StatusCode.FAILED_PRECONDITION,
            reason,
        )
        assert facts["name"] == name


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"incremental_interval": "59s"}, "incremental_interval"),
        ({"incremental_interval": "604801s"}, "incremental_interval"),
        ({"incremental_interval": "-60s"}, "incremental_interval"),
        ({"full_interval": "3599s"}, "full_interval"),
        ({"full_interval": "2592001s"}, "full_interval"),
        ({"full_interval": "0s"}, "full_interval"),
    ],
)
async def test_intervals_have_limits(
    small_house: ConnectorHouse, schedule: dict[str, str], field: str
) -> None:
    """When made and when changed."""
    house = small_house
    new = _new("client_secret_name", SECRET_NAME, sync_schedule=schedule)
    change = _connection(connection_id="con_1", sync_schedule=schedule)
    for call in (
        _create(house, new),
        _update(house, change, "sync_schedule"),
        _update(house, change, f"sync_schedule.{field}"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        assert [violation.field for violation in field_violations(raised.value)] == [
            f"connection.sync_schedule.{field}"
        ]


async def test_what_becomes_of_removed_access(small_house: ConnectorHouse) -> None:
    """Leases end unless something else is said, when made or when changed; not set it is that."""
    house = small_house
    end, restore = pb.REMOVED_ACCESS_ACTION_END, pb.REMOVED_ACCESS_ACTION_RESTORE
    new = _new(
        "client_secret_name", SECRET_NAME, removed_access_action="REMOVED_ACCESS_ACTION_RESTORE"
    )
    bad = pb.Connection(connection_id="con_1", removed_access_action=9)  # type: ignore[arg-type]
    for call in (
        _create(house, _new("client_secret_name", SECRET_NAME, removed_access_action=9)),
        _update(house, bad, "removed_access_action"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        [violation] = field_violations(raised.value)
        assert violation.field == "connection.removed_access_action"
    created = await _create(house, new)
    assert created.removed_access_action == restore
    found = pb.Connection(connection_id=created.connection_id, display_name="Other")
    renamed = await _update(house, found, "display_name")
    assert renamed.removed_access_action == restore
    assert (await _update(house, found, "removed_access_action")).removed_access_action == end
    assert (await _get(house, created.connection_id)).removed_access_action == end
    listed = await house.connections.ListConnections(
        pb.ListConnectionsRequest(), metadata=house.reader
    )
    assert [each.removed_access_action for each in listed.connections] == [end]


async def test_is_changed_where_the_mask_says(house: ConnectorHouse) -> None:
    """What is not named stays, whatever the message holds; the event names what changed."""
    connection_id = await house.connect()
    wish = _connection(
        connection_id=connection_id,
        display_name="Renamed",
        entra_client_id=cast.UNKNOWN,
        sync_schedule={"paused": True, "incremental_interval": "120s"},
        etag="1",
    )
    updated = await _update(house, wish, "display_name", "sync_schedule.paused", key="once")
    assert (updated.display_name, updated.etag) == ("Renamed", "2")
    assert updated.entra_client_id == cast.CONNECTOR
    assert updated.sync_schedule.paused
    assert updated.sync_schedule.incremental_interval.seconds == 900
    assert await _get(house, connection_id) == updated
    again = await _update(house, wish, "display_name", "sync_schedule.paused", key="once")
    assert again == updated
    assert await house.told(connection_id) == ["ConnectionCreated", "ConnectionUpdated"]
    outbox = house.running.ledger.outbox
    rows = await house.running.database.read(lambda c: c.execute(outbox.select()).all())
    event = events_pb2.ConnectionUpdated.FromString(rows[-1].payload)
    assert list(event.changed_fields) == ["display_name", "sync_schedule.paused"]
    # The whole schedule is replaced where it is named as a whole.
    wish.etag = ""
    whole = await _update(house, wish, "sync_schedule")
    assert whole.sync_schedule.incremental_interval.seconds == 120
    assert await _update(house, wish, "sync_schedule") == whole


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ((), "is required"),
        (("entra_tenant_id",), "names entra_tenant_id, which can't be changed"),
        (("display_name", "cloud"), "names cloud, which can't be changed"),
        (("connection_id",), "names connection_id, which can't be changed"),
        (("etag",), "names etag, which can't be changed"),
        (("create_time",), "names create_time, which can't be changed"),
        (("credential",), "what can is display_name, entra_client_id, mode, client_secret_name, "),
        (("*",), "names *, which"),
        (("display_name.x",), "names display_name.x, which"),
        (("sync_schedule.x",), "names sync_schedule.x, which"),
        (("certificate.certificate_name",), "names certificate.certificate_name, which"),
        (("\0",), "names a path, which"),
        (("certificate", "managed_identity"), "there is one credential"),
        (tuple(f"x{number}" for number in range(2000)), "at most 20"),
    ],
)
async def test_masks_name_what_can_be_changed(
    small_house: ConnectorHouse, paths: tuple[str, ...], words: str
) -> None:
    """Anything else is refused, and nothing is changed."""
    house = small_house
    connection_id = await house.connect()
    wish = _connection(connection_id=connection_id, display_name="Renamed", managed_identity={})
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await _update(house, wish, *paths)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    violations = field_violations(raised.value)
    assert {violation.field for violation in violations} == {"update_mask"}
    assert any(words in violation.description for violation in violations), violations
    assert (await _get(house, connection_id)).etag == "1"


async def test_refusals(small_house: ConnectorHouse) -> None:
    """An etag of before, a connection that is not there, a credential that is not given."""
    house = small_house
    connection_id = await house.connect()
    renamed = _connection(connection_id=connection_id, display_name="Renamed", etag="7")
    await refusal(_update(house, renamed, "display_name"), grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    nobody = _connection(connection_id="con_none", display_name="x")
    await refusal(
        _update(house, nobody, "display_name"), grpc.StatusCode.NOT_FOUND, "CONNECTION_NOT_FOUND"
    )
    for wish, path, field in (
        (_connection(connection_id=connection_id), "certificate", "connection.certificate"),
        (_connection(connection_id=connection_id), "display_name", "connection.display_name"),
        (_connection(connection_id=connection_id), "entra_client_id", "connection.entra_client_id"),
        (_connection(display_name="x"), "display_name", "connection.connection_id"),
        (pb.Connection(connection_id=connection_id, mode=9), "mode", "connection.mode"),  # type: ignore[arg-type]
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await _update(house, wish, path)
        assert [found.field for found in field_violations(raised.value)] == [field]
    with pytest.raises(grpc.aio.AioRpcError) as denied:
        await house.connections.UpdateConnection(
            pb.UpdateConnectionRequest(connection=renamed), metadata=house.as_person(ADMIN)
        )
    assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_another_credential_is_used_at_once(house: ConnectorHouse) -> None:
    """By a connector that runs, with tokens of the one before in its hands."""
    _files(house)
    registration = house.simulator.tenant.app_registrations[0]
    registration["certificates"] = [pem.key_pair().certificate]
    connection_id = await house.connect()
    assert (await _test(house, connection_id)).ok
    wish = _connection(
        connection_id=connection_id,
        certificate={"certificate_name": "certificate.pem"},
        mode="CONNECTION_MODE_GROUPS_ONLY",
    )
    updated = await _update(house, wish, "certificate", "mode")
    assert updated.WhichOneof("credential") == "certificate"
    registration["secrets"] = []
    report = await _test(house, connection_id)
    assert report.ok
    assert report.checks[-1].state == pb.CAPABILITY_STATE_NOT_NEEDED
    assert list(report.unneeded_permissions) == ["AppRoleAssignment.ReadWrite.All"]


async def test_the_catalog_hears_of_another_mode(small_house: ConnectorHouse) -> None:
    """With a sync that the change itself starts, also long before one is due."""
    house = small_house
    connection_id = await house.connect()
    first = await house.start_sync(connection_id)
    await house.finished(first)
    wish = _connection(connection_id=connection_id, mode="CONNECTION_MODE_GROUPS_ONLY")
    await _update(house, wish, "mode")
    response = await house.syncs.ListSyncs(sync_pb2.ListSyncsRequest(), metadata=house.reader)
    newest, _ = response.syncs
    assert newest.kind == sync_pb2.SYNC_KIND_INCREMENTAL and newest.sync_id > first
    sync = await house.finished(newest.sync_id)
    assert sync.state == sync_pb2.SYNC_STATE_SUCCEEDED
    assert [page.groups_only for page in house.catalog.syncs[sync.sync_id].pages] == [True]
    assert await house.told(sync.sync_id) == ["SyncStarted", "SyncSucceeded"]
