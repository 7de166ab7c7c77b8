"""Service principals, which the portal calls enterprise applications, and who is assigned."""

from __future__ import annotations

from tools.entra_simulator import rules
from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.directory import Directory
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall


def list_service_principals(call: GraphCall) -> Answer:
    directory = call.directory
    ids, table = directory.ordered("servicePrincipal"), directory.service_principals
    return call.collection("servicePrincipal", ids, table, "servicePrincipals")


def get_service_principal(call: GraphCall) -> Answer:
    return call.entity("servicePrincipal", _found(call, call.directory), "servicePrincipals")


def list_owners(call: GraphCall) -> Answer:
    owned_id = _found(call, call.directory)["id"]
    return call.related_collection(call.directory.owners.sorted_targets(owned_id))


def list_assigned_to(call: GraphCall) -> Answer:
    """Who is assigned to the app; not what the app is itself assigned to."""
    resource_id = _found(call, call.directory)["id"]
    ids = call.directory.assigned_to.sorted_targets(resource_id)
    table = call.directory.assignments
    return call.collection("appRoleAssignment", ids, table, _assigned_to(resource_id))


def get_assignment(call: GraphCall) -> Answer:
    resource_id = _found(call, call.directory)["id"]
    assignment_id = call.parameters["assignmentId"]
    assignment = call.directory.assignments.get(assignment_id)
    if assignment is None or assignment["resourceId"] != resource_id:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=assignment_id)
    return call.entity("appRoleAssignment", assignment, _assigned_to(resource_id))


def add_assignment(call: GraphCall) -> Answer:
    resource_id = _found(call, call.tenant)["id"]
    change = rules.add_assignment(
        call.tenant, call.directory, call.behaviour, resource_id, call.body
    )
    call.accept(change)
    assert change.detail is not None
    return call.entity("appRoleAssignment", change.detail, _assigned_to(resource_id), status=201)


def remove_assignment(call: GraphCall) -> Answer:
    resource_id = _found(call, call.tenant)["id"]
    assignment_id = call.parameters["assignmentId"]
    call.accept(rules.remove_assignment(call.tenant, call.behaviour, resource_id, assignment_id))
    return Answer(204)


def _assigned_to(resource_id: str) -> str:
    return f"servicePrincipals('{resource_id}')/appRoleAssignedTo"


def _found(call: GraphCall, directory: Directory) -> GraphObject:
    """The service principal of the path, named by id or as `(appId='…')`."""
    if (app_id := call.parameters.get("appId")) is not None:
        for found in directory.service_principals.values():
            if found["appId"] == app_id.lower():
                return found
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=app_id)
    object_id = call.object_id()
    service_principal = directory.service_principals.get(object_id)
    if service_principal is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=object_id)
    return service_principal
