"""GET /organization: the tenant itself, as a collection of one."""

from __future__ import annotations

from tools.entra_simulator.graph.call import Answer, GraphCall


def list_organization(call: GraphCall) -> Answer:
    return call.collection("organization", [call.tenant.organization], "organization")
