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

_WRITE_OWNERS = frozenset({"Group.ReadWrite.All", "Directory.ReadWrite.All"})

# Each type may be asked for by whoever may read it; `delta.directory_objects` looks at which.
# Source: Microsoft Learn, directoryobject-delta, "Permissions"; that Directory.Read.All reads
# them all, permissions reference.
READ_BY_TYPE: dict[str, frozenset[str]] = {
    "user": _READ_USERS,
    "appRoleAssignment": _READ_USERS,
    "group": frozenset({"Group.Read.All", "Group.ReadWrite.All"})
    | {"Directory.Read.All", "Directory.ReadWrite.All"},
    "servicePrincipal": _READ_APP,
}

_SCHEDULE_WRITE = frozenset(
    {
        "PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup",
        "PrivilegedAssignmentSchedule.Remove.AzureADGroup",
    }
)

REQUIRED: dict[tuple[str, str], Requirement] = {
    # A batch needs nothing; each of its items needs what it needs alone.
    ("POST", "/$batch"): (),
    ("GET", "/organization"): (_READ_ORGANIZATION,),
    ("GET", "/users/delta"): (_READ_USERS,),
    ("GET", "/groups/delta"): (_READ_GROUPS,),
    ("GET", "/servicePrincipals/delta"): (_READ_APP,),
    ("GET", "/directoryObjects/delta"): (frozenset().union(*READ_BY_TYPE.values()),),
    ("POST", "/directoryObjects/getByIds"): (frozenset({"Directory.Read.All"}),),
    ("GET", "/users"): (_READ_USERS,),
    ("GET", "/users/{id}"): (_READ_USERS,),
    ("GET", "/users/{id}/manager"): (_READ_USERS,),
    ("GET", "/users/{id}/appRoleAssignments"): (_READ_USER_ASSIGNMENTS,),
    # Source: Microsoft Learn, directoryobject-checkmembergroups, "Group memberships for a user".
    ("POST", "/users/{id}/checkMemberGroups"): (
        _READ_USERS,
        _READ_GROUPS - {"Group.ReadBasic.All"},
    ),
    ("GET", "/groups"): (_READ_GROUPS,),
    ("GET", "/groups/{id}"): (_READ_GROUPS,),
    ("GET", "/groups/{id}/members"): (_READ_MEMBERS,),
    ("GET", "/groups/{id}/owners"): (_READ_GROUP_OWNERS,),
    ("GET", "/groups/{id}/appRoleAssignments"): (_READ_GROUP_ASSIGNMENTS,),
    ("GET", "/groups/{id}/transitiveMembers"): (_READ_MEMBERS,),
    # For members alone the permission to write members will do; nothing else is simulated.
    # Source: Microsoft Learn, group-post-members, "Add multiple members".
    ("PATCH", "/groups/{id}"): (_WRITE_MEMBERS,),
    ("PATCH", "/groups/{id}/members/$ref"): (_WRITE_MEMBERS,),
    ("GET", "/groups/{id}/members/{memberId}/$ref"): (_READ_MEMBERS,),
    ("POST", "/groups/{id}/owners/$ref"): (_WRITE_OWNERS,),
    ("DELETE", "/groups/{id}/owners/{ownerId}/$ref"): (_WRITE_OWNERS,),
    # permissions.json knows the DELETE without $ref only.
    # Source: Microsoft Learn, group-post-members, group-delete-members.
    ("POST", "/groups/{id}/members/$ref"): (_WRITE_MEMBERS,),
    ("DELETE", "/groups/{id}/members/{memberId}/$ref"): (_WRITE_MEMBERS,),
    ("DELETE", "/groups/{id}/members/{memberId}"): (_WRITE_MEMBERS,),
    ("GET", "/servicePrincipals"): (_LIST_APPS,),
    ("GET", "/servicePrincipals/{id}"): (_READ_APP,),
    ("GET", "/servicePrincipals/{id}/owners"): (_READ_APP,),
    ("GET", "/servicePrincipals/{id}/appRoleAssignedTo"): (_READ_APP,),
    ("GET", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}"): (_READ_APP,),
    # Both sets: AppRoleAssignment.ReadWrite.All alone is refused.
    # Source: microsoftgraph/microsoft-graph-docs-contrib issue 12833.
    ("POST", "/servicePrincipals/{id}/appRoleAssignedTo"): (
        frozenset({"AppRoleAssignment.ReadWrite.All"}),
        frozenset({"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All"}),
    ),
    ("DELETE", "/servicePrincipals/{id}/appRoleAssignedTo/{assignmentId}"): (
        frozenset({"AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All"}),
    ),
    ("POST", "/identityGovernance/privilegedAccess/group/assignmentScheduleRequests"): (
        _SCHEDULE_WRITE,
    ),
}

# Who may delete an object of each type. Source: permissions.json, DELETE of the object itself.
DELETE_OBJECTS: dict[str, frozenset[str]] = {
    "user": frozenset({"User.DeleteRestore.All", "User.ReadWrite.All"}),
    "group": frozenset({"Group.ReadWrite.All"}),
    "servicePrincipal": frozenset(
        {"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All"}
    ),
}

# What ending a schedule takes; starting one takes more than the second of them.
REMOVE_SCHEDULES = "PrivilegedAssignmentSchedule.Remove.AzureADGroup"
WRITE_SCHEDULES = "PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup"

# In addition to the route's own, for groups with isAssignableToRole.
# Source: Microsoft Learn, group-post-members, "Permissions".
ROLE_ASSIGNABLE_GROUPS = "RoleManagement.ReadWrite.Directory"


def allows(requirement: Requirement, granted: frozenset[str]) -> bool:
    return all(granted & alternatives for alternatives in requirement)
