"""Users and what they hold."""

from __future__ import annotations

from collections.abc import Callable

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.graph.shapes import check_select, selected_directory_object


def list_users(call: GraphCall) -> Answer:
    return call.collection("user", call.tenant.users.values(), "users", _expansion(call))


def get_user(call: GraphCall) -> Answer:
    user = _user(call)
    answer = call.entity("user", user, "users")
    return Answer(answer.status, {**(answer.body or {}), **_expansion(call)(user)})


def get_manager(call: GraphCall) -> Answer:
    manager = call.tenant.users.get(_user(call).get("manager") or "")
    if manager is None:
        # The relation itself is what is missing. Source: Microsoft Learn, user-list-manager.
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id="manager")
    return call.related_entity("user", manager)


def list_app_role_assignments(call: GraphCall) -> Answer:
    user_id = _user(call)["id"]
    assignments = call.tenant.assignments_of(user_id)
    return call.collection(
        "appRoleAssignment", assignments, f"users('{user_id}')/appRoleAssignments"
    )


def _user(call: GraphCall) -> GraphObject:
    """The user of the path, named by id or by user principal name."""
    name = call.parameters["id"]
    if (user := call.tenant.users.get(name.lower())) is not None:
        return user
    for user in call.tenant.users.values():
        if user["userPrincipalName"].lower() == name.lower():
            return user
    raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=name)


def _expansion(call: GraphCall) -> Callable[[GraphObject], GraphObject]:
    """What `$expand=manager` adds to a user: nothing where there is no manager."""
    asked = call.options.expand_manager
    if asked is None:
        return lambda user: {}
    select = asked or None
    check_select(select, ("user",))

    def expand(user: GraphObject) -> GraphObject:
        manager = call.tenant.users.get(user.get("manager") or "")
        if manager is None:
            return {}
        return {"manager": selected_directory_object("user", manager, select)}

    return expand
