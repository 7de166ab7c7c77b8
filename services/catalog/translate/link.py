"""`link.proto`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from latchkey.catalog.v1 import entitlement_pb2, link_pb2
from libs.domain.fields import Fields
from libs.domain.paging import Page, PageRequest
from libs.rpc.well_known import timestamp
from services.catalog.domain.entitlement import Entitlement
from services.catalog.domain.link import (
    Binding,
    LinkChoice,
    LinkedGroup,
    UnwritableReason,
)
from services.catalog.domain.linking import (
    MAX_ROLE_NAME,
    CreateVirtualRole,
    Decision,
    Linking,
    ProvisionAccessFor,
    Skip,
)
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.domain.unlink import Unlinking
from services.catalog.handlers import link_entitlements, unlink_entitlements
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
        return _wish(fields, request)


def preview_link_entitlements_command(
    request: link_pb2.PreviewLinkEntitlementsRequest,
) -> link_entitlements.Command:
    """The wish to know what choices would lead to."""
    with Fields() as fields:
        return _wish(fields, request)


def link_entitlements_response(linking: Linking) -> link_pb2.LinkEntitlementsResponse:
    """What the choices led to."""
    return link_pb2.LinkEntitlementsResponse(
        linked_entitlements=map(_linked_to_proto, linking.links),
        entitlements=_changed(*linking.roles, *linking.widened),
        bindings=map(_binding_to_proto, linking.bindings),
    )


def preview_link_entitlements_response(
    linking: Linking,
) -> link_pb2.PreviewLinkEntitlementsResponse:
    """What the choices would lead to."""
    return link_pb2.PreviewLinkEntitlementsResponse(
        linked_entitlements=map(_linked_to_proto, linking.links),
        entitlements=_changed(*linking.roles, *linking.widened),
        bindings=map(_binding_to_proto, linking.bindings),
        warnings=linking.warnings,
    )


def unlink_entitlements_command(
    request: link_pb2.UnlinkEntitlementsRequest,
) -> unlink_entitlements.Command:
    """The wish to take choices back."""
    name = "directory_entitlement_ids"
    with Fields() as fields:
        fields.idempotency_key(request.idempotency_key)
        linked_ids = request.directory_entitlement_ids
        _count(fields, name, len(linked_ids))
        _once(fields, {f"{name}[{at}]": each for at, each in enumerate(linked_ids)}, "named")
        return unlink_entitlements.Command(
            app_id=fields.id("app_id", request.app_id, "app"),
            directory_entitlement_ids=tuple(
                fields.id(f"{name}[{at}]", each, "den")
                for at, each in enumerate(linked_ids[:_MOST_DECISIONS])
            ),
            reason=fields.text("reason", request.reason, least=1, most=2000, lines=True),
            end_access=request.end_access,
        )


def unlink_entitlements_response(unlinking: Unlinking) -> link_pb2.UnlinkEntitlementsResponse:
    """The groups without their choices."""
    return link_pb2.UnlinkEntitlementsResponse(
        linked_entitlements=map(_linked_to_proto, unlinking.links),
        removed_entitlement_ids=unlinking.removed_ids,
        narrowed_entitlements=_changed(*unlinking.narrowed),
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


class _Wish(Protocol):
    """A request that makes choices, or asks what they would lead to."""

    @property
    def app_id(self) -> str: ...
    @property
    def decisions(self) -> Sequence[link_pb2.LinkDecision]: ...


def _wish(fields: Fields, request: _Wish) -> link_entitlements.Command:
    decisions = request.decisions
    _count(fields, "decisions", len(decisions))
    paths = {
        f"decisions[{at}].directory_entitlement_id": each.directory_entitlement_id
        for at, each in enumerate(decisions)
    }
    _once(fields, paths, "decided")
    return link_entitlements.Command(
        app_id=fields.id("app_id", request.app_id, "app"),
        decisions=tuple(
            _decision(fields, f"decisions[{at}]", each)
            for at, each in enumerate(decisions[:_MOST_DECISIONS])
        ),
    )


def _count(fields: Fields, field: str, count: int) -> None:
    if not 1 <= count <= _MOST_DECISIONS:
        fields.wrong(field, f"has {count}, 1 to {_MOST_DECISIONS} are taken")


def _once(fields: Fields, linked_ids: Mapping[str, str], done: str) -> None:
    times = Counter(linked_ids.values())
    for path, linked_id in linked_ids.items():
        if times[linked_id] > 1:
            fields.wrong(path, f"is {done} more than once")


def _changed(*entitlements: Entitlement) -> list[entitlement_pb2.Entitlement]:
    """Entitlements as a choice made them; what holds for them and whose they are it says not."""
    return [entitlement_to_proto(ShownEntitlement(each)) for each in entitlements]


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
        shared_with=[
            link_pb2.SharedEntitlement(
                app_id=each.app_id,
                app_display_name=each.app_display_name,
                entitlement_id=each.entitlement_id,
                entitlement_display_name=each.entitlement_display_name,
                entra_app_role_id=each.entra_app_role_id,
                entra_app_role_display_name=each.entra_app_role_display_name,
            )
            for each in group.shared_with
        ],
        gone=group.gone,
        assigned_roles=[
            link_pb2.AssignedAppRole(
                entra_app_role_id=role.entra_app_role_id, display_name=role.display_name
            )
            for role in group.assigned_roles
        ],
        chosen_app_role_ids=group.chosen_role_ids,
        drifted=group.drifted,
    )


def _binding_to_proto(binding: Binding) -> link_pb2.Binding:
    return link_pb2.Binding(
        binding_id=binding.binding_id,
        app_id=binding.app_id,
        entitlement_id=binding.entitlement_id,
        directory_entitlement_id=binding.directory_entitlement_id,
        directory_display_name=binding.directory_display_name,
        create_time=timestamp(binding.create_time),
        state=link_pb2.BindingState.Value(f"BINDING_STATE_{binding.state}"),
    )
