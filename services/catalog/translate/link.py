"""`link.proto`."""

from collections import Counter

from latchkey.catalog.v1 import link_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.link import (
    MAX_ROLE_NAME,
    Binding,
    CreateVirtualRole,
    Decision,
    LinkChoice,
    LinkedGroup,
    Linking,
    ProvisionAccessFor,
    Skip,
    UnwritableReason,
)
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.handlers import link_entitlements
from services.catalog.translate import shapes
from services.catalog.translate.entitlement import entitlement_to_proto

_MOST_DECISIONS = 100


def list_linked_entitlements(
    request: link_pb2.ListLinkedEntitlementsRequest,
) -> tuple[str, PageRequest]:
    """Of which app, which page."""
    with Fields() as fields:
        app_id = fields.id("app_id", request.app_id, "app")
        return app_id, shapes.page_request(fields, request, "linked_entitlements", app_id)


def list_linked_entitlements_response(
    page: Page[LinkedGroup],
) -> link_pb2.ListLinkedEntitlementsResponse:
    """A page of linked groups."""
    return link_pb2.ListLinkedEntitlementsResponse(
        linked_entitlements=map(_linked_to_proto, page.items), next_page_token=page.next_page_token
    )


def link_entitlements_command(
    request: link_pb2.LinkEntitlementsRequest,
) -> link_entitlements.Command:
    """The wish for choices."""
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        if not 1 <= len(request.decisions) <= _MOST_DECISIONS:
            fields.wrong(
                "decisions", f"has {len(request.decisions)}, 1 to {_MOST_DECISIONS} are taken"
            )
        times = Counter(decision.directory_entitlement_id for decision in request.decisions)
        for index, decision in enumerate(request.decisions):
            if times[decision.directory_entitlement_id] > 1:
                fields.wrong(
                    f"decisions[{index}].directory_entitlement_id", "is decided more than once"
                )
        return link_entitlements.Command(
            app_id=fields.id("app_id", request.app_id, "app"),
            decisions=tuple(
                _decision(fields, f"decisions[{index}]", decision)
                for index, decision in enumerate(request.decisions[:_MOST_DECISIONS])
            ),
        )


def link_entitlements_response(linking: Linking) -> link_pb2.LinkEntitlementsResponse:
    """What the choices led to."""
    return link_pb2.LinkEntitlementsResponse(
        linked_entitlements=map(_linked_to_proto, linking.links),
        entitlements=[
            entitlement_to_proto(ShownEntitlement(each))
            for each in (*linking.roles, *linking.widened)
        ],
        bindings=map(_binding_to_proto, linking.bindings),
    )


def list_bindings(request: link_pb2.ListBindingsRequest) -> tuple[str, PageRequest]:
    """Of which app, which page."""
    with Fields() as fields:
        app_id = fields.id("app_id", request.app_id, "app")
        return app_id, shapes.page_request(fields, request, "bindings", app_id)


def list_bindings_response(page: Page[Binding]) -> link_pb2.ListBindingsResponse:
    """A page of bindings."""
    return link_pb2.ListBindingsResponse(
        bindings=map(_binding_to_proto, page.items), next_page_token=page.next_page_token
    )


def choice_to_proto(choice: LinkChoice) -> link_pb2.LinkChoice.ValueType:
    """What was chosen for a linked group."""
    return link_pb2.LinkChoice.Value(f"LINK_CHOICE_{choice}")


def unwritable_to_proto(reason: UnwritableReason) -> link_pb2.UnwritableReason.ValueType:
    """Why a group's members can't be changed."""
    return link_pb2.UnwritableReason.Value(f"UNWRITABLE_REASON_{reason}")


def _decision(fields: Fields, path: str, decision: link_pb2.LinkDecision) -> Decision:
    choice: CreateVirtualRole | ProvisionAccessFor | Skip = Skip()
    match decision.WhichOneof("choice"):
        case "create_virtual_role":
            wanted = decision.create_virtual_role
            inner = f"{path}.create_virtual_role"
            choice = CreateVirtualRole(
                # Not given is the group's name; given and blank is a mistake.
                fields.text(
                    f"{inner}.display_name",
                    wanted.display_name,
                    least=1 if wanted.display_name else 0,
                    most=MAX_ROLE_NAME,
                ),
                fields.text(
                    f"{inner}.description", wanted.description, least=0, most=2000, lines=True
                ),
            )
        case "provision_access_for":
            choice = ProvisionAccessFor(
                fields.id(
                    f"{path}.provision_access_for.entitlement_id",
                    decision.provision_access_for.entitlement_id,
                    "ent",
                )
            )
        case None:
            fields.wrong(
                f"{path}.choice", "is required: create_virtual_role, provision_access_for or skip"
            )
    return Decision(
        fields.id(f"{path}.directory_entitlement_id", decision.directory_entitlement_id, "den"),
        choice,
    )


def _linked_to_proto(group: LinkedGroup) -> link_pb2.LinkedEntitlement:
    return link_pb2.LinkedEntitlement(
        directory_entitlement_id=group.directory_entitlement_id,
        app_id=group.app_id,
        group_display_name=group.group_display_name,
        entra_group_id=group.entra_group_id,
        entra_app_role_id=group.entra_app_role_id,
        member_count=group.member_count,
        unwritable_reason=unwritable_to_proto(group.unwritable_reason),
        choice=choice_to_proto(group.choice),
        entitlement_id=group.entitlement_id,
    )


def _binding_to_proto(binding: Binding) -> link_pb2.Binding:
    return link_pb2.Binding(
        binding_id=binding.binding_id,
        app_id=binding.app_id,
        entitlement_id=binding.entitlement_id,
        directory_entitlement_id=binding.directory_entitlement_id,
        directory_display_name=binding.directory_display_name,
        create_time=timestamp(binding.create_time),
    )
