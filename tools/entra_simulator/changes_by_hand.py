"""Changes somebody makes in the portal, over the control surface: drift, from the caller's side.

They ask no rules of Graph's, and the journal calls them `hand`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from tools.entra_simulator.changes import GraphObject, ObjectType
from tools.entra_simulator.directory import NO_ROLE
from tools.entra_simulator.fields import FieldError, Fields
from tools.entra_simulator.graph.shapes import PROPERTIES
from tools.entra_simulator.tenant import Tenant

Handler = Callable[[Request], Awaitable[Any]]

_TYPES: dict[str, ObjectType] = {
    "users": "user",
    "groups": "group",
    "servicePrincipals": "servicePrincipal",
}
# Relations that a tenant file spells inside an object, beside the object's properties.
_RELATIONS = {
    "user": {"manager"},
    "group": {"owners", "members"},
    "servicePrincipal": {"owners"},
}


class ChangesByHand:
    """The routes, and what they do to the tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def routes(self) -> list[tuple[str, str, Handler]]:
        routes: list[tuple[str, str, Handler]] = []
        for plural, type in _TYPES.items():
            routes.append(("POST", f"/{plural}", self._adder(type)))
            routes.append(("GET", f"/{plural}/{{id}}", self._reader(type)))
            routes.append(("PATCH", f"/{plural}/{{id}}", self._updater(type)))
            routes.append(("DELETE", f"/{plural}/{{id}}", self._deleter(type)))
        return [
            *routes,
            ("POST", "/deleted/{id}/restore", self._restore),
            ("DELETE", "/deleted/{id}", self._purge),
            ("POST", "/groups/{id}/members", self._add_member),
            ("DELETE", "/groups/{id}/members/{memberId}", self._remove_member),
            ("POST", "/appRoleAssignments", self._add_assignment),
            ("DELETE", "/appRoleAssignments/{id}", self._remove_assignment),
        ]

    def _adder(self, type: ObjectType) -> Handler:
        async def add(request: Request) -> Any:
            given = self._checked(type, await _object(request))
            if "id" in given:
                given["id"] = Fields(given).id("id")
                if self._tenant.find(given["id"]) is not None:
                    raise FieldError("id", "is taken")
            name = Fields(given).text("displayName")
            return 201, self._tenant.add_object(
                type, {**_defaults(type, name, self._tenant), **given}
            )

        return add

    def _reader(self, type: ObjectType) -> Handler:
        async def read(request: Request) -> Any:
            found = self._found(type, request.path_params["id"])
            if type == "group":
                return {**found, "members": self._tenant.members_of(found["id"])}
            return found

        return read

    def _updater(self, type: ObjectType) -> Handler:
        async def update(request: Request) -> Any:
            found = self._found(type, request.path_params["id"])
            given = self._checked(type, await _object(request))
            for name in ("id", "members"):
                if name in given:
                    raise FieldError(name, "does not change this way")
            return self._tenant.update_object(found["id"], given)

        return update

    def _deleter(self, type: ObjectType) -> Handler:
        async def delete(request: Request) -> None:
            self._tenant.delete_object(self._found(type, request.path_params["id"])["id"])

        return delete

    async def _restore(self, request: Request) -> Any:
        return self._tenant.restore_object(request.path_params["id"].lower())

    async def _purge(self, request: Request) -> None:
        self._tenant.purge_object(request.path_params["id"].lower())

    async def _add_member(self, request: Request) -> None:
        group_id = self._found("group", request.path_params["id"])["id"]
        fields = Fields(await _object(request))
        member_id = fields.id("memberId")
        fields.close()
        if self._tenant.find(member_id) is None:
            raise FieldError("memberId", "is no object of this tenant")
        if self._tenant.is_member(group_id, member_id):
            raise FieldError("memberId", "is a member already")
        self._tenant.add_member(group_id, member_id)

    async def _remove_member(self, request: Request) -> None:
        group_id = self._found("group", request.path_params["id"])["id"]
        member_id = request.path_params["memberId"].lower()
        if not self._tenant.is_member(group_id, member_id):
            raise KeyError(f"member {member_id} of group {group_id}")
        self._tenant.remove_member(group_id, member_id)

    async def _add_assignment(self, request: Request) -> Any:
        fields = Fields(await _object(request))
        principal_id, resource_id = fields.id("principalId"), fields.id("resourceId")
        app_role_id = fields.id("appRoleId", NO_ROLE)
        fields.close()
        if self._tenant.find(principal_id) is None:
            raise FieldError("principalId", "is no object of this tenant")
        app = self._tenant.find(resource_id)
        if app is None or app[0] != "servicePrincipal":
            raise FieldError("resourceId", "is no service principal of this tenant")
        if self._tenant.find_assignment(principal_id, resource_id, app_role_id):
            raise FieldError("principalId", "has this assignment already")
        return 201, self._tenant.add_assignment(principal_id, resource_id, app_role_id)

    async def _remove_assignment(self, request: Request) -> None:
        assignment_id = request.path_params["id"]
        if assignment_id not in self._tenant.assignments:
            raise KeyError(f"assignment {assignment_id}")
        self._tenant.remove_assignment(assignment_id)

    def _found(self, type: ObjectType, object_id: str) -> GraphObject:
        found = self._tenant.find(object_id.lower())
        if found is None or found[0] != type:
            raise KeyError(f"{type} {object_id}")
        return found[1]

    def _checked(self, type: ObjectType, given: GraphObject) -> GraphObject:
        """The object, if Graph has every property and the tenant everything it points to."""
        for name in given:
            if name not in PROPERTIES[type] and name not in _RELATIONS[type]:
                raise FieldError(name, f"is not a property of a {type}")
        manager = given.get("manager")
        if manager is not None and manager not in self._tenant.users:
            raise FieldError("manager", "is no user of this tenant")
        for name in ("owners", "members"):
            listed = given.get(name, [])
            if not isinstance(listed, list):
                raise FieldError(name, "must be a list of ids")
            for index, object_id in enumerate(listed):
                if not isinstance(object_id, str) or self._tenant.find(object_id) is None:
                    raise FieldError(f"{name}[{index}]", "is no object of this tenant")
        return given


def _defaults(type: ObjectType, name: str, tenant: Tenant) -> GraphObject:
    """What an object needs and whoever adds it by hand may leave out."""
    nickname = "".join(letter for letter in name.lower() if letter.isalnum()) or "unnamed"
    unique = f"{nickname}-{uuid.uuid4().hex[:6]}"
    match type:
        case "user":
            domain = tenant.organization["verifiedDomains"][0]["name"]
            address = f"{unique}@{domain}"
            return {
                "accountEnabled": True,
                "userType": "Member",
                "userPrincipalName": address,
                "mail": address,
                "mailNickname": unique,
            }
        case "group":
            return {
                "groupTypes": [],
                "securityEnabled": True,
                "mailEnabled": False,
                "mailNickname": unique,
            }
        case "servicePrincipal":
            return {
                "appId": str(uuid.uuid4()),
                "accountEnabled": True,
                "appDisplayName": name,
                "appOwnerOrganizationId": tenant.id,
                "appRoleAssignmentRequired": True,
                "appRoles": [],
                "servicePrincipalType": "Application",
                "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
            }


async def _object(request: Request) -> GraphObject:
    try:
        document = json.loads(await request.body())
    except ValueError:
        raise FieldError("body", "is not JSON") from None
    if not isinstance(document, dict):
        raise FieldError("body", "must be a JSON object")
    return document
