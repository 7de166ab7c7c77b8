"""What a person must hold in the directory."""

from dataclasses import dataclass

from libs.domain import ids

# Stands for "assigned without a role" where an app declares none. Entra shows it by this name.
NO_ROLE = "00000000-0000-0000-0000-000000000000"
NO_ROLE_NAME = "Default Access"
_MEMBER_OF = "member of "


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
    """One thing to hold: a directory entitlement, and the connection whose tenant has it."""

    directory_entitlement_id: str
    connection_id: str
    display_name: str
    kind: GroupMembership | AppRoleAssignment


def app_role_name(role_name: str, app_name: str) -> str:
    """What being assigned to an app in a role is called."""
    return f"role {role_name} of {app_name}"


def membership_name(group_name: str) -> str:
    """What being in a group is called."""
    return _MEMBER_OF + group_name


def group_name_in(name: str) -> str:
    """The group in what being in it is called."""
    return name.removeprefix(_MEMBER_OF)


def app_role(
    entra_tenant_id: str,
    connection_id: str,
    assignment: AppRoleAssignment,
    role_name: str,
    app_name: str,
) -> Target:
    """The target "this role of this app"."""
    return Target(
        ids.app_role_entitlement_id(
            entra_tenant_id, assignment.entra_service_principal_id, assignment.entra_app_role_id
        ),
        connection_id,
        app_role_name(role_name, app_name),
        assignment,
    )


def membership(
    entra_tenant_id: str, connection_id: str, entra_group_id: str, group_name: str
) -> Target:
    """The target "member of this group"."""
    return Target(
        ids.membership_entitlement_id(entra_tenant_id, entra_group_id),
        connection_id,
        membership_name(group_name),
        GroupMembership(entra_group_id),
    )
