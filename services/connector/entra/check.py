"""Tries what a connection needs: signing in, each read, and whether the writes are permitted.

A read is tried and compared with the permissions that the token carries; a write is compared only.
"""

import asyncio
from collections.abc import Mapping

from services.connector.domain.connection import (
    CapabilityState,
    Check,
    CheckReport,
    ConnectionMode,
)
from services.connector.entra.capabilities import (
    CAPABILITIES,
    READ_APPS,
    READ_ASSIGNMENTS,
    READ_GROUPS,
    READ_MEMBERSHIPS,
    READ_USERS,
    WRITE_ASSIGNMENTS,
    Capability,
    unneeded,
)
from services.connector.entra.graph import Answer, Graph
from services.connector.entra.problems import Problem
from services.connector.entra.token import TokenSource

SIGN_IN = "sign in"
_ONE = {"$select": "id", "$top": "1"}
_NOT_SIGNED_IN = "not tried: signing in does not work"

# None for what there was nothing to try on.
_Tried = Mapping[str, Answer | Problem | None]


async def check(graph: Graph, tokens: TokenSource, mode: ConnectionMode) -> CheckReport:
    """Tries everything. Writes nothing."""
    # Who tests has often just changed something.
    token = await tokens.token(anew=True)
    if isinstance(token, Problem):
        return not_signed_in(str(token), mode, passing=token.is_passing)
    granted = token.permissions()
    tried, tenant_name = await _try(graph)
    return CheckReport(
        tenant_name,
        (
            Check(SIGN_IN, CapabilityState.GRANTED),
            *(_judged(found, tried, granted, mode) for found in CAPABILITIES),
        ),
        () if granted is None else unneeded(granted, mode),
    )


def not_signed_in(problem: str, mode: ConnectionMode, *, passing: bool = False) -> CheckReport:
    """The report when signing in does not work, or just not now."""
    state = CapabilityState.UNKNOWN if passing else CapabilityState.MISSING
    return CheckReport(
        "",
        (
            Check(SIGN_IN, state, problem=problem),
            *(
                Check(found.name, CapabilityState.UNKNOWN, found.least, problem=_NOT_SIGNED_IN)
                if mode in found.modes
                else Check(found.name, CapabilityState.NOT_NEEDED, found.least)
                for found in CAPABILITIES
            ),
        ),
    )


async def _try(graph: Graph) -> tuple[_Tried, str]:
    users, groups, apps, organization = await asyncio.gather(
        graph.get("/users", _ONE),
        graph.get("/groups", _ONE),
        graph.get("/servicePrincipals", _ONE),
        graph.get("/organization", {"$select": "displayName"}),
    )
    members, assigned = await asyncio.gather(
        _below(graph, "/groups", groups, "members", _ONE),
        _below(graph, "/servicePrincipals", apps, "appRoleAssignedTo", {"$top": "1"}),
    )
    tried = {
        READ_USERS.name: users,
        READ_GROUPS.name: groups,
        READ_MEMBERSHIPS.name: members,
        READ_APPS.name: apps,
        READ_ASSIGNMENTS.name: assigned,
    }
    return tried, _tenant_name(organization)


async def _below(
    graph: Graph, path: str, found: Answer | Problem, below: str, params: Mapping[str, str]
) -> Answer | Problem | None:
    if isinstance(found, Problem) or not found.items:
        return None
    answer = await graph.get(f"{path}/{found.items[0].get('id')}/{below}", params)
    # It vanished between the two calls.
    return None if isinstance(answer, Problem) and answer.status == 404 else answer


def _judged(
    capability: Capability,
    tried: _Tried,
    granted: frozenset[str] | None,
    mode: ConnectionMode,
) -> Check:
    name, least = capability.name, capability.least
    allowing = capability.allowing(granted or ())
    if mode not in capability.modes:
        return Check(name, CapabilityState.NOT_NEEDED, least, allowing)
    answer = tried.get(name)
    if isinstance(answer, Problem):
        state = CapabilityState.MISSING if answer.status == 403 else CapabilityState.UNKNOWN
        return Check(name, state, least, allowing, str(answer))
    if granted is None:
        if answer is not None:
            return Check(name, CapabilityState.GRANTED, least)
        problem = "not known: the token does not say what it permits"
        return Check(name, CapabilityState.UNKNOWN, least, problem=problem)
    state = capability.state(granted)
    problem = ""
    if missing := capability.missing(granted):
        problem = f"the application is not granted {', '.join(missing)}"
        if capability is WRITE_ASSIGNMENTS:
            problem += "; grant it, or set the connection's mode to CONNECTION_MODE_GROUPS_ONLY"
        elif answer is not None:
            problem += "; what it is granted reads a part only"
    return Check(name, state, least, allowing, problem)


def _tenant_name(answer: Answer | Problem) -> str:
    if isinstance(answer, Problem) or not answer.items:
        return ""
    return str(answer.items[0].get("displayName") or "")
