"""What a tenant holds: users, groups, service principals, memberships and assignments.

`apply` is the only place where any of it changes, and it replaces objects, never alters them: a
replica may still hold the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from tools.entra_simulator.changes import Change, GraphObject, ObjectType, Reference
from tools.entra_simulator.history import CREATED, History, Relation
from tools.entra_simulator.identifiers import assignment_id, derived_bytes, utc_now
from tools.entra_simulator.links import Links, SortedIds
from tools.entra_simulator.tenant_file import TenantDocument

# "Assigned without a role": the role id of an app that declares none for users.
# Source: Microsoft Learn, resources/approleassignment.
NO_ROLE = "00000000-0000-0000-0000-000000000000"

OBJECT_TYPES: tuple[ObjectType, ...] = ("user", "group", "servicePrincipal")
RELATIONS: tuple[Relation, ...] = ("members", "owners", "manager")
_PRINCIPAL_TYPES: dict[str, str] = {
    "user": "User",
    "group": "Group",
    "servicePrincipal": "ServicePrincipal",
}


class Directory:
    """One Entra tenant's directory in memory: the primary, or a replica of it."""

    def __init__(self, document: TenantDocument, clock: Callable[[], datetime] = utc_now) -> None:
        self.clock = clock
        self.organization: GraphObject = document["organization"]
        self.app_registrations: list[GraphObject] = document["appRegistrations"]
        self.users: dict[str, GraphObject] = {user["id"]: dict(user) for user in document["users"]}
        self.groups: dict[str, GraphObject] = {}
        self.service_principals: dict[str, GraphObject] = {
            found["id"]: dict(found) for found in document["servicePrincipals"]
        }
        self.assignments: dict[str, GraphObject] = {}
        # Objects that can be restored, with what they held; and memberships that end by themselves.
        self.deleted: dict[str, GraphObject] = dict(document.get("deleted", {}))
        self.schedules: dict[str, GraphObject] = dict(document.get("schedules", {}))
        self.history = History(document.get("history"))
        self.members = Links()
        self.owners = Links()
        self.managers = Links()
        self.held = Links()
        self.assigned_to = Links()
        for group in document["groups"]:
            for member_id in group.get("members", ()):
                self.members.add(group["id"], member_id)
            self.groups[group["id"]] = {k: v for k, v in group.items() if k != "members"}
        for found in (*self.groups.values(), *self.service_principals.values()):
            for owner_id in found.get("owners", ()):
                self.owners.add(found["id"], owner_id)
        for user in self.users.values():
            if user.get("manager"):
                self.managers.add(user["id"], user["manager"])
        self._ordered = {type: SortedIds(self.objects(type)) for type in OBJECT_TYPES}
        for assignment in document["appRoleAssignments"]:
            self._put_assignment(self.completed(assignment))

    def document(self) -> TenantDocument:
        """The whole tenant in the form of a tenant file."""
        document = {
            "organization": self.organization,
            "appRegistrations": self.app_registrations,
            **self.directory(),
        }
        kept = {"deleted": self.deleted, "schedules": self.schedules}
        return document | {name: table for name, table in kept.items() if table}

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

    def fork(self) -> Directory:
        """A copy that changes on its own. Objects and untouched links stay shared."""
        # Not through __init__, which would read the tenant anew.
        copy = Directory.__new__(Directory)
        copy.clock = self.clock
        copy.organization = self.organization
        copy.app_registrations = self.app_registrations
        for name in ("users", "groups", "service_principals", "assignments", "deleted"):
            setattr(copy, name, dict(getattr(self, name)))
        copy.schedules = dict(self.schedules)
        for name in ("history", "members", "owners", "managers", "held", "assigned_to"):
            setattr(copy, name, getattr(self, name).fork())
        copy._ordered = {type: ids.fork() for type, ids in self._ordered.items()}
        return copy

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
        match type:
            case "user":
                return self.users
            case "group":
                return self.groups
            case "servicePrincipal":
                return self.service_principals

    def table(self, type: str) -> dict[str, GraphObject]:
        """As `objects`, for assignments too."""
        return self.assignments if type == "appRoleAssignment" else self.objects(type)  # type: ignore[arg-type]

    def ordered(self, type: ObjectType) -> list[str]:
        """The ids of all objects of a type, sorted. To be read only, until the next change."""
        return self._ordered[type].ordered()

    def find(self, object_id: str) -> tuple[ObjectType, GraphObject] | None:
        for type in OBJECT_TYPES:
            if (found := self.objects(type).get(object_id)) is not None:
                return type, found
        return None

    def type_of(self, object_id: str) -> ObjectType | None:
        """The type of an object that there is or once was."""
        for type in OBJECT_TYPES:
            if object_id in self.objects(type) or self.history.known(type, object_id):
                return type
        return None

    def members_of(self, group_id: str) -> list[str]:
        return list(self.members.targets(group_id))

    def groups_of(self, member_id: str) -> list[str]:
        """The groups of which the object is a direct member."""
        return list(self.members.sources(member_id))

    def is_member(self, group_id: str, member_id: str) -> bool:
        return member_id in self.members.targets(group_id)

    def links(self, relation: Relation) -> Links:
        return {"members": self.members, "owners": self.owners, "manager": self.managers}[relation]

    def assignments_of(self, object_id: str) -> list[GraphObject]:
        """The assignments in which the object is the principal, or the app assigned to."""
        ids = {**self.held.targets(object_id), **self.assigned_to.targets(object_id)}
        return [self.assignments[id] for id in ids]

    def find_assignment(
        self, principal_id: str, resource_id: str, app_role_id: str
    ) -> GraphObject | None:
        wanted = (principal_id, resource_id, app_role_id)
        for id in self.held.targets(principal_id):
            found = self.assignments[id]
            if (found["principalId"], found["resourceId"], found["appRoleId"]) == wanted:
                return found
        return None

    # Changes

    def apply(self, change: Change) -> None:
        """Makes the change true. Applying it a second time leaves the tenant as it is."""
        self.history.begin()
        target_id, detail = change.target.id, change.detail
        added = change.action == "added"
        match change.kind:
            case "groupMembership":
                ids = (detail or {}).get("members") or [change.principal.id]  # type: ignore[union-attr]
                for member_id in ids:
                    if (self.members.add if added else self.members.remove)(target_id, member_id):
                        self.history.mark_link("members", target_id, member_id)
            case "groupOwnership":
                assert change.principal is not None
                others = [id for id in self.owners.targets(target_id) if id != change.principal.id]
                owners = [*others, change.principal.id] if added else others
                self._put("group", {**self.groups[target_id], "owners": owners})
            case "groupSchedule":
                if added and detail is not None:
                    self.schedules[target_id] = detail
                else:
                    self.schedules.pop(target_id, None)
            case "appRoleAssignment":
                assert detail is not None
                if added:
                    self._put_assignment(detail)
                else:
                    self._drop_assignment(detail)
                self.history.mark_object("appRoleAssignment", detail["id"])
            case "deltaTokens":
                self.history.ended.setdefault(change.action, {})[target_id] = self.history.last
            case "user" | "group" | "servicePrincipal" as type if change.action == "removed":
                self._drop(type, target_id, detail)
            case "user" | "group" | "servicePrincipal" as type:
                assert detail is not None
                self._put(type, dict(detail))

    # How state is kept

    def reference(self, object_id: str) -> Reference:
        """Raises `KeyError` for what is no object of this tenant."""
        found = self.find(object_id)
        if found is None:
            raise KeyError(f"no object {object_id} in tenant {self.id}")
        return Reference(object_id, found[0], found[1].get("displayName"))

    def completed(self, assignment: Mapping[str, Any]) -> GraphObject:
        """An assignment with everything that follows from its three ids."""
        principal = self.reference(assignment["principalId"])
        resource = self.reference(assignment["resourceId"])
        derived = derived_bytes(principal.id, resource.id, assignment["appRoleId"])
        return {
            "id": assignment_id(principal.id, derived),
            "deletedDateTime": None,
            "createdDateTime": self.organization["createdDateTime"],
            "principalDisplayName": principal.display_name,
            "principalType": _PRINCIPAL_TYPES[principal.type],
            "resourceDisplayName": resource.display_name,
            **assignment,
        }

    def _put(self, type: ObjectType, new: GraphObject) -> None:
        object_id = new["id"]
        table, old = self.objects(type), self.objects(type).get(object_id)
        if type == "group" and "members" in new:
            self._link("members", object_id, new.pop("members"))
        if type == "user":
            self._link("manager", object_id, [new["manager"]] if new.get("manager") else [])
        else:
            self._link("owners", object_id, new.get("owners") or [])
        if old is None:
            self._ordered[type].add(object_id)
            self.deleted.pop(object_id, None)
            self.history.mark_property(object_id, CREATED)
        else:
            for name in old.keys() | new.keys():
                if old.get(name) != new.get(name) and name not in ("owners", "manager"):
                    self.history.mark_property(object_id, name)
        table[object_id] = new
        self.history.mark_object(type, object_id)

    def _link(self, relation: Relation, source: str, targets: Iterable[str]) -> None:
        for target in sorted(self.links(relation).replace(source, targets)):
            self.history.mark_link(relation, source, target)

    def _put_assignment(self, assignment: GraphObject) -> None:
        self.assignments[assignment["id"]] = assignment
        self.held.add(assignment["principalId"], assignment["id"])
        self.assigned_to.add(assignment["resourceId"], assignment["id"])

    def _drop_assignment(self, assignment: GraphObject) -> None:
        self.assignments.pop(assignment["id"], None)
        self.held.remove(assignment["principalId"], assignment["id"])
        self.assigned_to.remove(assignment["resourceId"], assignment["id"])

    def _drop(self, type: ObjectType, object_id: str, kept: GraphObject | None) -> None:
        """Takes the object out, and out of what it managed and owned."""
        for user_id in list(self.managers.sources(object_id)):
            self._put("user", {**self.users[user_id], "manager": None})
        for owned_id in list(self.owners.sources(object_id)):
            owned_type, owned = self.find(owned_id) or ("group", {})
            owners = [owner for owner in owned.get("owners", ()) if owner != object_id]
            self._put(owned_type, {**owned, "owners": owners})
        for relation in RELATIONS:
            self._link(relation, object_id, ())
        if self.objects(type).pop(object_id, None) is not None:
            self._ordered[type].discard(object_id)
        self.history.mark_object(type, object_id)
        if kept is None:
            self.deleted.pop(object_id, None)
        else:
            self.deleted[object_id] = kept
