"""What a sync reads from a tenant, and which of it must never be written to."""

from dataclasses import dataclass
from enum import StrEnum

# The tenants that Microsoft's own service principals belong to, and Microsoft Graph's app id,
# which is the same in every tenant. Source: Microsoft Learn, "Verify first-party Microsoft
# applications in sign-in reports".
_MICROSOFT_TENANTS = frozenset(
    {
        "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
        "72f988bf-86f1-41af-91ab-2d7cd011db47",
    }
)
_MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"

# The tag by which the portal lists a service principal under "Enterprise applications".
INTEGRATED_APP_TAG = "WindowsAzureActiveDirectoryIntegratedApp"


class UnwritableReason(StrEnum):
    """Why nobody but the directory itself can change a group's members."""

    DYNAMIC = "DYNAMIC"
    SYNCED = "SYNCED"
    MAIL_ENABLED = "MAIL_ENABLED"
    ROLE_ASSIGNABLE = "ROLE_ASSIGNABLE"


def unwritable_reason(
    *,
    group_types: frozenset[str],
    mail_enabled: bool,
    synced: bool,
    role_assignable: bool,
) -> UnwritableReason | None:
    """Why Graph would refuse to change a group's members; none when it would not.

    Source: Microsoft Learn, "Working with groups in Microsoft Graph".
    """
    if "DynamicMembership" in group_types:
        return UnwritableReason.DYNAMIC
    if synced:
        return UnwritableReason.SYNCED
    if mail_enabled and "Unified" not in group_types:
        return UnwritableReason.MAIL_ENABLED
    # Needs RoleManagement.ReadWrite.Directory, which the connector does not ask for.
    if role_assignable:
        return UnwritableReason.ROLE_ASSIGNABLE
    return None


def is_protected(*, entra_app_id: str, owner_tenant_id: str) -> bool:
    """Whether a service principal is Microsoft's own."""
    return owner_tenant_id.lower() in _MICROSOFT_TENANTS or (
        entra_app_id.lower() == _MICROSOFT_GRAPH
    )


class PrincipalKind(StrEnum):
    """What an app role is assigned to."""

    USER = "USER"
    GROUP = "GROUP"


@dataclass(frozen=True, slots=True)
class User:
    """A person."""

    entra_object_id: str
    display_name: str
    user_principal_name: str
    mail: str
    department: str
    job_title: str
    manager_entra_object_id: str
    account_enabled: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A group."""

    entra_object_id: str
    display_name: str
    description: str
    unwritable_reason: UnwritableReason | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A person is a direct member of a group."""

    entra_group_id: str
    entra_user_id: str


@dataclass(frozen=True, slots=True)
class AppRole:
    """A role that an app declares for users and groups."""

    entra_app_role_id: str
    display_name: str
    value: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An app, as it is in this tenant."""

    entra_object_id: str
    entra_app_id: str
    display_name: str
    description: str
    account_enabled: bool
    app_roles: tuple[AppRole, ...]
    is_protected: bool


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A user or group is assigned to an app."""

    entra_service_principal_id: str
    entra_app_role_id: str
    entra_principal_id: str
    principal_kind: PrincipalKind


DirectoryObject = User | Group | Membership | ServicePrincipal | RoleAssignment


class Phase(StrEnum):
    """What a sync reads, in this order."""

    USERS = "users"
    GROUPS = "groups"
    MEMBERSHIPS = "memberships"
    SERVICE_PRINCIPALS = "service_principals"
    APP_ROLE_ASSIGNMENTS = "app_role_assignments"


@dataclass(frozen=True, slots=True)
class DirectoryPage:
    """Some of what a tenant holds: up to 1000 objects of one phase.

    `checkpoint` is where reading goes on behind this page. `protected_ids` are the service
    principals, in scope or not, that were found to be Microsoft's own.
    """

    phase: Phase
    objects: tuple[DirectoryObject, ...]
    checkpoint: str
    protected_ids: tuple[str, ...] = ()


class ReadFailed(Exception):
    """The tenant could not be read. The text is fit for people and holds no secret."""
