"""`entitlement.proto`."""

from collections.abc import Iterable

from latchkey.catalog.v1 import entitlement_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.entitlement import Entitlement, ResourceKind, ResourceType
from services.catalog.domain.rules import GovernedEntitlement
from services.catalog.domain.settings import EntitlementSettings
from services.catalog.translate import shapes
from services.catalog.translate.settings import override_to_proto, settings_to_proto
from services.catalog.translate.target import target_to_proto


def get_entitlement(request: entitlement_pb2.GetEntitlementRequest) -> str:
    """The id of the entitlement."""
    with Fields() as fields:
        return fields.id("entitlement_id", request.entitlement_id, "ent")


def list_entitlements(
    request: entitlement_pb2.ListEntitlementsRequest,
) -> tuple[str, PageRequest]:
    """Of which app, which page."""
    with Fields() as fields:
        app_id = fields.id("app_id", request.app_id, "app")
        return app_id, shapes.page_request(fields, request, "entitlements", app_id)


def list_entitlements_response(
    page: Page[GovernedEntitlement],
) -> entitlement_pb2.ListEntitlementsResponse:
    """A page of entitlements."""
    return entitlement_pb2.ListEntitlementsResponse(
        entitlements=[entitlement_to_proto(each.entitlement, each.settings) for each in page.items],
        next_page_token=page.next_page_token,
    )


def list_resource_types(request: entitlement_pb2.ListResourceTypesRequest) -> str:
    """The id of the app."""
    with Fields() as fields:
        return fields.id("app_id", request.app_id, "app")


def list_resource_types_response(
    types: Iterable[ResourceType],
) -> entitlement_pb2.ListResourceTypesResponse:
    """The resource types of an app."""
    return entitlement_pb2.ListResourceTypesResponse(
        resource_types=[
            entitlement_pb2.ResourceType(
                resource_type_id=each.resource_type_id,
                app_id=each.app_id,
                display_name=each.display_name,
                kind=kind_to_proto(each.kind),
            )
            for each in types
        ]
    )


def get_entitlement_response(
    shown: GovernedEntitlement,
) -> entitlement_pb2.GetEntitlementResponse:
    """One entitlement."""
    return entitlement_pb2.GetEntitlementResponse(
        entitlement=entitlement_to_proto(shown.entitlement, shown.settings)
    )


def entitlement_to_proto(
    entitlement: Entitlement, settings: EntitlementSettings | None = None
) -> entitlement_pb2.Entitlement:
    """An entitlement, with what holds for it where that is known."""
    return entitlement_pb2.Entitlement(
        entitlement_id=entitlement.entitlement_id,
        app_id=entitlement.app_id,
        resource_type_id=entitlement.resource_type_id,
        resource_kind=kind_to_proto(entitlement.resource_kind),
        resource_id=entitlement.resource_id,
        display_name=entitlement.display_name,
        description=entitlement.description,
        fulfilment=map(target_to_proto, entitlement.fulfilment),
        create_time=timestamp(entitlement.create_time),
        etag=str(entitlement.version),
        override=override_to_proto(entitlement.override),
        settings=None if settings is None else settings_to_proto(settings),
    )


def kind_to_proto(kind: ResourceKind) -> entitlement_pb2.ResourceKind.ValueType:
    """What a resource type holds."""
    return entitlement_pb2.ResourceKind.Value(f"RESOURCE_KIND_{kind}")
