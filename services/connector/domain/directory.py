"""What a sync reads from a tenant, and which of it must never be written to."""

from collections.abc import Awaitable, Callable, Sequence
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


class Phase(StrEnum):
    """What a sync reads, in this order."""

    USERS = "users"
    GROUPS = "groups"
    SERVICE_PRINCIPALS = "service_principals"
    APP_ROLE_ASSIGNMENTS = "app_role_assignments"
    APP_OWNERS = "app_owners"


class DirectoryKind(StrEnum):
    """What a sync brings. The values are the words that operators read."""

    USER = "users"
    GROUP = "groups"
    MEMBERSHIP = "memberships"
    APP = "apps"
    APP_ROLE_ASSIGNMENT = "app_role_assignments"


@dataclass(frozen=True, slots=True)
class AppInScope:
    """An app whose assignments are to be read, and the digest of those that were read before.

    `owners_known`: its owners were read once.
    """

    entra_service_principal_id: str
    assignments_digest: str
    owners_known: bool = False


@dataclass(frozen=True, slots=True)
class AssignmentsRead:
    """The assignments of one app are read to their end. `digest` may be empty."""

    entra_service_principal_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class OwnersRead:
    """The people who own one app, all of them."""

    entra_service_principal_id: str
    entra_user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DirectoryPage:
    """Some of what a tenant holds, and of what it holds no more.

    `checkpoint` is where reading goes on behind this page, `round` the round that it was seen in.
    `protected_ids` are the service principals, in scope or not, that were found to be Microsoft's
    own. Nothing is both in the page and in its removals.
    """

    phase: Phase
    checkpoint: str
    round: int
    users: Sequence[User] = ()
    groups: Sequence[Group] = ()
    memberships: Sequence[Membership] = ()
    service_principals: Sequence[ServicePrincipal] = ()
    role_assignments: Sequence[RoleAssignment] = ()
    removed_user_ids: Sequence[str] = ()
    removed_group_ids: Sequence[str] = ()
    removed_memberships: Sequence[Membership] = ()
    removed_service_principal_ids: Sequence[str] = ()
    assignments_read: Sequence[AssignmentsRead] = ()
    owners_read: Sequence[OwnersRead] = ()
    protected_ids: Sequence[str] = ()

    @property
    def entry_count(self) -> int:
        """How much it brings."""
        return (
            len(self.users)
            + len(self.groups)
            + len(self.memberships)
            + len(self.service_principals)
            + len(self.role_assignments)
            + len(self.removed_user_ids)
            + len(self.removed_group_ids)
            + len(self.removed_memberships)
            + len(self.removed_service_principal_ids)
            + len(self.assignments_read)
            + sum(1 + len(each.entra_user_ids) for each in self.owners_read)
        )


@dataclass(frozen=True, slots=True)
class ReadingStart:
    """Where reading starts, and how much it reads.

    `round` is the highest that anything was seen in before. `is_whole`: everything is read anew.
    `is_resumed`: it goes on with what was begun, whatever that was.
    """

    checkpoint: str
    round: int
    is_whole: bool
    is_resumed: bool


# The apps whose assignments are to be read, as of everything that was read before they are asked
# for.
AppsInScope = Callable[[], Awaitable[Sequence[AppInScope]]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A whole round of one kind was read: what is of an earlier round is gone."""

    kind: DirectoryKind
    round: int


@dataclass(frozen=True, slots=True)
class DirectoryEnd:
    """Everything was read.

    `checkpoint` is where the next sync goes on. `held_checkpoint` is where this one goes on when
    the removals have to be confirmed first: at this end. It `was_held` when reading began there.
    """

    checkpoint: str
    held_checkpoint: str
    round: int
    sweeps: tuple[Sweep, ...]
    was_held: bool = False


class ReadFailed(Exception):
    """The tenant could not be read. The text is fit for people and holds no secret."""
