"""`ingest.proto`.

Ids are held to their form: a wrong one is the connector's fault. Texts of the directory are
nobody's fault here: they are cleaned and cut to length.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from latchkey.catalog.v1 import app_pb2, ingest_pb2
from libs.domain import ids
from libs.domain.fields import Fields
from services.catalog.domain.app import AppRole
from services.catalog.domain.directory import (
    Assignment,
    Complete,
    Group,
    Membership,
    Page,
    PrincipalKind,
    ServicePrincipal,
    User,
    cleaned,
)
from services.catalog.domain.link import UnwritableReason
from services.catalog.domain.sync import Sync
from services.catalog.handlers import ingest_page
from services.catalog.translate import shapes

_MOST_OBJECTS = 1000
_MOST_CHECKPOINT = 100_000
_MOST_NAME = 256
_MOST_DESCRIPTION = 2000
T = TypeVar("T")

# The groups and apps of a page are few against its memberships and assignments.
_group_id = lru_cache(4096)(ids.group_id)
_app_id = lru_cache(4096)(ids.app_id)
_membership_id = lru_cache(4096)(ids.membership_entitlement_id)
_app_role_id = lru_cache(4096)(ids.app_role_entitlement_id)


def ingest_page_command(request: ingest_pb2.IngestRequest) -> ingest_page.Command:
    """The wish to take a page of a sync."""
    kind = request.WhichOneof("page")
    with Fields() as fields:
        if kind is None:
            fields.wrong("page", "is required")
        if request.page_number < 1:
            fields.wrong("page_number", "must be 1 or more")
        if "\x00" in request.checkpoint:
            fields.wrong("checkpoint", "holds the control character U+0000")
        if len(request.checkpoint) > _MOST_CHECKPOINT:
            fields.wrong("checkpoint", f"has more than {_MOST_CHECKPOINT} characters")
        if not request.checkpoint and kind != "complete":
            fields.wrong("checkpoint", "is required")
        tenant = fields.guid("entra_tenant_id", request.entra_tenant_id)
        return ingest_page.Command(
            sync_id=fields.id("sync_id", request.sync_id, "syn"),
            connection_id=fields.id("connection_id", request.connection_id, "con"),
            entra_tenant_id=tenant,
            page_number=request.page_number,
            checkpoint=request.checkpoint,
            kind=kind or "",
            page=_page(fields, request, tenant),
        )


def ingest_response(sync: Sync | None) -> ingest_pb2.IngestResponse:
    """What came of the pages; none for a stream without any."""
    if sync is None:
        return ingest_pb2.IngestResponse()
    return ingest_pb2.IngestResponse(
        last_page_number=sync.last_page_number,
        completed=sync.completed,
        seen_count=sync.seen_count,
        removed_count=sync.removed_count,
    )


def get_checkpoint(request: ingest_pb2.GetCheckpointRequest) -> str:
    """The id of the sync."""
    with Fields() as fields:
        return fields.id("sync_id", request.sync_id, "syn")


def get_checkpoint_response(sync: Sync | None) -> ingest_pb2.GetCheckpointResponse:
    """How far the sync's pages are committed."""
    if sync is None:
        return ingest_pb2.GetCheckpointResponse()
    return ingest_pb2.GetCheckpointResponse(
        last_page_number=sync.last_page_number,
        checkpoint=sync.checkpoint,
        completed=sync.completed,
    )


def _page(fields: Fields, request: ingest_pb2.IngestRequest, tenant: str) -> Page:
    match request.WhichOneof("page"):
        case "users":
            return _each(fields, "users.users", request.users.users, tenant, _user)
        case "groups":
            return _each(fields, "groups.groups", request.groups.groups, tenant, _group)
        case "memberships":
            path, found = "memberships.memberships", request.memberships.memberships
            return _each(fields, path, found, tenant, _membership)
        case "service_principals":
            principals = request.service_principals.service_principals
            path = "service_principals.service_principals"
            return _each(fields, path, principals, tenant, _service_principal)
        case "app_role_assignments":
            assignments = request.app_role_assignments.app_role_assignments
            path = "app_role_assignments.app_role_assignments"
            return _each(fields, path, assignments, tenant, _assignment)
        case _:
            return Complete()


def _each(
    fields: Fields,
    path: str,
    objects: Iterable[Any],
    tenant: str,
    make: Callable[[Fields, str, Any, str], T],
) -> tuple[T, ...]:
    objects = list(objects)
    if len(objects) > _MOST_OBJECTS:
        fields.wrong(path, f"has {len(objects)}, at most {_MOST_OBJECTS} are taken")
        return ()
    return tuple(
        make(fields, f"{path}[{index}]", each, tenant) for index, each in enumerate(objects)
    )


