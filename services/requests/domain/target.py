"""What a person must hold in the directory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupMembership:
    """Being a direct member of a group."""

    entra_group_id: str


@dataclass(frozen=True, slots=True)
class AppRoleAssignment:
    """Being assigned to an app, in one of its roles."""

    entra_service_principal_id: str
    entra_app_role_id: str


@dataclass(frozen=True, slots=True)
class Target:
    """One directory entitlement, as the catalog described it."""

    directory_entitlement_id: str
    connection_id: str
    display_name: str
    kind: GroupMembership | AppRoleAssignment
