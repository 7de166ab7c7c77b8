"""What waits for the end of a sync: as values of a row, and back.

The connection that saw it, and the round, are not of it: they are the same for all of a page.
"""

from datetime import datetime
from typing import Any

from services.catalog.domain.app import AppRole
from services.catalog.domain.directory import Group, ServicePrincipal, User
from services.catalog.store.rows import app_digest, app_roles_json
from services.catalog.store.text import search_name


def user_values(user: User, now: datetime) -> dict[str, Any]:
    """A person, for a row."""
    return {
        "user_id": user.user_id,
        "entra_tenant_id": user.entra_tenant_id,
        "entra_object_id": user.entra_object_id,
        "display_name": user.display_name,
        "search_name": search_name(user.display_name),
        "user_principal_name": user.user_principal_name,
        "mail": user.mail,
        "department": user.department,
        "job_title": user.job_title,
        "manager_user_id": user.manager_user_id,
        "account_enabled": user.account_enabled,
        "sync_time": now,
    }


def group_values(group: Group) -> dict[str, Any]:
    """A group, for a row."""
    return {
        "group_id": group.group_id,
        "directory_entitlement_id": group.directory_entitlement_id,
        "entra_tenant_id": group.entra_tenant_id,
        "entra_object_id": group.entra_object_id,
        "display_name": group.display_name,
        "search_name": search_name(group.display_name),
        "description": group.description,
        "unwritable_reason": group.unwritable_reason.value,
    }


def app_values(app: ServicePrincipal, now: datetime) -> dict[str, Any]:
    """An app of which nothing but itself has been read, for a row."""
    return {
        "app_id": app.app_id,
        "entra_tenant_id": app.entra_tenant_id,
        "entra_service_principal_id": app.entra_service_principal_id,
        "entra_app_id": app.entra_app_id,
        "display_name": app.display_name,
        "search_name": search_name(app.display_name),
        "description": app.description,
        "account_enabled": app.account_enabled,
        "is_protected": app.is_protected,
        "app_roles": app_roles_json(app.app_roles),
        "digest": app_digest(app),
        "assignments_digest": "",
        "owners_known": False,
        "create_time": now,
    }


def principal_of(row: Any) -> ServicePrincipal:
    """An app as a page told of it."""
    return ServicePrincipal(
        app_id=row.app_id,
        entra_tenant_id=row.entra_tenant_id,
        entra_service_principal_id=row.entra_service_principal_id,
        entra_app_id=row.entra_app_id,
        display_name=row.display_name,
        description=row.description,
        account_enabled=row.account_enabled,
        is_protected=row.is_protected,
        app_roles=tuple(AppRole(**role) for role in row.app_roles),
    )
