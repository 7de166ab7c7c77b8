"""Words that several messages share."""

from enum import StrEnum
from typing import Any, TypeVar

from latchkey.catalog.v1 import target_pb2
from latchkey.requests.v1 import access_request_pb2
from libs.domain.fields import Fields
from services.requests.domain.person import PersonRef
from services.requests.domain.target import AppRoleAssignment, GroupMembership, Target

MOST_TEXT = 2000
S = TypeVar("S", bound=StrEnum)


def wanted_state(fields: Fields, value: int, wire: Any, kind: type[S], of: str) -> S | None:
    """The `state` that a list is asked for; none for any. `wire` is the contract's enum, `of` says
    what it is the state of."""
    if not value:
        return None
    prefix = wire.DESCRIPTOR.values_by_number[0].name.removesuffix("UNSPECIFIED")
    try:
        return kind(wire.Name(value).removeprefix(prefix))
    except ValueError:
        fields.wrong("state", f"{value} is no state of {of}")
        return None


def person_to_proto(person: PersonRef) -> access_request_pb2.PersonRef:
    """A person."""
    return access_request_pb2.PersonRef(
        user_id=person.user_id,
        entra_tenant_id=person.entra_tenant_id,
        entra_object_id=person.entra_object_id,
        display_name=person.display_name,
    )


def target_to_proto(target: Target) -> target_pb2.Target:
    """A target."""
    message = target_pb2.Target(
        directory_entitlement_id=target.directory_entitlement_id,
        connection_id=target.connection_id,
        display_name=target.display_name,
    )
    if isinstance(target.kind, GroupMembership):
        message.group_membership.entra_group_id = target.kind.entra_group_id
    else:
        message.app_role_assignment.entra_service_principal_id = (
            target.kind.entra_service_principal_id
        )
        message.app_role_assignment.entra_app_role_id = target.kind.entra_app_role_id
    return message


def target_from_proto(message: target_pb2.Target) -> Target | None:
    """A target; none of a kind that this version does not know."""
    kind: GroupMembership | AppRoleAssignment
    match message.WhichOneof("kind"):
        case "group_membership":
            kind = GroupMembership(message.group_membership.entra_group_id)
        case "app_role_assignment":
            assignment = message.app_role_assignment
            kind = AppRoleAssignment(
                assignment.entra_service_principal_id, assignment.entra_app_role_id
            )
        case _:
            return None
    return Target(
        message.directory_entitlement_id, message.connection_id, message.display_name, kind
    )