def _user(fields: Fields, path: str, user: ingest_pb2.DirectoryUser, tenant: str) -> User:
    object_id = fields.guid(f"{path}.entra_object_id", user.entra_object_id)
    manager = fields.guid(
        f"{path}.manager_entra_object_id", user.manager_entra_object_id, required=False
    )
    return User(
        user_id=ids.user_id(tenant, object_id),
        entra_tenant_id=tenant,
        entra_object_id=object_id,
        display_name=cleaned(user.display_name, _MOST_NAME) or object_id,
        user_principal_name=cleaned(user.user_principal_name, _MOST_NAME),
        mail=cleaned(user.mail, _MOST_NAME),
        department=cleaned(user.department, _MOST_NAME),
        job_title=cleaned(user.job_title, _MOST_NAME),
        manager_user_id=ids.user_id(tenant, manager) if manager else "",
        account_enabled=user.account_enabled,
    )


def _group(fields: Fields, path: str, group: ingest_pb2.DirectoryGroup, tenant: str) -> Group:
    object_id = fields.guid(f"{path}.entra_object_id", group.entra_object_id)
    reason = shapes.enum_value(
        fields,
        f"{path}.unwritable_reason",
        group.unwritable_reason,
        UnwritableReason,
        unspecified=UnwritableReason.WRITABLE,
    )
    return Group(
        group_id=_group_id(tenant, object_id),
        directory_entitlement_id=_membership_id(tenant, object_id),
        entra_tenant_id=tenant,
        entra_object_id=object_id,
        display_name=cleaned(group.display_name, _MOST_NAME) or object_id,
        description=cleaned(group.description, _MOST_DESCRIPTION, lines=True),
        unwritable_reason=reason or UnwritableReason.WRITABLE,
    )


def _membership(
    fields: Fields, path: str, membership: ingest_pb2.DirectoryMembership, tenant: str
) -> Membership:
    group = fields.guid(f"{path}.entra_group_id", membership.entra_group_id)
    user = fields.guid(f"{path}.entra_user_id", membership.entra_user_id)
    return Membership(
        group_id=_group_id(tenant, group),
        user_id=ids.user_id(tenant, user),
        directory_entitlement_id=_membership_id(tenant, group),
    )


def _service_principal(
    fields: Fields, path: str, principal: ingest_pb2.DirectoryServicePrincipal, tenant: str
) -> ServicePrincipal:
    object_id = fields.guid(f"{path}.entra_object_id", principal.entra_object_id)
    return ServicePrincipal(
        app_id=_app_id(tenant, object_id),
        entra_tenant_id=tenant,
        entra_service_principal_id=object_id,
        entra_app_id=fields.guid(f"{path}.entra_app_id", principal.entra_app_id),
        display_name=cleaned(principal.display_name, _MOST_NAME) or object_id,
        description=cleaned(principal.description, _MOST_DESCRIPTION, lines=True),
        account_enabled=principal.account_enabled,
        is_protected=principal.is_protected,
        app_roles=tuple(
            _app_role(fields, f"{path}.app_roles[{index}]", role)
            for index, role in enumerate(principal.app_roles)
        ),
    )


def _app_role(fields: Fields, path: str, role: app_pb2.AppRole) -> AppRole:
    role_id = fields.guid(f"{path}.entra_app_role_id", role.entra_app_role_id)
    return AppRole(
        entra_app_role_id=role_id,
        display_name=cleaned(role.display_name, _MOST_NAME) or role_id,
        value=cleaned(role.value, _MOST_NAME),
        enabled=role.enabled,
    )


def _assignment(
    fields: Fields, path: str, assignment: ingest_pb2.DirectoryAppRoleAssignment, tenant: str
) -> Assignment:
    app = fields.guid(f"{path}.entra_service_principal_id", assignment.entra_service_principal_id)
    role = fields.guid(f"{path}.entra_app_role_id", assignment.entra_app_role_id)
    principal = fields.guid(f"{path}.entra_principal_id", assignment.entra_principal_id)
    kind = shapes.enum_value(
        fields, f"{path}.principal_kind", assignment.principal_kind, PrincipalKind
    )
    if assignment.principal_kind == 0:
        fields.wrong(f"{path}.principal_kind", "is required")
    of_group = kind is PrincipalKind.GROUP
    return Assignment(
        app_id=_app_id(tenant, app),
        entra_app_role_id=role,
        directory_entitlement_id=_app_role_id(tenant, app, role),
        principal_kind=kind or PrincipalKind.USER,
        principal_id=_group_id(tenant, principal) if of_group else ids.user_id(tenant, principal),
    )
