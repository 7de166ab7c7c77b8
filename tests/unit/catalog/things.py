"""Things of a catalog that tests are about, made shortly."""

from datetime import UTC, datetime
from typing import Any

from libs.domain.callers import Person
from services.catalog.domain.app import App, AppRole
from services.catalog.domain.directory import User
from services.catalog.domain.entitlement import (
    Entitlement,
    ResourceKind,
    ResourceType,
    new_access,
    new_resource_type,
)
from services.catalog.domain.link import LinkedGroup, UnwritableReason
from services.catalog.domain.target import AppRoleAssignment, Target

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TENANT = "11111111-2222-3333-4444-555555555555"
ROOT = Person(TENANT, "99999999-2222-3333-4444-555555555555", "Root")


def an_app(**other: Any) -> App:
    """An unmanaged app without roles."""
    fields: dict[str, Any] = {
        "app_id": "app_1",
        "entra_tenant_id": TENANT,
        "connection_id": "con_1",
        "entra_service_principal_id": "sp-1",
        "entra_app_id": "client-1",
        "display_name": "Design Tool",
        "entra_description": "",
        "account_enabled": True,
        "is_protected": False,
        "app_roles": (),
        "create_time": NOW,
    }
    return App(**(fields | other))


def a_managed_app(**other: Any) -> App:
    """A managed app."""
    return an_app(**({"manage_time": NOW, "version": 2} | other))


def a_role(role_id: str, *, enabled: bool = True) -> AppRole:
    """A role that an app declares."""
    return AppRole(role_id, role_id.title(), role_id, enabled)


def types(app_id: str = "app_1") -> tuple[ResourceType, ResourceType]:
    """The resource types of a managed app: of credentials, of roles."""
    return (
        new_resource_type(app_id, ResourceKind.CREDENTIAL),
        new_resource_type(app_id, ResourceKind.ROLE),
    )


def an_access(of: ResourceType) -> Entitlement:
    """The access entitlement of an app."""
    kind = AppRoleAssignment("sp-1", "role-1")
    return new_access(
        of, Target("den_access", "con_1", "role R of A", kind), kind.entra_app_role_id, NOW
    )


def a_group(name: str, **other: Any) -> LinkedGroup:
    """A group that is linked to the app and waits for a choice."""
    fields: dict[str, Any] = {
        "directory_entitlement_id": f"den_{name.lower()}",
        "app_id": "app_1",
        "group_id": f"grp_{name.lower()}",
        "group_display_name": name,
        "entra_group_id": f"entra-{name.lower()}",
        "entra_app_role_id": "role-1",
        "member_count": 0,
        "unwritable_reason": UnwritableReason.WRITABLE,
    }
    return LinkedGroup(**(fields | other))


def a_user(name: str, **other: Any) -> User:
    """A person of the tenant."""
    fields: dict[str, Any] = {
        "user_id": f"usr_{name.lower()}",
        "entra_tenant_id": TENANT,
        "entra_object_id": f"entra-{name.lower()}",
        "display_name": name,
        "user_principal_name": f"{name}@example.com",
        "mail": "",
        "department": "",
        "job_title": "",
        "manager_user_id": "",
        "account_enabled": True,
    }
    return User(**(fields | other))
