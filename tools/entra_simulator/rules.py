"""What Entra refuses to change, and what it changes instead of refusing.

Each function answers with the changes to apply, or raises the refusal that Graph would send.
`seen` is a replica: an object that it has not heard of may be refused although there is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from tools.entra_simulator import proposals
from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.changes import Change, GraphObject
from tools.entra_simulator.directory import NO_ROLE, Directory
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.permissions import ROLE_ASSIGNABLE_GROUPS

_ASSIGNMENT_ID = re.compile(r"[A-Za-z0-9_-]{43}")


def add_members(
    tenant: Directory,
    seen: Directory,
    behaviour: Behaviour,
    group_id: str,
    member_ids: Sequence[str],
    granted: frozenset[str],
) -> list[Change]:
    """All of them, or none. Source: Microsoft Learn, group-post-members."""
    group = writable_group(tenant, behaviour, group_id, granted)
    if group_id not in seen.groups:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=group_id)
    for member_id in member_ids:
        member = tenant.find(member_id)
        if member is None or seen.find(member_id) is None:
            raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=member_id)
        if "Unified" in group["groupTypes"] and member[0] != "user":
            raise GraphError(Refusal.USERS_ONLY)
        if member_id == group_id:
            raise GraphError(Refusal.INVALID_REFERENCE)
    if any(tenant.is_member(group_id, member_id) for member_id in member_ids):
        raise GraphError(Refusal.MEMBER_EXISTS)
    unique = dict.fromkeys(member_ids)
    return [proposals.membership(tenant, "added", group_id, id) for id in unique]


def remove_member(
    tenant: Directory,
    behaviour: Behaviour,
    group_id: str,
    member_id: str,
    granted: frozenset[str],
) -> Change:
    writable_group(tenant, behaviour, group_id, granted)
    if not tenant.is_member(group_id, member_id):
        if behaviour.absent_member_bad_request:
            raise GraphError(Refusal.ABSENT_MEMBER)
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=member_id)
    return proposals.membership(tenant, "removed", group_id, member_id)


def add_owner(
    tenant: Directory, seen: Directory, group_id: str, owner_id: str, granted: frozenset[str]
) -> Change:
    """Owners are users and service principals. Source: Microsoft Learn, group-post-owners."""
    group = _group(tenant, group_id)
    _check_role_assignable(group, granted)
    owner = tenant.find(owner_id)
    if owner is None or seen.find(owner_id) is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=owner_id)
    if owner[0] == "group":
        raise GraphError(Refusal.INVALID_REFERENCE)
    if owner_id in tenant.owners.targets(group_id):
        raise GraphError(Refusal.OWNER_EXISTS)
    return proposals.ownership(tenant, "added", group_id, owner_id)


def remove_owner(
    tenant: Directory, group_id: str, owner_id: str, granted: frozenset[str]
) -> Change:
    _check_role_assignable(_group(tenant, group_id), granted)
    owners = tenant.owners.targets(group_id)
    if owner_id not in owners:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=owner_id)
    if len(owners) == 1:
        raise GraphError(Refusal.LAST_OWNER)
    return proposals.ownership(tenant, "removed", group_id, owner_id)


def add_assignment(
    tenant: Directory, seen: Directory, behaviour: Behaviour, resource_id: str, body: Any
) -> Change:
    resource = tenant.service_principals.get(resource_id)
    if resource is None or resource_id not in seen.service_principals:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=resource_id)
    principal_id, named_resource_id, app_role_id = _assignment_ids(body)
    principal = tenant.find(principal_id)
    if principal is None or named_resource_id != resource_id:
        raise GraphError(Refusal.INVALID_REFERENCE)
    if seen.find(principal_id) is None:
        if behaviour.unreplicated_not_found:
            raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=principal_id)
        raise GraphError(Refusal.INVALID_REFERENCE)
    # Users and groups share one member type. Source: Microsoft Learn, resources/approle.
    member_type = "Application" if principal[0] == "servicePrincipal" else "User"
    for known in (resource, seen.service_principals[resource_id]):
        if not _offers_role(known, app_role_id, member_type, behaviour):
            raise GraphError(Refusal.ROLE_NOT_FOUND)
    if tenant.find_assignment(principal_id, resource_id, app_role_id):
        if behaviour.duplicate_assignment_as_grant:
            raise GraphError(Refusal.ASSIGNMENT_EXISTS_AS_GRANT)
        raise GraphError(Refusal.ASSIGNMENT_EXISTS)
    return proposals.assignment_added(tenant, principal_id, resource_id, app_role_id)


def remove_assignment(
    tenant: Directory, behaviour: Behaviour, resource_id: str, assignment_id: str
) -> Change:
    if resource_id not in tenant.service_principals:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=resource_id)
    if not _ASSIGNMENT_ID.fullmatch(assignment_id):
        raise GraphError(Refusal.INVALID_ASSIGNMENT_ID)
    assignment = tenant.assignments.get(assignment_id)
    if assignment is None or assignment["resourceId"] != resource_id:
        if behaviour.absent_assignment_bad_request:
            raise GraphError(Refusal.ABSENT_ASSIGNMENT)
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=assignment_id)
    return proposals.assignment_removed(tenant, assignment_id)


def writable_group(
    tenant: Directory, behaviour: Behaviour, group_id: str, granted: frozenset[str]
) -> GraphObject:
    """The group, if applications may change its members at all.

    Source: Microsoft Learn, groups-overview and group-post-members.
    """
    group = _group(tenant, group_id)
    if group.get("onPremisesSyncEnabled"):
        raise GraphError(Refusal.SYNCED_FROM_ON_PREMISES)
    if "DynamicMembership" in group["groupTypes"]:
        raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
    if group["mailEnabled"] and "Unified" not in group["groupTypes"]:
        if behaviour.mail_enabled_forbidden:
            raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
        raise GraphError(Refusal.MAIL_ENABLED_GROUP)
    _check_role_assignable(group, granted)
    return group


def _group(tenant: Directory, group_id: str) -> GraphObject:
    group = tenant.groups.get(group_id)
    if group is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=group_id)
    return group


def _check_role_assignable(group: GraphObject, granted: frozenset[str]) -> None:
    if group.get("isAssignableToRole") and ROLE_ASSIGNABLE_GROUPS not in granted:
        raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)


def _assignment_ids(body: Any) -> tuple[str, str, str]:
    if not isinstance(body, dict):
        raise GraphError(Refusal.PROPERTIES_INVALID)
    ids = []
    for name in ("principalId", "resourceId", "appRoleId"):
        try:
            ids.append(str(UUID(body[name])))
        except (KeyError, ValueError, TypeError, AttributeError):
            raise GraphError(Refusal.PROPERTIES_INVALID) from None
    return ids[0], ids[1], ids[2]


def _offers_role(
    resource: GraphObject, app_role_id: str, member_type: str, behaviour: Behaviour
) -> bool:
    """Whether the app has this role for this type of principal.

    An app that declares no role for the type is assigned without one; one that does declare
    some is refused the zero id, as the portal refuses it.
    Source: Microsoft Learn, resources/approleassignment.
    """
    offered = [
        role["id"]
        for role in resource.get("appRoles", ())
        if role["isEnabled"] and member_type in role["allowedMemberTypes"]
    ]
    if app_role_id == NO_ROLE:
        return not offered or behaviour.zero_role_always_accepted
    return app_role_id in offered
