"""Connections, as messages."""

from latchkey.connector.v1 import connection_pb2
from libs.domain.callers import Caller
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.connector.domain.connection import CheckReport, Connection
from services.connector.handlers import create_connection

DEFAULT_CLOUD = "global"


def create_command(
    actor: Caller, request: connection_pb2.CreateConnectionRequest
) -> create_connection.Command:
    """The wish for a connection."""
    with Fields() as fields:
        if not request.HasField("connection"):
            fields.wrong("connection", "is required")
        fields.idempotency_key(request.idempotency_key)
    connection = request.connection
    with Fields("connection.") as fields:
        name = connection.client_secret_name
        fields.matches(
            "client_secret_name",
            name,
            r"[A-Za-z0-9._-]{1,100}",
            "must be the name of a file: 1 to 100 letters, digits, dots, hyphens and underscores",
        )
        if ".." in name:
            fields.wrong("client_secret_name", "must not hold two dots in a row")
        return create_connection.Command(
            actor=actor,
            display_name=fields.text("display_name", connection.display_name, most=200),
            entra_tenant_id=fields.guid("entra_tenant_id", connection.entra_tenant_id),
            entra_client_id=fields.guid("entra_client_id", connection.entra_client_id),
            client_secret_name=name,
            cloud=fields.text("cloud", connection.cloud, least=0, most=40) or DEFAULT_CLOUD,
        )


def connection_id(
    request: connection_pb2.GetConnectionRequest | connection_pb2.TestConnectionRequest,
) -> str:
    """Which connection is asked for."""
    with Fields() as fields:
        return fields.id("connection_id", request.connection_id, "con")


def page_request(request: connection_pb2.ListConnectionsRequest) -> PageRequest:
    """Which page is asked for."""
    with Fields() as fields:
        return PageRequest(
            size=fields.page_size(request.page_size),
            token=fields.page_token(request.page_token),
            scope=("connections",),
        )


def connection_to_proto(connection: Connection) -> connection_pb2.Connection:
    """A connection."""
    return connection_pb2.Connection(
        connection_id=connection.connection_id,
        display_name=connection.display_name,
        entra_tenant_id=connection.entra_tenant_id,
        entra_client_id=connection.entra_client_id,
        client_secret_name=connection.client_secret_name,
        cloud=connection.cloud,
        create_time=timestamp(connection.create_time),
        etag=str(connection.version),
    )


def create_response(connection: Connection) -> connection_pb2.CreateConnectionResponse:
    """The answer to a new one."""
    return connection_pb2.CreateConnectionResponse(connection=connection_to_proto(connection))


def get_response(connection: Connection) -> connection_pb2.GetConnectionResponse:
    """One connection."""
    return connection_pb2.GetConnectionResponse(connection=connection_to_proto(connection))


def list_response(page: Page[Connection]) -> connection_pb2.ListConnectionsResponse:
    """A page of connections."""
    return connection_pb2.ListConnectionsResponse(
        connections=[connection_to_proto(connection) for connection in page.items],
        next_page_token=page.next_page_token,
    )


def test_response(report: CheckReport) -> connection_pb2.TestConnectionResponse:
    """What trying a connection found."""
    return connection_pb2.TestConnectionResponse(
        ok=report.ok,
        tenant_display_name=report.tenant_display_name,
        checks=[
            connection_pb2.ConnectionCheck(
                name=check.name, ok=check.ok, permission=check.permission, problem=check.problem
            )
            for check in report.checks
        ],
    )
