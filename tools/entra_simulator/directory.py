"""What a tenant holds: users, groups, service principals, memberships and assignments.

`apply` is the only place where any of it changes.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tools.entra_simulator.changes import (
    Change,
    ChangeAction,
    GraphObject,
    ObjectType,
    Reference,
)
from tools.entra_simulator.tenant_file import TenantDocument

# "Assigned without a role": the role id of an app that declares none for users.
# Source: Microsoft Learn, resources/approleassignment.
NO_ROLE = "00000000-0000-0000-0000-000000000000"

_PRINCIPAL_TYPES: dict[ObjectType, str] = {
    "user": "User",
    "group": "Group",
    "servicePrincipal": "ServicePrincipal",
}


def utc_now() -> datetime:
    return datetime.now(UTC)


def graph_time(moment: datetime) -> str:
    """Microsoft's directory writes seven fractional digits, one more than Python has."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


class Directory:
    """One Entra tenant's directory in memory."""

    def __init__(self, document: TenantDocument, clock: Callable[[], datetime] = utc_now) -> None:
        self.clock = clock
        self.organization: GraphObject = document["organization"]
        self.app_registrations: list[GraphObject] = document["appRegistrations"]
        self.users: dict[str, GraphObject] = {}
        self.groups: dict[str, GraphObject] = {}
        self.service_principals: dict[str, GraphObject] = {}
        self.assignments: dict[str, GraphObject] = {}
        # Members by group, assignments by principal and by app. Dicts serve as ordered sets.
        self._members: dict[str, dict[str, None]] = {}
        self._assigned: dict[str, dict[str, None]] = {}
        for user in document["users"]:
            self.users[user["id"]] = dict(user)
        for group in document["groups"]:
            self._put_group(dict(group))
        for service_principal in document["servicePrincipals"]:
            self.service_principals[service_principal["id"]] = dict(service_principal)
        for assignment in document["appRoleAssignments"]:
            self._put_assignment(self._completed(assignment))

    def document(self) -> TenantDocument:
        """The whole tenant in the form of a tenant file."""
        return {
            "organization": self.organization,
            "appRegistrations": self.app_registrations,
            **self.directory(),
        }

    def directory(self) -> TenantDocument:
        """All directory objects, without what lets an application log in."""
        return {
            "users": list(self.users.values()),
            "groups": [
                {**group, "members": self.members_of(group_id)}
                for group_id, group in self.groups.items()
            ],
            "servicePrincipals": list(self.service_principals.values()),
            "appRoleAssignments": list(self.assignments.values()),
        }

    # Questions

    @property
    def id(self) -> str:
        tenant_id: str = self.organization["id"]
        return tenant_id

    def answers_to(self, name: str) -> bool:
        """A tenant is named by its id or by any of its verified domains."""
        domains = (domain["name"] for domain in self.organization["verifiedDomains"])
        return name.lower() in {self.id, *domains}

    def objects(self, type: ObjectType) -> dict[str, GraphObject]:
        return {
            "user": self.users,
            "group": self.groups,
            "servicePrincipal": self.service_principals,
        }[type]

    def find(self, object_id: str) -> tuple[ObjectType, GraphObject] | None:
        if object_id in self.users:
            return "user", self.users[object_id]
        if object_id in self.groups:
            return "group", self.groups[object_id]
        if object_id in self.service_principals:
            return "servicePrincipal", self.service_principals[object_id]
        return None

    def members_of(self, group_id: str) -> list[str]:
        return list(self._members[group_id])

    def is_member(self, group_id: str, member_id: str) -> bool:
        return member_id in self._members[group_id]

    def assignments_of(self, object_id: str) -> list[GraphObject]:
        """The assignments in which the object is the principal, or the app assigned to."""
        return [self.assignments[id] for id in self._assigned.get(object_id, ())]

    def find_assignment(
        self, principal_id: str, resource_id: str, app_role_id: str
    ) -> GraphObject | None:
        wanted = (principal_id, resource_id, app_role_id)
        for found in self.assignments_of(principal_id):
            if (found["principalId"], found["resourceId"], found["appRoleId"]) == wanted:
                return found
        return None

    # Changes, as facts not yet true

    def membership(self, action: ChangeAction, group_id: str, member_id: str) -> Change:
        return Change(
            kind="groupMembership",
            action=action,
            principal=self._reference(member_id),
            target=self._reference(group_id),
        )

    def assignment_added(self, principal_id: str, resource_id: str, app_role_id: str) -> Change:
        assignment = self._completed(
            {
                "id": _assignment_id(principal_id, secrets.token_bytes(16)),
                "createdDateTime": graph_time(self.clock()),
                "principalId": principal_id,
                "resourceId": resource_id,
                "appRoleId": app_role_id,
            }
        )
        return self._assignment_change("added", assignment)

    def assignment_removed(self, assignment_id: str) -> Change:
        return self._assignment_change("removed", self.assignments[assignment_id])

    def apply(self, change: Change) -> None:
        """Makes the change true. Applying it a second time leaves the tenant as it is."""
        match change.kind:
            case "groupMembership":
                assert change.principal is not None
                members = self._members[change.target.id]
                if change.action == "added":
                    members[change.principal.id] = None
                else:
                    members.pop(change.principal.id, None)
            case "appRoleAssignment":
                assert change.detail is not None
                if change.action == "added":
                    self._put_assignment(change.detail)
                else:
                    self._drop_assignment(change.detail)
            case "user" | "group" | "servicePrincipal" as type if change.action == "removed":
                self._drop(type, change.target.id)
            case "group":
                assert change.detail is not None
                self._put_group(dict(change.detail))
            case "user" | "servicePrincipal" as type:
                assert change.detail is not None
                self.objects(type)[change.target.id] = dict(change.detail)

    # How state is kept

    def _reference(self, object_id: str) -> Reference:
        found = self.find(object_id)
        if found is None:
            raise KeyError(f"no object {object_id} in tenant {self.id}")
        return Reference(object_id, found[0], found[1].get("displayName"))

    def _assignment_change(self, action: ChangeAction, assignment: GraphObject) -> Change:
        return Change(
            kind="appRoleAssignment",
            action=action,
            principal=self._reference(assignment["principalId"]),
            target=self._reference(assignment["resourceId"]),
            detail=assignment,
        )

    def _completed(self, assignment: Mapping[str, Any]) -> GraphObject:
        """An assignment with everything that follows from its three ids."""
        principal = self._reference(assignment["principalId"])
        resource = self._reference(assignment["resourceId"])
        triple = f"{principal.id}/{resource.id}/{assignment['appRoleId']}"
        derived = uuid.uuid5(uuid.NAMESPACE_URL, triple).bytes
        return {
            "id": _assignment_id(principal.id, derived),
            "deletedDateTime": None,
            "createdDateTime": self.organization["createdDateTime"],
            "principalDisplayName": principal.display_name,
            "principalType": _PRINCIPAL_TYPES[principal.type],
            "resourceDisplayName": resource.display_name,
            **assignment,
        }

    def _put_group(self, group: GraphObject) -> None:
        self._members[group["id"]] = dict.fromkeys(group.pop("members", ()))
        self.groups[group["id"]] = group

    def _put_assignment(self, assignment: GraphObject) -> None:
        self.assignments[assignment["id"]] = assignment
        for end in ("principalId", "resourceId"):
            self._assigned.setdefault(assignment[end], {})[assignment["id"]] = None

    def _drop_assignment(self, assignment: GraphObject) -> None:
        self.assignments.pop(assignment["id"], None)
        for end in ("principalId", "resourceId"):
            self._assigned.get(assignment[end], {}).pop(assignment["id"], None)

    def _drop(self, type: ObjectType, object_id: str) -> None:
        self.objects(type).pop(object_id, None)
        self._members.pop(object_id, None)
        for user in self.users.values():
            if user.get("manager") == object_id:
                user["manager"] = None
        for owned in (*self.groups.values(), *self.service_principals.values()):
            if object_id in owned.get("owners", ()):
                owned["owners"] = [owner for owner in owned["owners"] if owner != object_id]


def _assignment_id(principal_id: str, rest: bytes) -> str:
    """43 base64url characters that begin with the principal, as in Microsoft's own samples.

    Clients must not rely on the form; a client that does should still meet the real one here.
    Source: the samples in Microsoft Learn, serviceprincipal-post-approleassignedto.
    """
    raw = uuid.UUID(principal_id).bytes_le + rest
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")
