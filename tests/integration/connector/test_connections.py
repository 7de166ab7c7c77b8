"""Connections: made, listed and tried."""

from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from latchkey.connector.v1 import connection_pb2 as pb
from latchkey.connector.v1 import events_pb2
from libs.rpc.errors import field_violations
from tests.integration.connector.house import SECRET_NAME, ConnectorHouse, refusal
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually

_OTHER_TENANT = "99999999-1111-1111-1111-111111111111"


def _connection(**fields: str) -> pb.Connection:
    usual = {
        "display_name": "Marlowe",
        "entra_tenant_id": cast.TENANT.upper(),
        "entra_client_id": cast.CONNECTOR,
        "client_secret_name": SECRET_NAME,
        "cloud": "simulator",
    }
    return json_format.ParseDict(usual | fields, pb.Connection())


async def _test(house: ConnectorHouse, connection_id: str) -> pb.TestConnectionResponse:
    response: pb.TestConnectionResponse = await house.connections.TestConnection(
        pb.TestConnectionRequest(connection_id=connection_id), metadata=house.admin
    )
    return response


async def test_is_created_once_and_read(house: ConnectorHouse) -> None:
    """The same key answers as the first time; what is stored is what was asked for."""
    request = pb.CreateConnectionRequest(connection=_connection(), idempotency_key="once")
    first = await house.connections.CreateConnection(request, metadata=house.admin)
    again = await house.connections.CreateConnection(request, metadata=house.admin)
    assert first == again
    created = first.connection
    assert created.entra_tenant_id == cast.TENANT and created.etag == "1"
    response = await house.connections.GetConnection(
        pb.GetConnectionRequest(connection_id=created.connection_id), metadata=house.reader
    )
    assert response.connection == created
    facts = await refusal(
        house.connections.CreateConnection(
            pb.CreateConnectionRequest(connection=_connection()), metadata=house.admin
        ),
        grpc.StatusCode.ALREADY_EXISTS,
        "TENANT_ALREADY_CONNECTED",
    )
    assert facts["connection_id"] == created.connection_id
    events = [event async for event in _events(house)]
    assert [type(event).__name__ for event in events] == ["ConnectionCreated"]


async def _events(house: ConnectorHouse) -> Any:
    outbox = house.running.ledger.outbox
    rows = await house.running.database.read(lambda c: c.execute(outbox.select()).all())
    for row in rows:
        name = row.type.rpartition(".")[2]
        yield getattr(events_pb2, name).FromString(row.payload)


async def test_lists_page_by_page(house: ConnectorHouse) -> None:
    """Oldest first, each once, and a token is of this list only."""
    tenants = [f"99999999-1111-1111-1111-{number:012}" for number in range(5)]
    ids = [await house.connect(entra_tenant_id=tenant) for tenant in tenants]
    found, token = [], ""
    while True:
        page = await house.connections.ListConnections(
            pb.ListConnectionsRequest(page_size=2, page_token=token), metadata=house.reader
        )
        found += [connection.connection_id for connection in page.connections]
        token = page.next_page_token
        if not token:
            break
    assert found == ids
    await refusal(
        house.connections.ListConnections(
            pb.ListConnectionsRequest(page_token="bm9uc2Vuc2U"), metadata=house.reader
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "PAGE_TOKEN_INVALID",
    )


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"cloud": "mars"}, grpc.StatusCode.INVALID_ARGUMENT, "CLOUD_UNKNOWN"),
        ({"client_secret_name": "no"}, grpc.StatusCode.FAILED_PRECONDITION, "SECRET_NOT_FOUND"),
        ({"client_secret_name": "empty"}, grpc.StatusCode.FAILED_PRECONDITION, "SECRET_NOT_FOUND"),
        ({"client_secret_name": "."}, grpc.StatusCode.FAILED_PRECONDITION, "SECRET_NOT_FOUND"),
        ({"client_secret_name": ""}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"client_secret_name": "../x"}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"client_secret_name": "a..b"}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"client_secret_name": "x" * 101}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"entra_tenant_id": "contoso"}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"entra_client_id": ""}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"display_name": " "}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"display_name": "a\0b"}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"display_name": "x" * 201}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        ({"cloud": "x" * 41}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
    ],
)
async def test_bad_wishes_are_refused(
    small_house: ConnectorHouse, fields: dict[str, str], code: grpc.StatusCode, reason: str
) -> None:
    """Each with its reason, and nothing is kept."""
    house = small_house
    await refusal(
        house.connections.CreateConnection(
            pb.CreateConnectionRequest(connection=_connection(**fields)), metadata=house.admin
        ),
        code,
        reason,
    )
    listed = await house.connections.ListConnections(
        pb.ListConnectionsRequest(), metadata=house.reader
    )
    assert not listed.connections


async def test_fields_are_named_by_their_path(small_house: ConnectorHouse) -> None:
    """All that is wrong is told at once."""
    house = small_house
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await house.connections.CreateConnection(
            pb.CreateConnectionRequest(connection=pb.Connection()), metadata=house.admin
        )
    assert {violation.field for violation in field_violations(raised.value)} == {
        "connection.display_name",
        "connection.entra_tenant_id",
        "connection.entra_client_id",
        "connection.client_secret_name",
    }
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await house.connections.CreateConnection(pb.CreateConnectionRequest(), metadata=house.admin)
    assert [v.field for v in field_violations(raised.value)] == ["connection"]


