"""`DirectoryPage` of `ingest.proto`.

Ids are held to their form: a wrong one is the connector's fault. Texts of the directory are
nobody's fault here: they are cleaned and cut to length.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from latchkey.catalog.v1 import app_pb2, ingest_pb2
from libs.domain import ids
from libs.domain.fields import Fields, is_guid
from services.catalog.domain.app import AppRole
from services.catalog.domain.directory import (
    Assignment,
    AssignmentsRead,
    DirectoryPage,
    Group,
    Membership,
    OwnersRead,
    PrincipalKind,
    ServicePrincipal,
    User,
    cleaned,
)
from services.catalog.domain.link import UnwritableReason
from services.catalog.translate import shapes

_MOST_ENTRIES = 5000
_MOST_NAME = 256
_MOST_DESCRIPTION = 2000
_MOST_DIGEST = 100
_MOST_OWNERS = 500
_KINDS = {
    ingest_pb2.PRINCIPAL_KIND_USER: PrincipalKind.USER,
    ingest_pb2.PRINCIPAL_KIND_GROUP: PrincipalKind.GROUP,
}
T = TypeVar("T")


def directory_page(fields: Fields, page: ingest_pb2.DirectoryPage, tenant: str) -> DirectoryPage:
    """A page; an empty one of more entries than are taken."""
    entries = sum(len(getattr(page, field.name)) for field in page.DESCRIPTOR.fields)
    if entries > _MOST_ENTRIES:
        fields.wrong("page", f"has {entries} entries, at most {_MOST_ENTRIES} are taken")
        return DirectoryPage()
    reader = _Reader(fields, tenant)
    return DirectoryPage(
        users=reader.each("users", page.users, reader.user),
        groups=reader.each("groups", page.groups, reader.group),
        memberships=reader.memberships("memberships", page.memberships),
        service_principals=reader.each(
            "service_principals", page.service_principals, reader.service_principal
        ),
        assignments=reader.assignments(page.app_role_assignments),
        removed_user_ids=reader.removed(
            "removed_entra_user_ids", page.removed_entra_user_ids, reader.users
        ),
        removed_group_ids=reader.removed(
            "removed_entra_group_ids", page.removed_entra_group_ids, reader.groups
        ),
        removed_memberships=reader.memberships("removed_memberships", page.removed_memberships),
        removed_app_ids=reader.removed(
            "removed_entra_service_principal_ids",
            page.removed_entra_service_principal_ids,
            reader.apps,
        ),
        assignments_read=reader.each(
            "app_role_assignments_read", page.app_role_assignments_read, reader.read
        ),
        owners_read=reader.each("app_owners_read", page.app_owners_read, reader.owners),
    )


class _Derived(dict[str, T | None], Generic[T]):
    """Our ids by Entra's, derived when first asked for; none for what is no id of Entra."""

    def __init__(self, derive: Callable[[str], T]) -> None:
        super().__init__()
        self._derive = derive

    def __missing__(self, entra_id: str) -> T | None:
        found = self[entra_id] = self._derive(entra_id) if is_guid(entra_id) else None
        return found


