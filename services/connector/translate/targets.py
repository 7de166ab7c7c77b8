"""Targets, as messages."""

from latchkey.catalog.v1 import target_pb2
from services.connector.domain.target import AppRoleGrant, GroupMembership, Target


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


def target_of(message: target_pb2.Target) -> Target | None:
    """The target of a message; none when it does not say what must be held."""
    kind: GroupMembership | AppRoleGrant
    match message.WhichOneof("kind"):
        case "group_membership":
            kind = GroupMembership(message.group_membership.entra_group_id.lower())
        case "app_role_assignment":
            kind = AppRoleGrant(
                message.app_role_assignment.entra_service_principal_id.lower(),
                message.app_role_assignment.entra_app_role_id.lower(),
            )
        case _:
            return None
    return Target(
        message.directory_entitlement_id, message.connection_id, message.display_name, kind
    )
