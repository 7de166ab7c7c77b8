"""Service principals, which the portal calls enterprise applications, and who is assigned."""

from __future__ import annotations

from tools.entra_simulator import rules
from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall


def list_service_principals(call: GraphCall) -> Answer:
    found = call.tenant.service_principals.values()
    return call.collection("servicePrincipal", found, "servicePrincipals")


def get_service_principal(call: GraphCall) -> Answer:
    return call.entity("servicePrincipal", _service_principal(call), "servicePrincipals")


def list_owners(call: GraphCall) -> Answer:
    return call.related_collection(_service_principal(call).get("owners", ()))


def list_assigned_to(call: GraphCall) -> Answer:
    """Who is assigned to the app; not what the app is itself assigned to."""
    resource_id = _service_principal(call)["id"]
    assignments = [
        assignment
        for assignment in call.tenant.assignments_of(resource_id)
        if assignment["resourceId"] == resource_id
    ]
    return call.collection("appRoleAssignment", assignments, _assigned_to(resource_id))


def add_assignment(call: GraphCall) -> Answer:
    resource_id = _service_principal(call)["id"]
    change = rules.add_assignment(call.tenant, resource_id, call.body)
    call.accept(change)
    assert change.detail is not None
    return call.entity("appRoleAssignment", change.detail, _assigned_to(resource_id), status=201)


def remove_assignment(call: GraphCall) -> Answer:
    resource_id = _service_principal(call)["id"]
    assignment_id = call.parameters["assignmentId"]
    call.accept(rules.remove_assignment(call.tenant, resource_id, assignment_id))
    return Answer(204)


def _assigned_to(resource_id: str) -> str:
    return f"servicePrincipals('{resource_id}')/appRoleAssignedTo"


def _service_principal(call: GraphCall) -> GraphObject:
    """The service principal of the path, named by id or as `(appId='…')`."""
    if (app_id := call.parameters.get("appId")) is not None:
        for found in call.tenant.service_principals.values():
            if found["appId"] == app_id.lower():
                return found
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=app_id)
    object_id = call.object_id()
    service_principal = call.tenant.service_principals.get(object_id)
    if service_principal is None:
        raise GraphError(Refusal.RESOURCE_NOT_FOUND, id=object_id)
    return service_principal
