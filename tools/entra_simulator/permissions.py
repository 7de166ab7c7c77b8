"""Which application permissions each route asks for.

A route names one or more sets; the caller needs one permission out of every set. Permissions
that only device management, agents or cross-cloud sync hold are left out, and so is
User.ReadBasic.All: it opens the user routes, but to a handful of properties, a view the
simulator does not have.
Source: microsoftgraph/microsoft-graph-devx-content, permissions.json.
"""

from __future__ import annotations

Requirement = tuple[frozenset[str], ...]

_READ_ORGANIZATION = frozenset(
    {"Organization.Read.All", "Organization.ReadWrite.All", "User.Read.All"}
) | {"Directory.Read.All", "Directory.ReadWrite.All"}

_READ_USERS = frozenset({"User.Read.All", "User.ReadWrite.All"}) | {
    "Directory.Read.All",
    "Directory.ReadWrite.All",
}

_READ_GROUPS = frozenset(
    {
        "Directory.Read.All",
        "Directory.ReadWrite.All",
        "Group.Read.All",
        "Group.ReadBasic.All",
        "Group.ReadWrite.All",
        "GroupMember.Read.All",
    }
)

# GroupMember.ReadWrite.All reads members and owners, but does not list groups.
_READ_MEMBERS = frozenset(
    {
        "Directory.Read.All",
        "Group.Read.All",
        "Group.ReadBasic.All",
        "Group.ReadWrite.All",
        "GroupMember.Read.All",
        "GroupMember.ReadBasic.All",
        "GroupMember.ReadWrite.All",
    }
)
_READ_GROUP_OWNERS = _READ_MEMBERS - {"Group.ReadBasic.All", "GroupMember.ReadBasic.All"}

_WRITE_MEMBERS = frozenset(
    {"Directory.ReadWrite.All", "Group.ReadWrite.All", "GroupMember.ReadWrite.All"}
)

_LIST_APPS = frozenset(
    {
        "Application.Read.All",
        "Application.ReadWrite.All",
        "Application.ReadWrite.OwnedBy",
        "Directory.Read.All",
    }
)
_READ_APP = _LIST_APPS | {"Directory.ReadWrite.All"}

_READ_USER_ASSIGNMENTS = frozenset({"AppRoleAssignment.ReadWrite.All", "Directory.Read.All"})
_READ_GROUP_ASSIGNMENTS = _READ_USER_ASSIGNMENTS | {"Directory.ReadWrite.All"}

REQUIRED: dict[tuple[str, str], Requirement] = {
    ("GET", "/organization"): (_READ_ORGANIZATION,),
    ("GET", "/users"): (_READ_USERS,),
    ("GET", "/users/{id}"): (_READ_USERS,),
    ("GET", "/users/{id}/manager"): (_READ_USERS,),
    ("GET", "/users/{id}/appRoleAssignments"): (_READ_USER_ASSIGNMENTS,),
    ("GET", "/groups"): (_READ_GROUPS,),
    ("GET", "/groups/{id}"): (_READ_GROUPS,),
    ("GET", "/groups/{id}/members"): (_READ_MEMBERS,),
    ("GET", "/groups/{id}/owners"): (_READ_GROUP_OWNERS,),
    ("GET", "/groups/{id}/appRoleAssignments"): (_READ_GROUP_ASSIGNMENTS,),
    # permissions.json knows the DELETE without $ref only.
    # Source: Microsoft Learn, group-post-members, group-delete-members.
    ("POST", "/groups/{id}/members/$ref"): (_WRITE_MEMBERS,),
    ("DELETE", "/groups/{id}/members/{memberId}/$ref"): (_WRITE_MEMBERS,),
    ("DELETE", "/groups/{id}/members/{memberId}"): (_WRITE_MEMBERS,),
    ("GET", "/servicePrincipals"): (_LIST_APPS,),
    ("GET", "/servicePrincipals/{id}"): (_READ_APP,),
    ("GET", "/servicePrincipals/{id}/owners"): (_READ_APP,),
    ("GET", "/servicePrincipals/{id}/appRoleAssignedTo"): (_READ_APP,),
    # Both sets: AppRoleAssignment.ReadWrite.All alone is refused.
    # Source: microsoftgraph/microsoft-graph-docs-contrib issue 12833.
    ("POST", "/servicePrincipals/{id}/appRoleAssignedTo"): (
        frozenset({"AppRoleAssignment.ReadWrite.All"}),
        frozenset({"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"}),
    ),
    ("DELETE", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}"): (
        frozenset({"AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All"}),
    ),
}

# In addition to the route's own, for groups with isAssignableToRole.
# Source: Microsoft Learn, group-post-members, "Permissions".
ROLE_ASSIGNABLE_GROUPS = "RoleManagement.ReadWrite.Directory"


def allows(requirement: Requirement, granted: frozenset[str]) -> bool:
    return all(granted & alternatives for alternatives in requirement)
