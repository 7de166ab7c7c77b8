"""Groups, their members and owners, and the two writes on membership."""

from __future__ import annotations

import re

from tools.entra_simulator import rules
from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall

# The host of a reference carries no meaning, and any collection that holds the object serves.
# Source: Microsoft Learn, group-post-members.
_REFERENCE = re.compile(
    r"https?://[^/]+/(?:v1\.0|beta)/(?:directoryObjects|users|groups|servicePrincipals)"
    r"(?:/(?P<plain>[0-9A-Fa-f-]{36})|\('(?P<key>[0-9A-Fa-f-]{36})'\))"
)


def list_groups(call: GraphCall) -> Answer:
    return call.collection("group", call.tenant.groups.values(), "groups")


def get_group(call: GraphCall) -> Answer:
    return call.entity("group", _group(call), "groups")


def list_members(call: GraphCall) -> Answer:
    """Version 1.0 leaves service principals out, except in an advanced query.

    Source: microsoftgraph/msgraph-sdk-powershell issue 2853.
    """
    ids = call.tenant.members_of(_group(call)["id"])
    if call.root.endswith("/v1.0") and not call.options.advanced:
        ids = [id for id in ids if id not in call.tenant.service_principals]
    return call.related_collection(ids)


def list_owners(call: GraphCall) -> Answer:
    return call.related_collection(_group(call).get("owners", ()))


def list_app_role_assignments(call: GraphCall) -> Answer:
    group_id = _group(call)["id"]
    assignments = call.tenant.assignments_of(group_id)
    return call.collection(
        "appRoleAssignment", assignments, f"groups('{group_id}')/appRoleAssignments"
    )


def add_member(call: GraphCall) -> Answer:
    group_id = call.object_id()
    reference = call.body.get("@odata.id") if isinstance(call.body, dict) else None
    matched = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if matched is None:
        raise GraphError(Refusal.PROPERTIES_INVALID)
    member_id = (matched["plain"] or matched["key"]).lower()
    call.accept(rules.add_member(call.tenant, group_id, member_id, call.caller.granted))
    return Answer(204)


def remove_member(call: GraphCall) -> Answer:
    group_id, member_id = call.object_id(), call.object_id("memberId")
    call.accept(rules.remove_member(call.tenant, group_id, member_id, call.caller.granted))
    return Answer(204)


def delete_member_object(call: GraphCall) -> Answer:
    """Without `/$ref` this deletes the member itself, which no caller here may do.

    Source: Microsoft Learn, group-delete-members, "Caution".
    """
    raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)


def _group(call: GraphCall) -> GraphObject:
    group_id = call.object_id()
    group = call.tenant.groups.get(group_id)
    if group is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=group_id)
    return group
