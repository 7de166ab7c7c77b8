"""`app.proto`."""

from typing import Any

from latchkey.catalog.v1 import app_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import duration, duration_field, timestamp
from services.catalog.domain.app import AppRole, AppState, ManagedApp
from services.catalog.domain.settings import UnmanagedAccessAction
from services.catalog.domain.shown_app import AppDetails, ShownApp
from services.catalog.handlers import manage_app, unmanage_app, update_app
from services.catalog.ports import AppFilter
from services.catalog.translate import shapes
from services.catalog.translate.owner import owner_to_proto, owners_of, source_to_proto
from services.catalog.translate.settings import unmanaged_action_to_proto

_MOST_APPS = 100
_CHANGEABLE = (
    "description",
    "instructions",
    "owners",
    "policy_id",
    "max_duration",
    "unmanaged_access_action",
)


def get_app(request: app_pb2.GetAppRequest) -> str:
    """The id of the app."""
    with Fields() as fields:
        return fields.id("app_id", request.app_id, "app")


def list_apps(request: app_pb2.ListAppsRequest) -> tuple[AppFilter, PageRequest]:
    """Which apps, which page."""
    with Fields() as fields:
        state = shapes.enum_value(fields, "state", request.state, AppState)
        query = shapes.query(fields, request.query)
        connection_id, owner = request.connection_id, request.owner_user_id
        wanted = AppFilter(
            state,
            query,
            fields.id("connection_id", connection_id, "con", required=False),
            fields.id("owner_user_id", owner, "usr", required=False),
        )
        scope = ("apps", state or "", query, connection_id, owner)
        return wanted, shapes.page_request(fields, request, *scope)


def list_apps_response(page: Page[ShownApp]) -> app_pb2.ListAppsResponse:
    """A page of apps."""
    return app_pb2.ListAppsResponse(
        apps=map(app_to_proto, page.items), next_page_token=page.next_page_token
    )


def manage_app_command(request: app_pb2.ManageAppRequest) -> manage_app.Command:
    """The wish to manage an app."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return _app_to_manage(fields, request, "")


def manage_app_response(managed: ManagedApp) -> app_pb2.ManageAppResponse:
    """The managed app."""
    return app_pb2.ManageAppResponse(
        app=app_to_proto(ShownApp(managed.app, managed.owners)),
        access_entitlement_id=managed.access.entitlement_id,
    )


def batch_manage_apps_command(
    request: app_pb2.BatchManageAppsRequest,
) -> manage_app.BatchCommand:
    """The wish to manage apps."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not 1 <= len(request.apps) <= _MOST_APPS:
            fields.wrong("apps", f"has {len(request.apps)}, 1 to {_MOST_APPS} are taken")
        named: list[manage_app.Command] = []
        for index, each in enumerate(request.apps[:_MOST_APPS]):
            path = f"apps[{index}]."
            command = _app_to_manage(fields, each, path)
            if any(command.app_id == other.app_id for other in named):
                fields.wrong(f"{path}app_id", "is named more than once")
            named.append(command)
        return manage_app.BatchCommand(tuple(named))


def batch_manage_apps_response(
    managed: tuple[ManagedApp, ...],
) -> app_pb2.BatchManageAppsResponse:
    """The managed apps, in the order asked."""
    return app_pb2.BatchManageAppsResponse(apps=map(manage_app_response, managed))


def _app_to_manage(
    fields: Fields,
    request: app_pb2.ManageAppRequest | app_pb2.BatchManageAppsRequest.AppToManage,
    path: str,
) -> manage_app.Command:
    return manage_app.Command(
        app_id=fields.id(f"{path}app_id", request.app_id, "app"),
        access_entra_app_role_id=fields.guid(
            f"{path}access_entra_app_role_id", request.access_entra_app_role_id, required=False
        ),
    )


def update_app_command(request: app_pb2.UpdateAppRequest) -> update_app.Command:
    """The wish to change what is said of an app. What the mask does not name is not looked at."""
    app = request.app
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        names = fields.update_mask(request.update_mask.paths, _CHANGEABLE)
        given: dict[str, Any] = {}
        if "description" in names:
            given["description"] = fields.text(
                "app.description", app.description, least=0, most=2000, lines=True
            )
        if "instructions" in names:
            given["instructions"] = fields.text(
                "app.instructions", app.instructions, least=0, most=4000, lines=True
            )
        if "owners" in names:
            given["owners"] = owners_of(fields, "app.owners", app.owners)
        if "policy_id" in names:
            given["policy_id"] = fields.id("app.policy_id", app.policy_id, "pol", required=False)
        if "max_duration" in names and app.HasField("max_duration"):
            given["max_duration"] = duration_field(fields, "app.max_duration", app.max_duration)
        if "unmanaged_access_action" in names:
            given["unmanaged_access_action"] = shapes.enum_value(
                fields,
                "app.unmanaged_access_action",
                app.unmanaged_access_action,
                UnmanagedAccessAction,
                unspecified=UnmanagedAccessAction.UNSPECIFIED,
            )
        return update_app.Command(
            app_id=fields.id("app.app_id", app.app_id, "app"),
            details=AppDetails(**given),
            names=names,
            etag=fields.text("app.etag", app.etag, least=0, most=100),
        )


def update_app_response(shown: ShownApp) -> app_pb2.UpdateAppResponse:
    """The changed app."""
    return app_pb2.UpdateAppResponse(app=app_to_proto(shown))


def unmanage_app_command(request: app_pb2.UnmanageAppRequest) -> unmanage_app.Command:
    """The wish to unmanage an app."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return unmanage_app.Command(
            app_id=fields.id("app_id", request.app_id, "app"),
            reason=fields.text("reason", request.reason, most=2000, lines=True),
            end_access=request.end_access,
            etag=fields.text("etag", request.etag, least=0, most=100),
        )


def unmanage_app_response(unmanaged: unmanage_app.Unmanaged) -> app_pb2.UnmanageAppResponse:
    """The unmanaged app."""
    return app_pb2.UnmanageAppResponse(
        app=app_to_proto(unmanaged.shown),
        ending_lease_count=unmanaged.ending_lease_count,
        ending_access_request_count=unmanaged.ending_access_request_count,
    )


def app_to_proto(shown: ShownApp) -> app_pb2.App:
    """An app."""
    app, owners = shown.app, shown.owners
    return app_pb2.App(
        app_id=app.app_id,
        display_name=app.display_name,
        description=app.description,
        state=app_pb2.AppState.Value(f"APP_STATE_{app.state}"),
        connection_id=app.connection_id,
        entra_service_principal_id=app.entra_service_principal_id,
        entra_app_id=app.entra_app_id,
        account_enabled=app.account_enabled,
        app_roles=map(_app_role_to_proto, app.app_roles),
        create_time=timestamp(app.create_time),
        manage_time=timestamp(app.manage_time),
        etag=str(app.version),
        is_protected=app.is_protected,
        entra_description=app.entra_description,
        instructions=app.instructions,
        owners=map(owner_to_proto, owners.given),
        entra_owner_user_ids=owners.entra_user_ids,
        owner_source=source_to_proto(owners.source),
        policy_id=app.policy_id,
        max_duration=duration(app.max_duration),
        unmanaged_access_action=unmanaged_action_to_proto(app.unmanaged_access_action),
        unmanaged_access_action_time=timestamp(app.unmanaged_access_action_time),
    )


def _app_role_to_proto(role: AppRole) -> app_pb2.AppRole:
    return app_pb2.AppRole(
        entra_app_role_id=role.entra_app_role_id,
        display_name=role.display_name,
        value=role.value,
        enabled=role.enabled,
    )