async def test_tries_everything(small_house: ConnectorHouse) -> None:
    """A connection with all permissions passes every check, and nothing is written."""
    house = small_house
    report = await _test(house, await house.connect())
    assert report.ok, report
    assert report.tenant_display_name == "Marlowe Instruments"
    assert [check.name for check in report.checks] == [
        "sign in",
        "read users",
        "read groups",
        "read memberships",
        "read apps",
        "read assignments",
        "write memberships",
        "write assignments",
    ]
    assert {check.state for check in report.checks} == {pb.CAPABILITY_STATE_GRANTED}
    assert not report.unneeded_permissions
    assert not house.writes()


async def test_says_which_permissions_are_missing(small_house: ConnectorHouse) -> None:
    """An application that may only read can't write, and one that lost a right can't read."""
    house = small_house
    connection_id = await house.connect(
        entra_client_id=cast.READONLY, client_secret_name="readonly"
    )
    report = await _test(house, connection_id)
    failed = {check.name: check for check in report.checks if not check.ok}
    assert {name: check.problem for name, check in failed.items()} == {
        "write memberships": "the application is not granted GroupMember.ReadWrite.All",
        "write assignments": "the application is not granted AppRoleAssignment.ReadWrite.All; "
        "grant it, or set the connection's mode to CONNECTION_MODE_GROUPS_ONLY",
    }
    assert {check.state for check in failed.values()} == {pb.CAPABILITY_STATE_MISSING}
    assert failed["write assignments"].granted_permissions == ["Application.Read.All"]
    for registration in house.simulator.tenant.app_registrations:
        registration["permissions"] = ["User.Read.All"]
    report = await _test(house, connection_id)
    by_name = {check.name: check for check in report.checks}
    assert by_name["read users"].ok and not by_name["read groups"].ok
    assert "Authorization_RequestDenied" in by_name["read groups"].problem
    assert by_name["read groups"].permission == "GroupMember.Read.All"
    assert by_name["read groups"].state == pb.CAPABILITY_STATE_MISSING


async def test_says_what_is_more_than_needed(small_house: ConnectorHouse) -> None:
    """What is used for want of less, and what nothing uses at all."""
    house = small_house
    connection_id = await house.connect()
    for registration in house.simulator.tenant.app_registrations:
        registration["permissions"] = [
            "User.Read.All",
            "User.ReadWrite.All",
            "Group.ReadWrite.All",
            "Application.Read.All",
            "AppRoleAssignment.ReadWrite.All",
            "Mail.Read",
        ]
    report = await _test(house, connection_id)
    assert report.ok
    excessive = {
        check.name: list(check.granted_permissions)
        for check in report.checks
        if check.state == pb.CAPABILITY_STATE_EXCESSIVE
    }
    assert excessive == {
        "read groups": ["Group.ReadWrite.All"],
        "read memberships": ["Group.ReadWrite.All"],
        "write memberships": ["Group.ReadWrite.All"],
    }
    assert list(report.unneeded_permissions) == ["Mail.Read", "User.ReadWrite.All"]


async def test_what_could_not_be_tried_is_unknown(small_house: ConnectorHouse) -> None:
    """A tenant that does not answer has not said no."""
    house = small_house
    connection_id = await house.connect()
    house.simulator.faults.add("unavailable", path="/users*")
    report = await _test(house, connection_id)
    by_name = {check.name: check for check in report.checks}
    assert not report.ok
    assert by_name["read users"].state == pb.CAPABILITY_STATE_UNKNOWN
    assert by_name["read groups"].state == pb.CAPABILITY_STATE_GRANTED
    house.simulator.faults.add("unavailable", service="login")
    report = await _test(house, connection_id)
    assert {check.state for check in report.checks} == {pb.CAPABILITY_STATE_UNKNOWN}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"client_secret_name": "expired"}, "AADSTS7000222"),
        ({"client_secret_name": "readonly"}, "AADSTS7000215"),
        ({"entra_client_id": cast.UNKNOWN}, "AADSTS700016"),
        ({"entra_tenant_id": _OTHER_TENANT}, "tenant"),
    ],
)
async def test_says_why_signing_in_does_not_work(
    small_house: ConnectorHouse, fields: dict[str, str], words: str
) -> None:
    """In Microsoft's words, without the secret; what depends on it was not tried."""
    house = small_house
    report = await _test(house, await house.connect(**fields))
    first, *others = report.checks
    assert not report.ok and words in first.problem
    assert all(not check.ok and "signing in" in check.problem for check in others)
    text = str(report)
    for secret in (cast.CONNECTOR_SECRET, cast.READONLY_SECRET, cast.EXPIRED_SECRET):
        assert secret not in text


async def test_a_rotated_secret_is_used_at_once(small_house: ConnectorHouse) -> None:
    """The file is read with each sign-in; a restart is not needed."""
    house = small_house
    connection_id = await house.connect(client_secret_name="expired")
    assert not (await _test(house, connection_id)).ok
    (house.settings.secrets_dir / "expired").write_text(cast.CONNECTOR_SECRET)
    assert (await _test(house, connection_id)).ok
    (house.settings.secrets_dir / "expired").unlink()
    report = await _test(house, connection_id)
    assert "the secrets folder has no expired" in report.checks[0].problem


async def test_events_reach_the_broker(small_house: ConnectorHouse) -> None:
    """What was committed is published."""
    house = small_house
    await house.connect()
    outbox = house.running.ledger.outbox

    async def published() -> bool:
        rows = await house.running.database.read(lambda c: c.execute(outbox.select()).all())
        return bool(rows) and all(row.published for row in rows)

    await eventually(published, 10)
