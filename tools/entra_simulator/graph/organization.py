"""GET /organization: the tenant itself, as a collection of one."""

from __future__ import annotations

from tools.entra_simulator.graph.call import Answer, GraphCall


def list_organization(call: GraphCall) -> Answer:
    organization = call.directory.organization
    table = {organization["id"]: organization}
    return call.collection("organization", list(table), table, "organization")
