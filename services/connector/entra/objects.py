"""Graph's objects, as the domain's. What is missing or null reads as empty."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.connector.domain.directory import (
    INTEGRATED_APP_TAG,
    AppRole,
    Group,
    PrincipalKind,
    ReadFailed,
    RoleAssignment,
    ServicePrincipal,
    User,
    is_protected,
    unwritable_reason,
)

Item = Mapping[str, Any]

_PRINCIPAL_KINDS = {"User": PrincipalKind.USER, "Group": PrincipalKind.GROUP}


def object_id(item: Item) -> str:
    """An object's id, in small letters.

    Raises:
        ReadFailed: it has none; what is not known by its id must not be passed over.
    """
    found = _text(item, "id").lower()
    if not found:
        raise ReadFailed("Graph sent an object without an id")
    return found


def is_removed(item: Item) -> bool:
    """Whether a delta says that the object is gone; for good or not makes no difference here."""
    return "@removed" in item


def is_bare(item: Item) -> bool:
    """Whether a delta tells nothing of the object itself, only of what it is related to.

    Every object has a name, and a delta repeats each property that was ever set.
    """
    return "displayName" not in item


def tells_manager(item: Item) -> bool:
    """Whether a delta says who the manager is, or that there is none."""
    return "manager@delta" in item or "manager" in item


def user(item: Item) -> User:
    """A person."""
    return User(
        entra_object_id=object_id(item),
        display_name=_text(item, "displayName"),
        user_principal_name=_text(item, "userPrincipalName"),
        mail=_text(item, "mail"),
        department=_text(item, "department"),
        job_title=_text(item, "jobTitle"),
        manager_entra_object_id=manager_id(item),
        account_enabled=bool(item.get("accountEnabled")),
    )


def manager_id(item: Item) -> str:
    """The manager's object id; empty where there is none.

    A delta has a list, in which a manager that was taken away is marked as removed.
    """
    found = ""
    for manager in item.get("manager@delta") or ():
        if not is_removed(manager):
            found = object_id(manager)
    if found:
        return found
    manager = item.get("manager")
    return object_id(manager) if isinstance(manager, dict) else ""


def group(item: Item) -> Group:
    """A group."""
    return Group(
        entra_object_id=object_id(item),
        display_name=_text(item, "displayName"),
        description=_text(item, "description"),
        unwritable_reason=unwritable_reason(
            group_types=frozenset(str(found) for found in item.get("groupTypes") or ()),
            mail_enabled=bool(item.get("mailEnabled")),
            synced=bool(item.get("onPremisesSyncEnabled")),
            role_assignable=bool(item.get("isAssignableToRole")),
        ),
    )


def members(item: Item) -> Iterator[tuple[str, bool]]:
    """Who became a member of a group in a delta, and who (False) is none any more.

    Only people count; groups, devices and others hold no access here. What is removed may come
    without its type.
    """
    for member in item.get("members@delta") or ():
        if "@removed" in member:
            yield object_id(member), False
        elif member.get("@odata.type") == "#microsoft.graph.user":
            yield object_id(member), True


def service_principal(item: Item) -> ServicePrincipal:
    """An app."""
    return ServicePrincipal(
        entra_object_id=object_id(item),
        entra_app_id=_text(item, "appId").lower(),
        display_name=_text(item, "displayName"),
        description=_text(item, "description"),
        account_enabled=bool(item.get("accountEnabled")),
        app_roles=tuple(
            AppRole(
                entra_app_role_id=object_id(role),
                display_name=_text(role, "displayName"),
                value=_text(role, "value"),
                enabled=bool(role.get("isEnabled")),
            )
            for role in item.get("appRoles") or ()
            # "User" stands for users and groups.
            if "User" in (role.get("allowedMemberTypes") or ())
        ),
        is_protected=is_protected(
            entra_app_id=_text(item, "appId"),
            owner_tenant_id=_text(item, "appOwnerOrganizationId"),
        ),
    )


def is_in_scope(item: Item) -> bool:
    """Whether a service principal is an app that the portal lists."""
    return INTEGRATED_APP_TAG in (item.get("tags") or ())


def role_assignments(app_id: str, items: Iterable[Item]) -> list[RoleAssignment]:
    """The users and groups among those assigned to an app."""
    return [
        RoleAssignment(
            entra_service_principal_id=app_id,
            entra_app_role_id=_text(item, "appRoleId").lower(),
            entra_principal_id=_text(item, "principalId").lower(),
            principal_kind=_PRINCIPAL_KINDS[item["principalType"]],
        )
        for item in items
        if item.get("principalType") in _PRINCIPAL_KINDS
    ]


def _text(item: Item, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        return ""
    # Half a character, as where a name was cut to its length, is none that can be kept or sent.
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
