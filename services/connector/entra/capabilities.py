"""What the connector does in a tenant, and which application permissions allow it.

The least permission of each need stands first, those that allow more behind it, from narrow to
wide. Only what allows the whole of it is listed: User.ReadBasic.All, for one, reads users but not
whether their accounts are enabled. Source: Microsoft's own list of permissions for each call,
microsoftgraph/microsoft-graph-devx-content, `permissions/new/permissions.json`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.connector.domain.connection import CapabilityState, ConnectionMode

_NAMES_OF_APPS = (
    "Application.Read.All",
    "Directory.Read.All",
    "Application.ReadWrite.All",
)


@dataclass(frozen=True, slots=True)
class Capability:
    """Something the connector does.

    For each of its `needs` one permission is granted, of those that stand there. `calls` are the
    calls that it is made of, which every need's every permission contributes to.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    calls: tuple[str, ...]
    modes: frozenset[ConnectionMode] = frozenset(ConnectionMode)

    @property
    def least(self) -> tuple[str, ...]:
        """The permissions that are enough and no more."""
        return tuple(need[0] for need in self.needs)

    def missing(self, granted: Iterable[str]) -> tuple[str, ...]:
        """The least permissions of what is not allowed."""
        return tuple(need[0] for need in self.needs if not set(need) & set(granted))

    def allowing(self, granted: Iterable[str]) -> tuple[str, ...]:
        """The granted permissions that allow it or a part of it."""
        known = set(granted)
        found = [name for need in self.needs for name in need if name in known]
        return tuple(dict.fromkeys(found))

    def used(self, granted: Iterable[str]) -> frozenset[str]:
        """The granted permissions that it makes use of: of each need the narrowest."""
        known = set(granted)
        found = (next((name for name in need if name in known), None) for need in self.needs)
        return frozenset(name for name in found if name is not None)

    def state(self, granted: Iterable[str]) -> CapabilityState:
        """Whether it is permitted, by what is granted."""
        known = frozenset(granted)
        if self.missing(known):
            return CapabilityState.MISSING
        if self.used(known) <= set(self.least):
            return CapabilityState.GRANTED
        return CapabilityState.EXCESSIVE


READ_USERS = Capability(
    "read users",
    (("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),),
    ("GET /users", "GET /users/delta", "GET /users/{id}"),
)
READ_GROUPS = Capability(
    "read groups",
    # GroupMember.ReadWrite.All is not among them: it writes memberships, and reads no groups.
    (
        (
            "GroupMember.Read.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ),
    ),
    ("GET /groups", "GET /groups/delta", "GET /groups/{id}"),
)
READ_MEMBERSHIPS = Capability(
    "read memberships",
    (
        (
            "GroupMember.Read.All",
            "GroupMember.ReadWrite.All",
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
        ),
    ),
    ("GET /groups/{id}/members",),
)
READ_APPS = Capability(
    "read apps",
    (_NAMES_OF_APPS,),
    ("GET /servicePrincipals", "GET /servicePrincipals/delta", "GET /servicePrincipals/{id}"),
)
READ_ASSIGNMENTS = Capability(
    "read assignments",
    ((*_NAMES_OF_APPS, "Directory.ReadWrite.All"),),
    ("GET /servicePrincipals/{id}/appRoleAssignedTo",),
)
WRITE_MEMBERSHIPS = Capability(
    "write memberships",
    (("GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"),),
    ("POST /groups/{id}/members", "PATCH /groups/{id}", "DELETE /groups/{id}/members/{id}"),
)
WRITE_ASSIGNMENTS = Capability(
    "write assignments",
    # The first alone is refused. Source: microsoftgraph/microsoft-graph-docs-contrib issue 12833.
    (("AppRoleAssignment.ReadWrite.All",), _NAMES_OF_APPS),
    (
        "POST /servicePrincipals/{id}/appRoleAssignedTo",
        "DELETE /servicePrincipals/{id}/appRoleAssignedTo/{id}",
        "GET /users/{id}/appRoleAssignments",
    ),
    frozenset({ConnectionMode.FULL}),
)

CAPABILITIES = (
    READ_USERS,
    READ_GROUPS,
    READ_MEMBERSHIPS,
    READ_APPS,
    READ_ASSIGNMENTS,
    WRITE_MEMBERSHIPS,
    WRITE_ASSIGNMENTS,
)


def unneeded(granted: Iterable[str], mode: ConnectionMode) -> tuple[str, ...]:
    """The granted permissions that nothing makes use of."""
    known = frozenset(granted)
    used = [found.used(known) for found in CAPABILITIES if mode in found.modes]
    return tuple(sorted(known.difference(*used)))
