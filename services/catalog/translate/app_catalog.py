"""`app_catalog.proto`."""

from latchkey.catalog.v1 import app_catalog_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import duration, timestamp
from services.catalog.domain.app_catalog import CatalogApp, CatalogEntitlement, CatalogState
from services.catalog.translate import shapes
from services.catalog.translate.entitlement import kind_to_proto
from services.catalog.translate.settings import tier_to_proto

_STATES = {
    state: app_catalog_pb2.CatalogState.Value(f"CATALOG_STATE_{state}") for state in CatalogState
}


def search_app_catalog(
    request: app_catalog_pb2.SearchAppCatalogRequest,
) -> tuple[str, CatalogState | None, PageRequest]:
    """With what in its name, standing how, which page."""
    with Fields() as fields:
        query = shapes.query(fields, request.query)
        state = shapes.enum_value(fields, "state", request.state, CatalogState)
        scope = ("app_catalog", query, state or "")
        return query, state, shapes.page_request(fields, request, *scope)


def search_app_catalog_response(
    page: Page[CatalogApp],
) -> app_catalog_pb2.SearchAppCatalogResponse:
    """A page of somebody's app catalog."""
    return app_catalog_pb2.SearchAppCatalogResponse(
        apps=map(_app_to_proto, page.items), next_page_token=page.next_page_token
    )


def get_catalog_app(request: app_catalog_pb2.GetCatalogAppRequest) -> str:
    """The id of the app."""
    with Fields() as fields:
        return fields.id("app_id", request.app_id, "app")


def get_catalog_app_response(app: CatalogApp) -> app_catalog_pb2.GetCatalogAppResponse:
    """An app of somebody's app catalog."""
    return app_catalog_pb2.GetCatalogAppResponse(app=_app_to_proto(app))


def _app_to_proto(app: CatalogApp) -> app_catalog_pb2.CatalogApp:
    return app_catalog_pb2.CatalogApp(
        app_id=app.app_id,
        display_name=app.display_name,
        description=app.description,
        entitlements=map(_entitlement_to_proto, app.entitlements),
        instructions=app.instructions,
    )


def _entitlement_to_proto(
    entitlement: CatalogEntitlement,
) -> app_catalog_pb2.CatalogEntitlement:
    settings = entitlement.settings
    emergency = settings.emergency
    stands = entitlement.standing
    return app_catalog_pb2.CatalogEntitlement(
        entitlement_id=entitlement.entitlement_id,
        display_name=entitlement.display_name,
        description=entitlement.description,
        resource_kind=kind_to_proto(entitlement.resource_kind),
        held=entitlement.held,
        max_duration=duration(settings.max_duration),
        max_duration_tier=tier_to_proto(settings.max_duration_tier),
        emergency_max_duration=duration(emergency.max_duration) if emergency.enabled else None,
        emergency_tier=tier_to_proto(settings.emergency_tier),
        emergency_max_duration_tier=tier_to_proto(settings.emergency_max_duration_tier),
        state=_STATES[stands.state],
        access_request_id=stands.access_request_id,
        lease_id=stands.lease_id,
        lease_end_time=timestamp(stands.lease_end_time),
    )
