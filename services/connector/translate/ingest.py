"""What a sync read, as messages for the catalog."""

from latchkey.catalog.v1 import app_pb2, ingest_pb2, link_pb2
from services.connector.domain.connection import Connection
from services.connector.domain.directory import (
    Group,
    Membership,
    PrincipalKind,
    RoleAssignment,
    ServicePrincipal,
    UnwritableReason,
    User,
)
from services.connector.ports import NumberedPage

_UNWRITABLE = {
    None: link_pb2.UNWRITABLE_REASON_UNSPECIFIED,
    UnwritableReason.DYNAMIC: link_pb2.UNWRITABLE_REASON_DYNAMIC,
    UnwritableReason.SYNCED: link_pb2.UNWRITABLE_REASON_SYNCED,
    UnwritableReason.MAIL_ENABLED: link_pb2.UNWRITABLE_REASON_MAIL_ENABLED,
    UnwritableReason.ROLE_ASSIGNABLE: link_pb2.UNWRITABLE_REASON_ROLE_ASSIGNABLE,
}
_KINDS = {
    PrincipalKind.USER: ingest_pb2.PRINCIPAL_KIND_USER,
    PrincipalKind.GROUP: ingest_pb2.PRINCIPAL_KIND_GROUP,
}


def ingest_request(
    sync_id: str, connection: Connection, numbered: NumberedPage
) -> ingest_pb2.IngestRequest:
    """One message of a sync; the completing one when there is no page."""
    message = ingest_pb2.IngestRequest(
        sync_id=sync_id,
        connection_id=connection.connection_id,
        entra_tenant_id=connection.entra_tenant_id,
        page_number=numbered.number,
    )
    if numbered.page is None:
        message.checkpoint = "complete"
        message.complete.SetInParent()
        return message
    message.checkpoint = numbered.page.checkpoint
    for found in numbered.page.objects:
        match found:
            case User():
                message.users.users.append(_user(found))
            case Group():
                message.groups.groups.append(_group(found))
            case Membership():
                message.memberships.memberships.append(
                    ingest_pb2.DirectoryMembership(
                        entra_group_id=found.entra_group_id, entra_user_id=found.entra_user_id
                    )
                )
            case ServicePrincipal():
                message.service_principals.service_principals.append(_service_principal(found))
            case RoleAssignment():
                message.app_role_assignments.app_role_assignments.append(_assignment(found))
    return message


def _user(user: User) -> ingest_pb2.DirectoryUser:
    return ingest_pb2.DirectoryUser(
        entra_object_id=user.entra_object_id,
        display_name=user.display_name,
        user_principal_name=user.user_principal_name,
        mail=user.mail,
        department=user.department,
        job_title=user.job_title,
        manager_entra_object_id=user.manager_entra_object_id,
        account_enabled=user.account_enabled,
    )


def _group(group: Group) -> ingest_pb2.DirectoryGroup:
    return ingest_pb2.DirectoryGroup(
        entra_object_id=group.entra_object_id,
        display_name=group.display_name,
        description=group.description,
        unwritable_reason=_UNWRITABLE[group.unwritable_reason],
    )


def _service_principal(found: ServicePrincipal) -> ingest_pb2.DirectoryServicePrincipal:
    return ingest_pb2.DirectoryServicePrincipal(
        entra_object_id=found.entra_object_id,
        entra_app_id=found.entra_app_id,
        display_name=found.display_name,
        description=found.description,
        account_enabled=found.account_enabled,
        app_roles=[
            app_pb2.AppRole(
                entra_app_role_id=role.entra_app_role_id,
                display_name=role.display_name,
                value=role.value,
                enabled=role.enabled,
            )
            for role in found.app_roles
        ],
        is_protected=found.is_protected,
    )


def _assignment(found: RoleAssignment) -> ingest_pb2.DirectoryAppRoleAssignment:
    return ingest_pb2.DirectoryAppRoleAssignment(
        entra_service_principal_id=found.entra_service_principal_id,
        entra_app_role_id=found.entra_app_role_id,
        entra_principal_id=found.entra_principal_id,
        principal_kind=_KINDS[found.principal_kind],
    )
