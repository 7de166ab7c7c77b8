"""`app.proto`."""

from latchkey.catalog.v1 import app_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.app import App, AppRole, AppState, ManagedApp
from services.catalog.handlers import manage_app
from services.catalog.translate import shapes


def get_app(request: app_pb2.GetAppRequest) -> str:
    """The id of the app."""
    with Fields() as fields:
        return fields.id("app_id", request.app_id, "app")


def list_apps(request: app_pb2.ListAppsRequest) -> tuple[AppState | None, str, PageRequest]:
    """In which state, with what in their name, which page."""
    with Fields() as fields:
        state = shapes.enum_value(fields, "state", request.state, AppState)
        query = shapes.query(fields, request.query)
        page = shapes.page_request(fields, request, "apps", state or "", query)
        return state, query, page


def list_apps_response(page: Page[App]) -> app_pb2.ListAppsResponse:
    """A page of apps."""
    return app_pb2.ListAppsResponse(
        apps=map(app_to_proto, page.items), next_page_token=page.next_page_token
    )


def manage_app_command(request: app_pb2.ManageAppRequest) -> manage_app.Command:
    """The wish to manage an app."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        return manage_app.Command(
            app_id=fields.id("app_id", request.app_id, "app"),
            access_entra_app_role_id=fields.guid(
                "access_entra_app_role_id", request.access_entra_app_role_id, required=False
            ),
        )


def manage_app_response(managed: ManagedApp) -> app_pb2.ManageAppResponse:
    """The managed app."""
    return app_pb2.ManageAppResponse(
        app=app_to_proto(managed.app), access_entitlement_id=managed.access.entitlement_id
    )


def app_to_proto(app: App) -> app_pb2.App:
    """An app."""
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
    )


def _app_role_to_proto(role: AppRole) -> app_pb2.AppRole:
    return app_pb2.AppRole(
        entra_app_role_id=role.entra_app_role_id,
        display_name=role.display_name,
        value=role.value,
        enabled=role.enabled,
    )
