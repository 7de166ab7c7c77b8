"""`grant.proto`."""

from latchkey.catalog.v1 import grant_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import time_field, timestamp
from services.catalog.domain.grant import Explanation, Grant, Which
from services.catalog.translate import shapes


def list_grants(request: grant_pb2.ListGrantsRequest) -> tuple[Which, PageRequest]:
    """Which grants, which page of them."""
    with Fields() as fields:
        at = None
        if request.HasField("at_time"):
            at = time_field(fields, "at_time", request.at_time)
            if request.unmanaged:
                fields.wrong("unmanaged", "can't be told of the past")
        which = Which(
            user_id=fields.id("user_id", request.user_id, "usr", required=False),
            app_id=fields.id("app_id", request.app_id, "app", required=False),
            entitlement_id=fields.id(
                "entitlement_id", request.entitlement_id, "ent", required=False
            ),
            directory_entitlement_id=fields.id(
                "directory_entitlement_id", request.directory_entitlement_id, "den", required=False
            ),
            unmanaged=request.unmanaged,
            at_time=at,
        )
        named = (which.user_id, which.app_id, which.entitlement_id, which.directory_entitlement_id)
        if not any(named):
            fields.wrong("user_id", "is required without an app or one of the entitlements")
        scope = (*named, str(which.unmanaged), at.isoformat() if at else "")
        return which, shapes.page_request(fields, request, "grants", *scope)


def list_grants_response(page: Page[Grant]) -> grant_pb2.ListGrantsResponse:
    """A page of grants."""
    return grant_pb2.ListGrantsResponse(
        grants=map(_grant_to_proto, page.items), next_page_token=page.next_page_token
    )


def explain_access(request: grant_pb2.ExplainAccessRequest) -> tuple[str, str, str]:
    """The person, and the entitlement or the directory entitlement."""
    with Fields() as fields:
        user_id = fields.id("user_id", request.user_id, "usr")
        which = request.WhichOneof("what")
        if which is None:
            fields.wrong("entitlement_id", "or directory_entitlement_id is required")
        entitlement_id = directory_id = ""
        if which == "entitlement_id":
            entitlement_id = fields.id("entitlement_id", request.entitlement_id, "ent")
        elif which is not None:
            directory_id = fields.id(
                "directory_entitlement_id", request.directory_entitlement_id, "den"
            )
        return user_id, entitlement_id, directory_id


def explain_access_response(found: Explanation) -> grant_pb2.ExplainAccessResponse:
    """Whether they have it, and why."""
    return grant_pb2.ExplainAccessResponse(
        held=found.held,
        grants=map(_grant_to_proto, found.grants),
        missing_directory_entitlement_ids=found.missing,
        sentences=found.sentences,
    )


def _grant_to_proto(grant: Grant) -> grant_pb2.Grant:
    return grant_pb2.Grant(
        user_id=grant.user_id,
        user_display_name=grant.user_display_name,
        user_entra_tenant_id=grant.user_entra_tenant_id,
        user_entra_object_id=grant.user_entra_object_id,
        directory_entitlement_id=grant.directory_entitlement_id,
        directory_display_name=grant.directory_display_name,
        group_id=grant.group_id,
        group_display_name=grant.group_display_name,
        app_id=grant.app_id,
        entitlement_id=grant.entitlement_id,
        entitlement_display_name=grant.entitlement_display_name,
        binding_id=grant.binding_id,
        lease_id=grant.lease_id,
        unmanaged=grant.unmanaged,
        first_seen_time=timestamp(grant.first_seen_time),
        start_time=timestamp(grant.start_time),
        end_time=timestamp(grant.end_time),
    )
