"""`entitlement.proto`."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from latchkey.catalog.v1 import entitlement_pb2, settings_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.entitlement import ResourceKind, ResourceType
from services.catalog.domain.linking import MAX_ROLE_NAME
from services.catalog.domain.rules import GovernedEntitlement
from services.catalog.domain.settings import EntitlementSettings
from services.catalog.domain.shown_entitlement import EntitlementDetails, ShownEntitlement
from services.catalog.handlers import update_entitlement
from services.catalog.translate import shapes
from services.catalog.translate.owner import owner_to_proto, owners_of, source_to_proto
from services.catalog.translate.settings import (
    override_of,
    override_to_proto,
    settings_to_proto,
)
from services.catalog.translate.target import target_to_proto

_CHANGEABLE = (
    "display_name",
    "description",
    "owners",
    "entra_app_role_id",
    "override",
    *(f"override.{each.name}" for each in settings_pb2.EntitlementOverride.DESCRIPTOR.fields),
)
_KINDS = {
    kind: entitlement_pb2.ResourceKind.Value(f"RESOURCE_KIND_{kind}") for kind in ResourceKind
}


def get_entitlement(request: entitlement_pb2.GetEntitlementRequest) -> str:
    """The id of the entitlement."""
    with Fields() as fields:
        return fields.id("entitlement_id", request.entitlement_id, "ent")


def list_entitlements(
    request: entitlement_pb2.ListEntitlementsRequest,
) -> tuple[str, str, PageRequest]:
    """Of which app, of which resource type, which page."""
    with Fields() as fields:
        app_id = fields.id("app_id", request.app_id, "app")
        type_id = fields.id("resource_type_id", request.resource_type_id, "rty", required=False)
        page = shapes.page_request(fields, request, "entitlements", app_id, type_id)
        return app_id, type_id, page


def list_entitlements_response(
    page: Page[GovernedEntitlement],
) -> entitlement_pb2.ListEntitlementsResponse:
    """A page of entitlements."""
    return entitlement_pb2.ListEntitlementsResponse(
        entitlements=[entitlement_to_proto(each.shown, each.settings) for each in page.items],
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
    governed: GovernedEntitlement,
) -> entitlement_pb2.GetEntitlementResponse:
    """One entitlement."""
    return entitlement_pb2.GetEntitlementResponse(
        entitlement=entitlement_to_proto(governed.shown, governed.settings)
    )


def update_entitlement_command(
    request: entitlement_pb2.UpdateEntitlementRequest,
) -> update_entitlement.Command:
    """The wish to change an entitlement. What the mask does not name is not looked at."""
    of = request.entitlement
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        paths = fields.update_mask(request.update_mask.paths, _CHANGEABLE)
        given: dict[str, Any] = {}
        if "display_name" in paths:
            given["display_name"] = fields.text(
                "entitlement.display_name", of.display_name, most=MAX_ROLE_NAME
            )
        if "description" in paths:
            given["description"] = fields.text(
                "entitlement.description", of.description, least=0, most=2000, lines=True
            )
        if "owners" in paths:
            given["owners"] = owners_of(fields, "entitlement.owners", of.owners)
        if "entra_app_role_id" in paths:
            given["entra_app_role_id"] = fields.guid(
                "entitlement.entra_app_role_id", of.entra_app_role_id, required=False
            )
        override = settings_pb2.EntitlementOverride()
        if "override" in paths:
            override.CopyFrom(of.override)
        else:
            parts = [path for path in paths if "." in path]
            named = [path.removeprefix("override.") for path in parts]
            FieldMask(paths=named).MergeMessage(of.override, override)
        given["override"] = override_of(fields, "entitlement.override", override)
        return update_entitlement.Command(
            entitlement_id=fields.id("entitlement.entitlement_id", of.entitlement_id, "ent"),
            details=EntitlementDetails(**given),
            paths=paths,
            etag=fields.text("entitlement.etag", of.etag, least=0, most=100),
        )


def update_entitlement_response(
    governed: GovernedEntitlement,
) -> entitlement_pb2.UpdateEntitlementResponse:
    """The changed entitlement."""
    return entitlement_pb2.UpdateEntitlementResponse(
        entitlement=entitlement_to_proto(governed.shown, governed.settings)
    )


def entitlement_to_proto(
    shown: ShownEntitlement, settings: EntitlementSettings | None = None
) -> entitlement_pb2.Entitlement:
    """An entitlement, with what holds for it where that is known."""
    entitlement, owners = shown.entitlement, shown.owners
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
        state=entitlement_pb2.EntitlementState.Value(f"ENTITLEMENT_STATE_{shown.state}"),
        removal_reason=shown.removal_reason,
        override=override_to_proto(entitlement.override),
        settings=None if settings is None else settings_to_proto(settings),
        owners=map(owner_to_proto, owners.given),
        owner_source=source_to_proto(owners.source),
        entra_app_role_id=entitlement.entra_app_role_id,
    )


def kind_to_proto(kind: ResourceKind) -> entitlement_pb2.ResourceKind.ValueType:
    """What a resource type holds."""
    return _KINDS[kind]
