"""Users and what they hold."""

from __future__ import annotations

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.graph.lookups import groups_above


def list_users(call: GraphCall) -> Answer:
    return call.collection("user", call.directory.ordered("user"), call.directory.users, "users")


def get_user(call: GraphCall) -> Answer:
    return call.entity("user", _user(call), "users")


def get_manager(call: GraphCall) -> Answer:
    manager = call.directory.users.get(_user(call).get("manager") or "")
    if manager is None:
        # The relation itself is what is missing. Source: Microsoft Learn, user-list-manager.
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id="manager")
    return call.related_entity("user", manager)


def list_app_role_assignments(call: GraphCall) -> Answer:
    user_id = _user(call)["id"]
    return call.collection(
        "appRoleAssignment",
        call.directory.held.sorted_targets(user_id),
        call.directory.assignments,
        f"users('{user_id}')/appRoleAssignments",
    )


def check_member_groups(call: GraphCall) -> Answer:
    """Which of the named groups the user is in, directly or through other groups.

    Source: Microsoft Learn, directoryobject-checkmembergroups.
    """
    user_id = _user(call)["id"]
    named = call.body.get("groupIds") if isinstance(call.body, dict) else None
    if not isinstance(named, list) or not 1 <= len(named) <= 20:
        raise GraphError(Refusal.PROPERTIES_INVALID)
    if not all(isinstance(id, str) for id in named):
        raise GraphError(Refusal.PROPERTIES_INVALID)
    above = groups_above(call.directory, user_id)
    found = [id for id in dict.fromkeys(id.lower() for id in named) if id in above]
    return Answer(200, {"@odata.context": call.context("Collection(Edm.String)"), "value": found})


def _user(call: GraphCall) -> GraphObject:
    """The user of the path, named by id or by user principal name."""
    name = call.parameters["id"]
    if (user := call.directory.users.get(name.lower())) is not None:
        return user
    if "@" in name:
        for user in call.directory.users.values():
            if user["userPrincipalName"].lower() == name.lower():
                return user
    raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=name)