class _Reader:
    """Reads the entries of one page, each id once."""

    def __init__(self, fields: Fields, tenant: str) -> None:
        self._fields = fields
        self._tenant = tenant
        self.users = _Derived(lambda user: ids.user_id(tenant, user))
        self.groups = _Derived(lambda group: ids.group_id(tenant, group))
        self.apps = _Derived(lambda app: ids.app_id(tenant, app))
        self._members_of = _Derived(
            lambda group: (
                ids.group_id(tenant, group),
                ids.membership_entitlement_id(tenant, group),
            )
        )
        # By app and role: a page holds few of these pairs, and most of them often.
        self._roles: dict[tuple[str, str], tuple[str, str] | None] = {}

    def each(
        self, name: str, entries: Iterable[Any], make: Callable[[str, Any], T]
    ) -> tuple[T, ...]:
        return tuple(make(f"page.{name}[{index}]", each) for index, each in enumerate(entries))

    def removed(self, name: str, entries: Sequence[str], derived: _Derived[str]) -> tuple[str, ...]:
        found = []
        for index, each in enumerate(entries):
            derived_id = derived[each]
            if derived_id is None:
                self._fields.guid(f"page.{name}[{index}]", each)
            else:
                found.append(derived_id)
        return tuple(found)

    def memberships(
        self, name: str, entries: Iterable[ingest_pb2.DirectoryMembership]
    ) -> tuple[Membership, ...]:
        # Most of a big tenant comes through here: no more is done for each than must be.
        members_of, users, found = self._members_of, self.users, []
        for index, each in enumerate(entries):
            group, user = members_of[each.entra_group_id], users[each.entra_user_id]
            if group is None or user is None:
                path = f"page.{name}[{index}]"
                self._fields.guid(f"{path}.entra_group_id", each.entra_group_id)
                self._fields.guid(f"{path}.entra_user_id", each.entra_user_id)
            else:
                found.append(Membership(group[0], user, group[1]))
        return tuple(found)

    def assignments(
        self, entries: Iterable[ingest_pb2.DirectoryAppRoleAssignment]
    ) -> tuple[Assignment, ...]:
        found = []
        for index, each in enumerate(entries):
            kind = _KINDS.get(each.principal_kind)
            principals = self.groups if kind is PrincipalKind.GROUP else self.users
            principal = principals[each.entra_principal_id]
            role = self._role(each.entra_service_principal_id, each.entra_app_role_id)
            if kind is None or principal is None or role is None:
                self._wrong_assignment(f"page.app_role_assignments[{index}]", each)
            else:
                role_id = each.entra_app_role_id.lower()
                found.append(Assignment(role[0], role_id, role[1], kind, principal))
        return tuple(found)

    def _role(self, app: str, role: str) -> tuple[str, str] | None:
        """Our id of the app, and that of being assigned to it in the role."""
        if (app, role) not in self._roles:
            app_id, made = self.apps[app], None
            if app_id is not None and is_guid(role):
                made = app_id, ids.app_role_entitlement_id(self._tenant, app, role)
            self._roles[app, role] = made
        return self._roles[app, role]

    def _wrong_assignment(
        self, path: str, assignment: ingest_pb2.DirectoryAppRoleAssignment
    ) -> None:
        for name in ("entra_service_principal_id", "entra_app_role_id", "entra_principal_id"):
            self._fields.guid(f"{path}.{name}", getattr(assignment, name))
        kind = assignment.principal_kind
        if kind == ingest_pb2.PRINCIPAL_KIND_UNSPECIFIED:
            self._fields.wrong(f"{path}.principal_kind", "is required")
        else:
            shapes.enum_value(self._fields, f"{path}.principal_kind", kind, PrincipalKind)

    def read(self, path: str, read: ingest_pb2.AppRoleAssignmentsRead) -> AssignmentsRead:
        self._fields.text(f"{path}.digest", read.digest, least=0, most=_MOST_DIGEST)
        app = self._fields.guid(
            f"{path}.entra_service_principal_id", read.entra_service_principal_id
        )
        return AssignmentsRead(self.apps[app] or "", read.digest)

    def owners(self, path: str, read: ingest_pb2.AppOwnersRead) -> OwnersRead:
        app = self._fields.guid(
            f"{path}.entra_service_principal_id", read.entra_service_principal_id
        )
        if len(read.entra_user_ids) > _MOST_OWNERS:
            self._fields.wrong(
                f"{path}.entra_user_ids",
                f"has {len(read.entra_user_ids)}, at most {_MOST_OWNERS} are taken",
            )
        people = [
            self.users[self._fields.guid(f"{path}.entra_user_ids[{index}]", each)]
            for index, each in enumerate(read.entra_user_ids[:_MOST_OWNERS])
        ]
        return OwnersRead(self.apps[app] or "", tuple(dict.fromkeys(filter(None, people))))

    def user(self, path: str, user: ingest_pb2.DirectoryUser) -> User:
        object_id = self._fields.guid(f"{path}.entra_object_id", user.entra_object_id)
        manager = self._fields.guid(
            f"{path}.manager_entra_object_id", user.manager_entra_object_id, required=False
        )
        return User(
            user_id=self.users[object_id] or "",
            entra_tenant_id=self._tenant,
            entra_object_id=object_id,
            display_name=cleaned(user.display_name, _MOST_NAME) or object_id,
            user_principal_name=cleaned(user.user_principal_name, _MOST_NAME),
            mail=cleaned(user.mail, _MOST_NAME),
            department=cleaned(user.department, _MOST_NAME),
            job_title=cleaned(user.job_title, _MOST_NAME),
            manager_user_id=(self.users[manager] or "") if manager else "",
            account_enabled=user.account_enabled,
        )

    def group(self, path: str, group: ingest_pb2.DirectoryGroup) -> Group:
        object_id = self._fields.guid(f"{path}.entra_object_id", group.entra_object_id)
        group_id, member_of = self._members_of[object_id] or ("", "")
        reason = shapes.enum_value(
            self._fields,
            f"{path}.unwritable_reason",
            group.unwritable_reason,
            UnwritableReason,
            unspecified=UnwritableReason.WRITABLE,
        )
        return Group(
            group_id=group_id,
            directory_entitlement_id=member_of,
            entra_tenant_id=self._tenant,
            entra_object_id=object_id,
            display_name=cleaned(group.display_name, _MOST_NAME) or object_id,
            description=cleaned(group.description, _MOST_DESCRIPTION, lines=True),
            unwritable_reason=reason or UnwritableReason.WRITABLE,
        )

    def service_principal(
        self, path: str, principal: ingest_pb2.DirectoryServicePrincipal
    ) -> ServicePrincipal:
        object_id = self._fields.guid(f"{path}.entra_object_id", principal.entra_object_id)
        return ServicePrincipal(
            app_id=self.apps[object_id] or "",
            entra_tenant_id=self._tenant,
            entra_service_principal_id=object_id,
            entra_app_id=self._fields.guid(f"{path}.entra_app_id", principal.entra_app_id),
            display_name=cleaned(principal.display_name, _MOST_NAME) or object_id,
            description=cleaned(principal.description, _MOST_DESCRIPTION, lines=True),
            account_enabled=principal.account_enabled,
            is_protected=principal.is_protected,
            app_roles=tuple(
                self._app_role(f"{path}.app_roles[{index}]", role)
                for index, role in enumerate(principal.app_roles)
            ),
        )

    def _app_role(self, path: str, role: app_pb2.AppRole) -> AppRole:
        role_id = self._fields.guid(f"{path}.entra_app_role_id", role.entra_app_role_id)
        return AppRole(
            entra_app_role_id=role_id,
            display_name=cleaned(role.display_name, _MOST_NAME) or role_id,
            value=cleaned(role.value, _MOST_NAME),
            enabled=role.enabled,
        )
