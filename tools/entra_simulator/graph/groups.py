"""Groups, their members and owners, and the writes on them."""

from __future__ import annotations

import re
from typing import Any

from tools.entra_simulator import proposals, rules
from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.graph.lookups import members_below
from tools.entra_simulator.permissions import DELETE_OBJECTS

# The host of a reference carries no meaning, and any collection that holds the object serves.
# Source: Microsoft Learn, group-post-members.
_REFERENCE = re.compile(
    r"https?://[^/]+/(?:v1\.0|beta)/(?:directoryObjects|users|groups|servicePrincipals)"
    r"(?:/(?P<plain>[0-9A-Fa-f-]{36})|\('(?P<key>[0-9A-Fa-f-]{36})'\))"
)
_BIND = "members@odata.bind"
# Source: Microsoft Learn, group-post-members, "Add multiple members".
_MOST_LINKS = 20


def list_groups(call: GraphCall) -> Answer:
    return call.collection(
        "group", call.directory.ordered("group"), call.directory.groups, "groups"
    )


def get_group(call: GraphCall) -> Answer:
    return call.entity("group", _group(call), "groups")


def list_members(call: GraphCall) -> Answer:
    ids = call.directory.members.sorted_targets(_group(call)["id"])
    return call.related_collection(ids, _hidden(call))


def list_transitive_members(call: GraphCall) -> Answer:
    """Members of the group and of every group below it, each once."""
    ids = sorted(members_below(call.directory, _group(call)["id"]))
    return call.related_collection(ids, _hidden(call))


def get_member_reference(call: GraphCall) -> Answer:
    """Whether the object is a member, as terraform's client asks it."""
    group_id, member_id = _group(call)["id"], call.object_id("memberId")
    if not call.directory.is_member(group_id, member_id):
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=member_id)
    address = f"{call.root}/directoryObjects/{member_id}"
    return Answer(200, {"@odata.context": call.context("$ref"), "@odata.id": address})


def list_owners(call: GraphCall) -> Answer:
    return call.related_collection(call.directory.owners.sorted_targets(_group(call)["id"]))


def list_app_role_assignments(call: GraphCall) -> Answer:
    group_id = _group(call)["id"]
    return call.collection(
        "appRoleAssignment",
        call.directory.held.sorted_targets(group_id),
        call.directory.assignments,
        f"groups('{group_id}')/appRoleAssignments",
    )


def add_member(call: GraphCall) -> Answer:
    body = call.body if isinstance(call.body, dict) else {}
    return _add_members(call, [_referenced(body.get("@odata.id"))])


def update_group(call: GraphCall) -> Answer:
    """Only the bulk joining of members is simulated. It counts as one write."""
    body = call.body if isinstance(call.body, dict) else {}
    bound = body.get(_BIND)
    if set(body) != {_BIND} or not isinstance(bound, list) or not bound:
        raise GraphError(Refusal.PROPERTIES_INVALID)
    if len(bound) > _MOST_LINKS:
        raise GraphError(Refusal.TOO_MANY_LINKS)
    return _add_members(call, [_referenced(reference) for reference in bound])


def refuse_patch_of_references(call: GraphCall) -> Answer:
    raise GraphError(Refusal.NO_PATCH_OF_REFERENCES)


def remove_member(call: GraphCall) -> Answer:
    group_id, member_id = call.object_id(), call.object_id("memberId")
    call.accept(
        rules.remove_member(call.tenant, call.behaviour, group_id, member_id, call.caller.granted)
    )
    return Answer(204)


def delete_member_object(call: GraphCall) -> Answer:
    """Without `/$ref` this deletes the member itself, if the caller may do that.

    Source: Microsoft Learn, group-delete-members, "Caution".
    """
    group_id, member_id = call.object_id(), call.object_id("memberId")
    if group_id not in call.tenant.groups or not call.tenant.is_member(group_id, member_id):
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=member_id)
    type = call.tenant.reference(member_id).type
    if not DELETE_OBJECTS[type] & call.caller.granted:
        raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
    for change in proposals.deletion(call.tenant, member_id):
        call.accept(change)
    return Answer(204)


def add_owner(call: GraphCall) -> Answer:
    group_id = call.object_id()
    body = call.body if isinstance(call.body, dict) else {}
    owner_id = _referenced(body.get("@odata.id"))
    granted = call.caller.granted
    call.accept(rules.add_owner(call.tenant, call.directory, group_id, owner_id, granted))
    return Answer(204)


def remove_owner(call: GraphCall) -> Answer:
    group_id, owner_id = call.object_id(), call.object_id("ownerId")
    call.accept(rules.remove_owner(call.tenant, group_id, owner_id, call.caller.granted))
    return Answer(204)


def _add_members(call: GraphCall, member_ids: list[str]) -> Answer:
    changes = rules.add_members(
        call.tenant,
        call.directory,
        call.behaviour,
        call.object_id(),
        member_ids,
        call.caller.granted,
    )
    for change in changes:
        call.accept(change)
    return Answer(204)


def _referenced(reference: Any) -> str:
    matched = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if matched is None:
        raise GraphError(Refusal.PROPERTIES_INVALID)
    return str(matched["plain"] or matched["key"]).lower()


def _hidden(call: GraphCall) -> dict[str, GraphObject] | None:
    """Version 1.0 leaves service principals out, except in an advanced query.

    Source: microsoftgraph/msgraph-sdk-powershell issue 2853.
    """
    if call.root.endswith("/v1.0") and not call.options.advanced:
        return call.directory.service_principals
    return None


def _group(call: GraphCall) -> GraphObject:
    group_id = call.object_id()
    group = call.directory.groups.get(group_id)
    if group is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=group_id)
    return group
