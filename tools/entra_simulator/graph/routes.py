"""Every Graph route the simulator answers, with what a call of it costs.

Resource units are the base cost of the route. Source: Microsoft Learn, "Microsoft Graph
service-specific throttling limits", identity and access.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.entra_simulator.graph import groups, organization, service_principals, users
from tools.entra_simulator.graph.call import Answer, GraphCall


@dataclass(frozen=True)
class GraphRoute:
    """`template` is also the key to the route's permissions."""

    method: str
    template: str
    handler: Callable[[GraphCall], Answer]
    resource_units: int = 1


_APP = "/servicePrincipals/{id}"
_APP_BY_APP_ID = "/servicePrincipals(appId='{appId}')"

ROUTES = (
    GraphRoute("GET", "/organization", organization.list_organization),
    GraphRoute("GET", "/users", users.list_users, 2),
    GraphRoute("GET", "/users/{id}", users.get_user),
    GraphRoute("GET", "/users/{id}/manager", users.get_manager),
    GraphRoute("GET", "/users/{id}/appRoleAssignments", users.list_app_role_assignments, 2),
    GraphRoute("GET", "/groups", groups.list_groups),
    GraphRoute("GET", "/groups/{id}", groups.get_group),
    GraphRoute("GET", "/groups/{id}/members", groups.list_members, 3),
    GraphRoute("GET", "/groups/{id}/owners", groups.list_owners),
    GraphRoute("GET", "/groups/{id}/appRoleAssignments", groups.list_app_role_assignments, 2),
    GraphRoute("POST", "/groups/{id}/members/$ref", groups.add_member),
    GraphRoute("DELETE", "/groups/{id}/members/{memberId}/$ref", groups.remove_member),
    GraphRoute("DELETE", "/groups/{id}/members/{memberId}", groups.delete_member_object),
    GraphRoute("GET", "/servicePrincipals", service_principals.list_service_principals),
    GraphRoute("GET", _APP, service_principals.get_service_principal),
    GraphRoute("GET", f"{_APP}/owners", service_principals.list_owners),
    GraphRoute("GET", f"{_APP}/appRoleAssignedTo", service_principals.list_assigned_to),
    GraphRoute("POST", f"{_APP}/appRoleAssignedTo", service_principals.add_assignment),
    GraphRoute(
        "DELETE",
        f"{_APP}/appRoleAssignedTo/{{assignmentId}}",
        service_principals.remove_assignment,
    ),
)


def spellings(template: str) -> tuple[str, ...]:
    """The paths a template stands for: service principals are named in two ways."""
    if template.startswith(_APP):
        return template, _APP_BY_APP_ID + template.removeprefix(_APP)
    return (template,)
