"""What a sync read, as messages for the catalog, and what the catalog says of it."""

from latchkey.catalog.v1 import app_pb2, ingest_pb2, link_pb2
from services.connector.domain.connection import Connection
from services.connector.domain.directory import (
    AppInScope,
    DirectoryEnd,
    DirectoryKind,
    Group,
    Membership,
    PrincipalKind,
    RoleAssignment,
    ServicePrincipal,
    UnwritableReason,
    User,
)
from services.connector.domain.sync import (
    Checkpoint,
    HeldRemoval,
    Ingested,
    NumberedPage,
    Sync,
)

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
_SWEPT = {
    DirectoryKind.USER: ingest_pb2.DIRECTORY_KIND_USER,
    DirectoryKind.GROUP: ingest_pb2.DIRECTORY_KIND_GROUP,
    DirectoryKind.MEMBERSHIP: ingest_pb2.DIRECTORY_KIND_MEMBERSHIP,
    DirectoryKind.APP: ingest_pb2.DIRECTORY_KIND_APP,
    DirectoryKind.APP_ROLE_ASSIGNMENT: ingest_pb2.DIRECTORY_KIND_APP_ROLE_ASSIGNMENT,
}
_WORDS = {number: kind.value for kind, number in _SWEPT.items()}


def ingest_request(
    sync: Sync, connection: Connection, numbered: NumberedPage
) -> ingest_pb2.IngestRequest:
    """One message of a sync."""
    content = numbered.content
    message = ingest_pb2.IngestRequest(
        sync_id=sync.sync_id,
        connection_id=connection.connection_id,
        entra_tenant_id=connection.entra_tenant_id,
        page_number=numbered.number,
        checkpoint=content.checkpoint,
        round=content.round,
        run=sync.run,
        groups_only=connection.groups_only,
    )
    if isinstance(content, DirectoryEnd):
        message.complete.removals_confirmed = sync.removals_confirmed
        for sweep in content.sweeps:
            message.complete.sweeps.add(kind=_SWEPT[sweep.kind], round=sweep.round)
        return message
    page = message.page
    page.SetInParent()
    page.users.extend(map(_user, content.users))
    page.groups.extend(map(_group, content.groups))
    page.memberships.extend(map(_membership, content.memberships))
    page.service_principals.extend(map(_service_principal, content.service_principals))
    page.app_role_assignments.extend(map(_assignment, content.role_assignments))
    page.removed_entra_user_ids.extend(content.removed_user_ids)
    page.removed_entra_group_ids.extend(content.removed_group_ids)
    page.removed_memberships.extend(map(_membership, content.removed_memberships))
    page.removed_entra_service_principal_ids.extend(content.removed_service_principal_ids)
    for read in content.assignments_read:
        page.app_role_assignments_read.add(
            entra_service_principal_id=read.entra_service_principal_id, digest=read.digest
        )
    for owned in content.owners_read:
        page.app_owners_read.add(
            entra_service_principal_id=owned.entra_service_principal_id,
            entra_user_ids=owned.entra_user_ids,
        )
    return message


def checkpoint_of(answer: ingest_pb2.GetCheckpointResponse) -> Checkpoint:
    """How far the catalog has a connection's newest sync."""
    return Checkpoint(
        answer.sync_id,
        answer.last_page_number,
        answer.checkpoint,
        answer.completed,
        answer.round,
        answer.seen_count,
        answer.removed_count,
    )


def ingested_of(answer: ingest_pb2.IngestResponse) -> Ingested:
    """What the catalog took."""
    return Ingested(
        answer.last_page_number,
        answer.seen_count,
        answer.completed,
        answer.removed_count,
        tuple(
            HeldRemoval(_WORDS.get(held.kind, "objects"), held.removed_count, held.total_count)
            for held in answer.held_removals
        ),
    )


def apps_in_scope_of(answer: ingest_pb2.ListAppsInScopeResponse) -> list[AppInScope]:
    """The apps of a page."""
    return [
        AppInScope(app.entra_service_principal_id, app.assignments_digest, app.owners_known)
        for app in answer.apps
    ]


def _membership(found: Membership) -> ingest_pb2.DirectoryMembership:
    return ingest_pb2.DirectoryMembership(
        entra_group_id=found.entra_group_id, entra_user_id=found.entra_user_id
    )


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
