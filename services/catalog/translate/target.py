"""`target.proto`."""

from latchkey.catalog.v1 import target_pb2
from services.catalog.domain.target import GroupMembership, Target


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
