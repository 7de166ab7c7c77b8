"""Rows as the domain's own, and back."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from services.catalog.domain.app import App, AppRole
from services.catalog.domain.directory import ServicePrincipal, User
from services.catalog.domain.entitlement import Entitlement, ResourceKind, ResourceType
from services.catalog.domain.settings import (
    EmergencySettings,
    EntitlementOverride,
    UnmanagedAccessAction,
)
from services.catalog.domain.target import AppRoleAssignment, GroupMembership, Target
from services.catalog.store.entitlement_tables import entitlements
from services.catalog.store.tables import apps, directory_users


def app_of(row: Any) -> App:
    """An app."""
    return App(
        app_id=row.app_id,
        entra_tenant_id=row.entra_tenant_id,
        connection_id=row.connection_id,
        entra_service_principal_id=row.entra_service_principal_id,
        entra_app_id=row.entra_app_id,
        display_name=row.display_name,
        entra_description=row.description,
        account_enabled=row.account_enabled,
        is_protected=row.is_protected,
        app_roles=tuple(AppRole(**role) for role in row.app_roles),
        create_time=row.create_time,
        manage_time=row.manage_time,
        unmanage_time=row.unmanage_time,
        removed=row.removed,
        own_description=row.own_description,
        instructions=row.instructions,
        policy_id=row.policy_id,
        max_duration=row.max_duration,
        unmanaged_access_action=UnmanagedAccessAction(row.unmanaged_access_action),
        unmanaged_access_action_time=row.unmanaged_access_action_time,
        version=row.version,
    )


def app_roles_json(roles: Iterable[AppRole]) -> list[dict[str, Any]]:
    """The roles of an app, for their column."""
    return [
        {
            "entra_app_role_id": role.entra_app_role_id,
            "display_name": role.display_name,
            "value": role.value,
            "enabled": role.enabled,
        }
        for role in roles
    ]


def app_digest(principal: ServicePrincipal) -> str:
    """Of everything of an app that a sync can change."""
    text = json.dumps(
        [
            principal.entra_app_id,
            principal.display_name,
            principal.description,
            principal.account_enabled,
            principal.is_protected,
            app_roles_json(principal.app_roles),
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()


_USER = select(directory_users).where(directory_users.c.user_id == bindparam("id"))


def read_user(connection: Connection, user_id: str) -> User | None:
    """The person with this id."""
    row = connection.execute(_USER, {"id": user_id}).one_or_none()
    return None if row is None else user_of(row)


_USER_FIELDS = tuple(field.name for field in fields(User))
USER_COLUMNS = tuple(directory_users.c[name] for name in _USER_FIELDS)
_user_values = attrgetter(*_USER_FIELDS)


def user_of(row: Row[Any]) -> User:
    """A person."""
    return User(*_user_values(row))


def user_in_json(values: Sequence[Any]) -> User:
    """A person of whom a `json_column` holds the `USER_COLUMNS`."""
    found = dict(zip(_USER_FIELDS, values, strict=True))
    found["sync_time"] = time_in_json(found["sync_time"])
    return User(**found | {"account_enabled": bool(found["account_enabled"])})


def time_in_json(text: str) -> datetime:
    """A time in a `json_column`."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def resource_type_of(row: Row[Any]) -> ResourceType:
    """A resource type."""
    return ResourceType(row.resource_type_id, row.app_id, row.display_name, ResourceKind(row.kind))


def select_entitlements() -> Select[Any]:
    """Entitlements with all that `entitlement_of` needs."""
    return select(
        entitlements,
        apps.c.connection_id,
        apps.c.removed.label("app_removed"),
        apps.c.is_protected.label("app_protected"),
    ).join(apps, apps.c.app_id == entitlements.c.app_id)


def entitlement_of(row: Row[Any]) -> Entitlement:
    """An entitlement."""
    return Entitlement(
        entitlement_id=row.entitlement_id,
        app_id=row.app_id,
        resource_type_id=row.resource_type_id,
        resource_kind=ResourceKind(row.resource_kind),
        resource_id=row.resource_id,
        display_name=row.display_name,
        description=row.description,
        fulfilment=tuple(target_of(target, row.connection_id) for target in row.fulfilment),
        entra_app_role_id=row.entra_app_role_id,
        role_gone=row.role_gone,
        create_time=row.create_time,
        override=override_of(row),
        version=row.version,
    )


def override_of(row: Row[Any]) -> EntitlementOverride:
    """What an entitlement says for itself."""
    return EntitlementOverride(
        policy_id=row.policy_id,
        max_duration=row.max_duration,
        emergency=emergency_of(row),
        not_requestable=row.not_requestable,
        locked=row.locked,
    )


def override_columns(override: EntitlementOverride) -> dict[str, Any]:
    """What an entitlement says for itself, for its columns."""
    return {
        "policy_id": override.policy_id,
        "max_duration": override.max_duration,
        **emergency_columns(override.emergency),
        "not_requestable": override.not_requestable,
        "locked": override.locked,
    }


def emergency_of(row: Row[Any]) -> EmergencySettings | None:
    """What a row says of emergencies, if it does."""
    if row.emergency_max_duration is None:
        return None
    return EmergencySettings(row.emergency_policy_id, row.emergency_max_duration)


def emergency_columns(emergency: EmergencySettings | None) -> dict[str, Any]:
    """What is said of emergencies, for its columns."""
    return {
        "emergency_max_duration": None if emergency is None else emergency.max_duration,
        "emergency_policy_id": "" if emergency is None else emergency.policy_id,
    }


def target_of(fields: Mapping[str, str], connection_id: str) -> Target:
    """A target of an entitlement's fulfilment."""
    kind: GroupMembership | AppRoleAssignment
    if "entra_group_id" in fields:
        kind = GroupMembership(fields["entra_group_id"])
    else:
        kind = AppRoleAssignment(fields["entra_service_principal_id"], fields["entra_app_role_id"])
    return Target(fields["directory_entitlement_id"], connection_id, fields["display_name"], kind)


def fulfilment_json(targets: Iterable[Target]) -> list[dict[str, str]]:
    """A fulfilment, for its column."""
    return [
        {
            "directory_entitlement_id": target.directory_entitlement_id,
            "display_name": target.display_name,
            **_kind_json(target.kind),
        }
        for target in targets
    ]


def _kind_json(kind: GroupMembership | AppRoleAssignment) -> dict[str, str]:
    if isinstance(kind, GroupMembership):
        return {"entra_group_id": kind.entra_group_id}
    return {
        "entra_service_principal_id": kind.entra_service_principal_id,
        "entra_app_role_id": kind.entra_app_role_id,
    }
