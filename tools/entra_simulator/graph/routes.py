"""Every Graph route the simulator answers, with what a call of it costs.

Resource units are the base cost of the route. Source: Microsoft Learn, "Microsoft Graph
service-specific throttling limits", identity and access.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.entra_simulator.graph import (
    batch,
    delta,
    directory_objects,
    groups,
    organization,
    privileged_access,
    service_principals,
    users,
)
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.odata import DELTA, LISTING

_APP = "/servicePrincipals/{id}"
_APP_BY_APP_ID = "/servicePrincipals(appId='{appId}')"
_DELTA = ("/delta", "/delta()", "/microsoft.graph.delta", "/microsoft.graph.delta()")
_READING_POSTS = ("/checkMemberGroups", "/getByIds", "/$batch")


@dataclass(frozen=True)
class GraphRoute:
    """`template` is also the key to the route's permissions. No units: others are charged."""

    method: str
    template: str
    handler: Callable[[GraphCall], Answer]
    resource_units: int = 1

    @property
    def writes(self) -> bool:
        return self.method != "GET" and not self.template.endswith(_READING_POSTS)

    @property
    def options(self) -> frozenset[str]:
        return DELTA if self.template.endswith("/delta") else LISTING

    @property
    def spellings(self) -> tuple[str, ...]:
        """The paths a template stands for."""
        if self.template.endswith("/delta"):
            collection = self.template.removesuffix("/delta")
            return tuple(collection + spelling for spelling in _DELTA)
        if self.template.startswith(_APP):
            return self.template, _APP_BY_APP_ID + self.template.removeprefix(_APP)
        return (self.template,)


_ASSIGNED = f"{_APP}/appRoleAssignedTo"
_ASSIGNMENT = f"{_ASSIGNED}/{{assignmentId}}"
_MEMBER = "/groups/{id}/members/{memberId}"
_SCHEDULES = "/identityGovernance/privilegedAccess/group/assignmentScheduleRequests"

# The first that fits is taken: `/users/delta` is no user.
ROUTES = (
    GraphRoute("POST", "/$batch", batch.answer_batch, 0),
    GraphRoute("GET", "/organization", organization.list_organization),
    GraphRoute("GET", "/users/delta", delta.users),
    GraphRoute("GET", "/groups/delta", delta.groups),
    GraphRoute("GET", "/servicePrincipals/delta", delta.service_principals),
    GraphRoute("GET", "/directoryObjects/delta", delta.directory_objects),
    GraphRoute("POST", "/directoryObjects/getByIds", directory_objects.get_by_ids, 3),
    GraphRoute("GET", "/users", users.list_users, 2),
    GraphRoute("GET", "/users/{id}", users.get_user),
    GraphRoute("GET", "/users/{id}/manager", users.get_manager),
    GraphRoute("GET", "/users/{id}/appRoleAssignments", users.list_app_role_assignments, 2),
    GraphRoute("POST", "/users/{id}/checkMemberGroups", users.check_member_groups, 4),
    GraphRoute("GET", "/groups", groups.list_groups),
    GraphRoute("GET", "/groups/{id}", groups.get_group),
    GraphRoute("PATCH", "/groups/{id}", groups.update_group),
    GraphRoute("GET", "/groups/{id}/members", groups.list_members, 3),
    GraphRoute("GET", "/groups/{id}/transitiveMembers", groups.list_transitive_members, 5),
    GraphRoute("GET", "/groups/{id}/owners", groups.list_owners),
    GraphRoute("GET", "/groups/{id}/appRoleAssignments", groups.list_app_role_assignments, 2),
    GraphRoute("POST", "/groups/{id}/members/$ref", groups.add_member),
    GraphRoute("PATCH", "/groups/{id}/members/$ref", groups.refuse_patch_of_references),
    GraphRoute("GET", f"{_MEMBER}/$ref", groups.get_member_reference),
    GraphRoute("DELETE", f"{_MEMBER}/$ref", groups.remove_member),
    GraphRoute("DELETE", _MEMBER, groups.delete_member_object),
    GraphRoute("POST", "/groups/{id}/owners/$ref", groups.add_owner),
    GraphRoute("DELETE", "/groups/{id}/owners/{ownerId}/$ref", groups.remove_owner),
    GraphRoute("GET", "/servicePrincipals", service_principals.list_service_principals),
    GraphRoute("GET", _APP, service_principals.get_service_principal),
    GraphRoute("GET", f"{_APP}/owners", service_principals.list_owners),
    GraphRoute("GET", _ASSIGNED, service_principals.list_assigned_to),
    GraphRoute("POST", _ASSIGNED, service_principals.add_assignment),
    GraphRoute("GET", _ASSIGNMENT, service_principals.get_assignment),
    GraphRoute("DELETE", _ASSIGNMENT, service_principals.remove_assignment),
    GraphRoute("POST", _SCHEDULES, privileged_access.request_assignment),
)
