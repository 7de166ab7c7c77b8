"""Changes as facts not yet true: what `Directory.apply` is then given."""

from __future__ import annotations

import secrets
from typing import Any

from tools.entra_simulator.changes import Change, ChangeAction, GraphObject, ObjectType, Reference
from tools.entra_simulator.directory import Directory
from tools.entra_simulator.identifiers import assignment_id, graph_time


def membership(directory: Directory, action: ChangeAction, group_id: str, member_id: str) -> Change:
    return Change(
        kind="groupMembership",
        action=action,
        principal=directory.reference(member_id),
        target=directory.reference(group_id),
    )


def ownership(directory: Directory, action: ChangeAction, group_id: str, owner_id: str) -> Change:
    return Change(
        kind="groupOwnership",
        action=action,
        principal=directory.reference(owner_id),
        target=directory.reference(group_id),
    )


def assignment_added(
    directory: Directory, principal_id: str, resource_id: str, app_role_id: str
) -> Change:
    assignment = directory.completed(
        {
            "id": assignment_id(principal_id, secrets.token_bytes(16)),
            "createdDateTime": graph_time(directory.clock()),
            "principalId": principal_id,
            "resourceId": resource_id,
            "appRoleId": app_role_id,
        }
    )
    return _assignment(directory, "added", assignment)


def assignment_removed(directory: Directory, assignment_id: str) -> Change:
    return _assignment(directory, "removed", directory.assignments[assignment_id])


def deletion(directory: Directory, object_id: str) -> list[Change]:
    """Deletes a user, group or service principal, and with it all that it held or was.

    Entra takes a deleted user out of its groups and assignments at once, and can restore it with
    them. Security groups are gone for good.
    Source: Microsoft Learn, "Restore or remove a recently deleted user", directory resource.
    """
    reference = directory.reference(object_id)
    group_ids = directory.groups_of(object_id)
    assignments = directory.assignments_of(object_id)
    changes = [membership(directory, "removed", group_id, object_id) for group_id in group_ids]
    changes += [_assignment(directory, "removed", found) for found in assignments]
    found = directory.objects(_type(reference))[object_id]
    kept: GraphObject | None = None
    if reference.type != "group" or "Unified" in found["groupTypes"]:
        kept = {
            "type": reference.type,
            "object": {**found, "members": directory.members_of(object_id)}
            if reference.type == "group"
            else found,
            "memberOf": group_ids,
            "appRoleAssignments": assignments,
            "deletedDateTime": graph_time(directory.clock()),
        }
    removed = Change(kind=_type(reference), action="removed", target=reference, detail=kept)
    return [*changes, removed]


def restoration(directory: Directory, object_id: str) -> list[Change]:
    """Brings a deleted object back with its memberships and assignments, where they still can be.

    Raises `KeyError` for an object that cannot be restored.
    """
    kept = directory.deleted[object_id]
    found = dict(kept["object"])
    if found.get("manager") and found["manager"] not in directory.users:
        found["manager"] = None
    for relation in ("owners", "members"):
        if relation in found:
            found[relation] = [id for id in found[relation] if directory.find(id)]
    reference = Reference(object_id, kept["type"], found.get("displayName"))
    changes = [Change(kind=kept["type"], action="added", target=reference, detail=found)]
    changes += [
        Change("groupMembership", "added", directory.reference(group_id), reference)
        for group_id in kept["memberOf"]
        if group_id in directory.groups
    ]
    for assignment in kept["appRoleAssignments"]:
        ends = {assignment["principalId"], assignment["resourceId"]} - {object_id}
        if all(directory.find(end) for end in ends):
            changes.append(_restored(directory, assignment, reference))
    return changes


def purge(directory: Directory, object_id: str) -> Change:
    """Makes a deletion final. Raises `KeyError` for what is not deleted."""
    kept = directory.deleted[object_id]
    reference = Reference(object_id, kept["type"], kept["object"].get("displayName"))
    return Change(kind=kept["type"], action="removed", target=reference)


def schedule_ended(directory: Directory, schedule: GraphObject) -> list[Change]:
    """What Entra does when a schedule is over, or when it is ended early."""
    group_id, principal_id = schedule["groupId"], schedule["principalId"]
    if group_id not in directory.groups or directory.find(principal_id) is None:
        target = Reference(schedule["id"], "schedule", None)
        return [Change("groupSchedule", "removed", target, detail=schedule)]
    changes: list[Change] = []
    if schedule["accessId"] == "owner":
        if principal_id in directory.owners.targets(group_id):
            changes.append(ownership(directory, "removed", group_id, principal_id))
    elif directory.is_member(group_id, principal_id):
        changes.append(membership(directory, "removed", group_id, principal_id))
    return [*changes, schedule_change(directory, "removed", schedule)]


def schedule_change(directory: Directory, action: ChangeAction, schedule: GraphObject) -> Change:
    return Change(
        kind="groupSchedule",
        action=action,
        target=Reference(schedule["id"], "schedule", None),
        principal=directory.reference(schedule["principalId"]),
        detail=schedule,
    )


def _assignment(directory: Directory, action: ChangeAction, assignment: GraphObject) -> Change:
    return Change(
        kind="appRoleAssignment",
        action=action,
        principal=directory.reference(assignment["principalId"]),
        target=directory.reference(assignment["resourceId"]),
        detail=assignment,
    )


def _restored(directory: Directory, assignment: GraphObject, back: Reference) -> Change:
    def end(name: str) -> Reference:
        return back if assignment[name] == back.id else directory.reference(assignment[name])

    return Change(
        kind="appRoleAssignment",
        action="added",
        principal=end("principalId"),
        target=end("resourceId"),
        detail=assignment,
    )


def _type(reference: Reference) -> Any:
    type: ObjectType | str = reference.type
    return type
