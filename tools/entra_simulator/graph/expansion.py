"""`$expand`: related objects inside an object, up to twenty of them and no word of the rest.

Source: Microsoft Learn, "Use query parameters", known issues of $expand on directory objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.directory import Directory
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.shapes import (
    DIRECTORY_OBJECTS,
    check_select,
    selected,
    selected_directory_object,
)
from tools.entra_simulator.odata import Expansion

_MOST_RELATED = 20

Expander = Callable[[GraphObject], GraphObject]

_RELATIONS: Mapping[str, frozenset[str]] = {
    "user": frozenset({"manager", "memberOf", "appRoleAssignments"}),
    "group": frozenset({"members", "owners", "memberOf", "appRoleAssignments"}),
    "servicePrincipal": frozenset({"owners", "appRoleAssignedTo", "appRoleAssignments"}),
}


def expander(directory: Directory, type: str, expansion: Expansion | None) -> Expander:
    """What the expansion adds to an object of the type."""
    if expansion is None:
        return lambda found: {}
    relation, select = expansion.relation, expansion.select
    if relation not in _RELATIONS.get(type, ()):
        raise GraphError(Refusal.UNKNOWN_SELECT, property=relation, type=type)
    if relation == "manager":
        check_select(select, ("user",))
        return lambda found: _manager(directory, found, select)
    if relation.startswith("appRole"):
        check_select(select, ("appRoleAssignment",))
        links = directory.assigned_to if relation == "appRoleAssignedTo" else directory.held
        return lambda found: {
            relation: [
                selected("appRoleAssignment", directory.assignments[id], select)
                for id in links.sorted_targets(found["id"])[:_MOST_RELATED]
            ]
        }
    check_select(select, DIRECTORY_OBJECTS)
    return lambda found: {
        relation: [
            selected_directory_object(*related, select)
            for id in _related(directory, relation, found["id"])
            if (related := directory.find(id)) is not None
        ][:_MOST_RELATED]
    }


def _related(directory: Directory, relation: str, object_id: str) -> Iterable[str]:
    match relation:
        case "memberOf":
            return sorted(directory.members.sources(object_id))
        case "owners":
            return directory.owners.sorted_targets(object_id)
        case _:
            return directory.members.sorted_targets(object_id)


def _manager(
    directory: Directory, user: GraphObject, select: tuple[str, ...] | None
) -> GraphObject:
    """Nothing where there is no manager."""
    manager = directory.users.get(user.get("manager") or "")
    if manager is None:
        return {}
    return {"manager": selected_directory_object("user", manager, select)}
