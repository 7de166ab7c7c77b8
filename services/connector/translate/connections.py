"""Connections, as messages."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from latchkey.connector.v1 import connection_pb2
from libs.domain.callers import Caller
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import duration, length_of, timestamp
from services.connector.domain.connection import (
    Connection,
    ConnectionMode,
    Credential,
    CredentialKind,
    RemovedAccessAction,
    SyncSchedule,
    Wishes,
)
from services.connector.handlers import create_connection, update_connection

DEFAULT_CLOUD = "global"
_CREDENTIALS = {
    "client_secret_name": (CredentialKind.CLIENT_SECRET, "client_secret_name"),
    "certificate": (CredentialKind.CERTIFICATE, "certificate.certificate_name"),
    "federated_token": (CredentialKind.FEDERATED_TOKEN, "federated_token.token_name"),
    "managed_identity": (CredentialKind.MANAGED_IDENTITY, "managed_identity"),
}
_SCHEDULE = (
    "sync_schedule.incremental_interval",
    "sync_schedule.full_interval",
    "sync_schedule.paused",
)
_CHANGEABLE = (
    *("display_name", "entra_client_id", "mode", *_CREDENTIALS),
    *("sync_schedule", *_SCHEDULE, "removed_access_action"),
)
REMOVED_ACCESS_ACTIONS = {
    RemovedAccessAction.END: connection_pb2.REMOVED_ACCESS_ACTION_END,
    RemovedAccessAction.RESTORE: connection_pb2.REMOVED_ACCESS_ACTION_RESTORE,
}
_NONE = Credential(CredentialKind.MANAGED_IDENTITY)
_USUAL = SyncSchedule()


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
        member = connection.WhichOneof("credential")
        credential = _NONE
        if member is None:
            # The usual one is named, so that somebody who forgot it finds it.
            fields.wrong("client_secret_name", f"is required, or one of {_others()}")
        else:
            credential = _credential(fields, connection, member)
        return create_connection.Command(
            actor=actor,
            display_name=fields.text("display_name", connection.display_name, most=200),
            entra_tenant_id=fields.guid("entra_tenant_id", connection.entra_tenant_id),
            entra_client_id=fields.guid("entra_client_id", connection.entra_client_id),
            credential=credential,
            credential_field=_path_of_file(member),
            cloud=fields.text("cloud", connection.cloud, least=0, most=40) or DEFAULT_CLOUD,
            mode=_mode(fields, connection),
            schedule=SyncSchedule(
                _incremental_interval(fields, connection.sync_schedule),
                _full_interval(fields, connection.sync_schedule),
                connection.sync_schedule.paused,
            ),
            removed_access_action=_removed_access_action(fields, connection),
        )


def update_command(
    actor: Caller, request: connection_pb2.UpdateConnectionRequest
) -> update_connection.Command:
    """The wish for a change of a connection."""
    connection = request.connection
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not request.HasField("connection"):
            fields.wrong("connection", "is required")
        else:
            fields.id("connection.connection_id", connection.connection_id, "con")
            fields.text("connection.etag", connection.etag, least=0, most=40)
        paths = [*fields.update_mask(request.update_mask.paths, _CHANGEABLE)]
        members = [path for path in paths if path in _CREDENTIALS]
        if len(members) > 1:
            fields.wrong("update_mask", f"names {' and '.join(members)}; there is one credential")
    if "sync_schedule" in paths:
        paths += _SCHEDULE
    schedule = connection.sync_schedule
    with Fields("connection.") as fields:
        wishes = Wishes(
            display_name=fields.text("display_name", connection.display_name, most=200)
            if "display_name" in paths
            else None,
            entra_client_id=fields.guid("entra_client_id", connection.entra_client_id)
            if "entra_client_id" in paths
            else None,
            credential=_credential(fields, connection, members[0]) if members else None,
            mode=_mode(fields, connection) if "mode" in paths else None,
            incremental_interval=_incremental_interval(fields, schedule)
            if _SCHEDULE[0] in paths
            else None,
            full_interval=_full_interval(fields, schedule) if _SCHEDULE[1] in paths else None,
            paused=schedule.paused if _SCHEDULE[2] in paths else None,
            removed_access_action=_removed_access_action(fields, connection)
            if "removed_access_action" in paths
            else None,
        )
    return update_connection.Command(
        actor=actor,
        connection_id=connection.connection_id,
        etag=connection.etag,
        wishes=wishes,
        credential_field=_path_of_file(members[0] if members else None),
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
    found = connection_pb2.Connection(
        connection_id=connection.connection_id,
        display_name=connection.display_name,
        entra_tenant_id=connection.entra_tenant_id,
        entra_client_id=connection.entra_client_id,
        cloud=connection.cloud,
        create_time=timestamp(connection.create_time),
        etag=str(connection.version),
        mode=connection_pb2.ConnectionMode.Value(f"CONNECTION_MODE_{connection.mode.value}"),
        sync_schedule=connection_pb2.SyncSchedule(
            incremental_interval=duration(connection.schedule.incremental_interval),
            full_interval=duration(connection.schedule.full_interval),
            paused=connection.schedule.paused,
        ),
        removed_access_action=REMOVED_ACCESS_ACTIONS[connection.removed_access_action],
    )
    name = connection.credential.name
    match connection.credential.kind:
        case CredentialKind.CLIENT_SECRET:
            found.client_secret_name = name
        case CredentialKind.CERTIFICATE:
            found.certificate.certificate_name = name
        case CredentialKind.FEDERATED_TOKEN:
            found.federated_token.token_name = name
        case CredentialKind.MANAGED_IDENTITY:
            found.managed_identity.SetInParent()
    return found


def create_response(connection: Connection) -> connection_pb2.CreateConnectionResponse:
    """The answer to a new one."""
    return connection_pb2.CreateConnectionResponse(connection=connection_to_proto(connection))


def update_response(connection: Connection) -> connection_pb2.UpdateConnectionResponse:
    """The answer to a changed one."""
    return connection_pb2.UpdateConnectionResponse(connection=connection_to_proto(connection))


def get_response(connection: Connection) -> connection_pb2.GetConnectionResponse:
    """One connection."""
    return connection_pb2.GetConnectionResponse(connection=connection_to_proto(connection))


def list_response(page: Page[Connection]) -> connection_pb2.ListConnectionsResponse:
    """A page of connections."""
    return connection_pb2.ListConnectionsResponse(
        connections=[connection_to_proto(connection) for connection in page.items],
        next_page_token=page.next_page_token,
    )


def _others() -> str:
    return ", ".join(name for name in _CREDENTIALS if name != "client_secret_name")


def _path_of_file(member: str | None) -> str:
    return "" if member is None else f"connection.{_CREDENTIALS[member][1]}"


def _credential(fields: Fields, connection: connection_pb2.Connection, member: str) -> Credential:
    """The credential that a member of the oneof holds."""
    kind, path = _CREDENTIALS[member]
    if not connection.HasField(member):  # type: ignore[arg-type]  # one of the names above
        fields.wrong(member, "is required when update_mask names it")
        return _NONE
    if kind is CredentialKind.MANAGED_IDENTITY:
        return Credential(kind)
    name = {
        CredentialKind.CLIENT_SECRET: connection.client_secret_name,
        CredentialKind.CERTIFICATE: connection.certificate.certificate_name,
        CredentialKind.FEDERATED_TOKEN: connection.federated_token.token_name,
    }[kind]
    fields.matches(
        path,
        name,
        r"[A-Za-z0-9._-]{1,100}",
        "must be the name of a file: 1 to 100 letters, digits, dots, hyphens and underscores",
    )
    if ".." in name:
        fields.wrong(path, "must not hold two dots in a row")
    return Credential(kind, name)


def _mode(fields: Fields, connection: connection_pb2.Connection) -> ConnectionMode:
    match connection.mode:
        case connection_pb2.CONNECTION_MODE_GROUPS_ONLY:
            return ConnectionMode.GROUPS_ONLY
        case connection_pb2.CONNECTION_MODE_UNSPECIFIED | connection_pb2.CONNECTION_MODE_FULL:
            return ConnectionMode.FULL
        case _:
            fields.wrong("mode", "is not a mode of a connection")
            return ConnectionMode.FULL


def _removed_access_action(
    fields: Fields, connection: connection_pb2.Connection
) -> RemovedAccessAction:
    wish = connection.removed_access_action or connection_pb2.REMOVED_ACCESS_ACTION_END
    for action, asked in REMOVED_ACCESS_ACTIONS.items():
        if asked == wish:
            return action
    fields.wrong("removed_access_action", f"{wish} is no value of RemovedAccessAction")
    return RemovedAccessAction.END


def _incremental_interval(fields: Fields, schedule: connection_pb2.SyncSchedule) -> timedelta:
    if not schedule.HasField("incremental_interval"):
        return _USUAL.incremental_interval
    return _interval(
        fields,
        "sync_schedule.incremental_interval",
        schedule.incremental_interval,
        timedelta(minutes=1),
        timedelta(days=7),
    )


def _full_interval(fields: Fields, schedule: connection_pb2.SyncSchedule) -> timedelta:
    if not schedule.HasField("full_interval"):
        return _USUAL.full_interval
    return _interval(
        fields,
        "sync_schedule.full_interval",
        schedule.full_interval,
        timedelta(hours=1),
        timedelta(days=30),
    )


def _interval(
    fields: Fields, field: str, message: Duration, least: timedelta, most: timedelta
) -> timedelta:
    try:
        length = length_of(message)
    except ValueError:
        fields.wrong(field, "is not a length of time")
        return least
    if not least <= length <= most:
        seconds = (least.total_seconds(), most.total_seconds())
        fields.wrong(field, f"must be between {seconds[0]:.0f}s and {seconds[1]:.0f}s")
    return length
