"""What Entra refuses to change, and what it changes instead of refusing.

Each function answers with the change to apply, or raises the refusal that Graph would send.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from tools.entra_simulator.changes import Change, GraphObject
from tools.entra_simulator.directory import NO_ROLE
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.permissions import ROLE_ASSIGNABLE_GROUPS
from tools.entra_simulator.tenant import Tenant

_ASSIGNMENT_ID = re.compile(r"[A-Za-z0-9_-]{43}")


def add_member(tenant: Tenant, group_id: str, member_id: str, granted: frozenset[str]) -> Change:
    group = _writable_group(tenant, group_id, granted)
    member = tenant.find(member_id)
    if member is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=member_id)
    if "Unified" in group["groupTypes"] and member[0] != "user":
        raise GraphError(Refusal.USERS_ONLY)
    if tenant.is_member(group_id, member_id):
        raise GraphError(Refusal.MEMBER_EXISTS)
    return tenant.membership("added", group_id, member_id)


def remove_member(tenant: Tenant, group_id: str, member_id: str, granted: frozenset[str]) -> Change:
    _writable_group(tenant, group_id, granted)
    if not tenant.is_member(group_id, member_id):
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=member_id)
    return tenant.membership("removed", group_id, member_id)


def add_assignment(tenant: Tenant, resource_id: str, body: Any) -> Change:
    resource = tenant.service_principals.get(resource_id)
    if resource is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=resource_id)
    principal_id, named_resource_id, app_role_id = _assignment_ids(body)
    principal = tenant.find(principal_id)
    if principal is None or named_resource_id != resource_id:
        raise GraphError(Refusal.INVALID_REFERENCE)
    # Users and groups share one member type. Source: Microsoft Learn, resources/approle.
    member_type = "Application" if principal[0] == "servicePrincipal" else "User"
    if not _offers_role(resource, app_role_id, member_type):
        raise GraphError(Refusal.ROLE_NOT_FOUND)
    if tenant.find_assignment(principal_id, resource_id, app_role_id):
        raise GraphError(Refusal.ASSIGNMENT_EXISTS)
    return tenant.assignment_added(principal_id, resource_id, app_role_id)


def remove_assignment(tenant: Tenant, resource_id: str, assignment_id: str) -> Change:
    if resource_id not in tenant.service_principals:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=resource_id)
    if not _ASSIGNMENT_ID.fullmatch(assignment_id):
        raise GraphError(Refusal.INVALID_ASSIGNMENT_ID)
    assignment = tenant.assignments.get(assignment_id)
    if assignment is None or assignment["resourceId"] != resource_id:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=assignment_id)
    return tenant.assignment_removed(assignment_id)


def _writable_group(tenant: Tenant, group_id: str, granted: frozenset[str]) -> GraphObject:
    """The group, if applications may change its members at all.

    Source: Microsoft Learn, groups-overview and group-post-members.
    """
    group = tenant.groups.get(group_id)
    if group is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=group_id)
    if group.get("onPremisesSyncEnabled"):
        raise GraphError(Refusal.SYNCED_FROM_ON_PREMISES)
    if "DynamicMembership" in group["groupTypes"]:
        raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
    if group["mailEnabled"] and "Unified" not in group["groupTypes"]:
        raise GraphError(Refusal.MAIL_ENABLED_GROUP)
    if group.get("isAssignableToRole") and ROLE_ASSIGNABLE_GROUPS not in granted:
        raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
    return group


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


def _offers_role(resource: GraphObject, app_role_id: str, member_type: str) -> bool:
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
    return app_role_id in offered if offered else app_role_id == NO_ROLE
