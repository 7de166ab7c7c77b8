"""Tries what a connection needs: signing in, each read, and whether the writes are permitted."""

import asyncio
from collections.abc import Sequence

from services.connector.domain.connection import Check, CheckReport
from services.connector.entra.graph import Answer, Graph
from services.connector.entra.problems import Problem
from services.connector.entra.token import TokenSource

_USERS = ("read users", "User.Read.All")
_GROUPS = ("read groups", "GroupMember.Read.All")
_APPS = ("read apps", "Application.Read.All")
_ASSIGNMENTS = ("read assignments", "Application.Read.All")
_WRITE_MEMBERSHIPS = ("write memberships", ("GroupMember.ReadWrite.All",))
# The first alone is refused. Source: microsoftgraph/microsoft-graph-docs-contrib issue 12833.
_WRITE_ASSIGNMENTS = (
    "write assignments",
    ("AppRoleAssignment.ReadWrite.All", "Application.Read.All"),
)
_ONE = {"$select": "id", "$top": "1"}
_NOT_SIGNED_IN = "not tried: signing in does not work"


async def check(graph: Graph, tokens: TokenSource) -> CheckReport:
    """Tries everything. Writes nothing."""
    # Who tests has often just changed something.
    token = await tokens.token(anew=True)
    if isinstance(token, Problem):
        names = [_USERS, _GROUPS, _APPS, _ASSIGNMENTS]
        return CheckReport(
            "",
            (
                Check("sign in", "", str(token)),
                *(Check(name, permission, _NOT_SIGNED_IN) for name, permission in names),
                *(
                    Check(name, ", ".join(permissions), _NOT_SIGNED_IN)
                    for name, permissions in (_WRITE_MEMBERSHIPS, _WRITE_ASSIGNMENTS)
                ),
            ),
        )
    permissions = token.permissions()
    users, groups, apps, organization = await asyncio.gather(
        graph.get("/users", _ONE),
        graph.get("/groups", _ONE),
        graph.get("/servicePrincipals", _ONE),
        graph.get("/organization", {"$select": "displayName"}),
    )
    return CheckReport(
        _tenant_name(organization),
        (
            Check("sign in", ""),
            _read(_USERS, users),
            _read(_GROUPS, groups),
            _read(_APPS, apps),
            await _assignments(graph, apps),
            _write(_WRITE_MEMBERSHIPS, permissions),
            _write(_WRITE_ASSIGNMENTS, permissions),
        ),
    )


def _read(what: tuple[str, str], answer: Answer | Problem) -> Check:
    name, permission = what
    return Check(name, permission, str(answer) if isinstance(answer, Problem) else "")


async def _assignments(graph: Graph, apps: Answer | Problem) -> Check:
    if isinstance(apps, Problem):
        return Check(*_ASSIGNMENTS, "not tried: apps can't be read")
    if not apps.items:
        return Check(*_ASSIGNMENTS)
    app_id = str(apps.items[0].get("id"))
    return _read(
        _ASSIGNMENTS,
        await graph.get(f"/servicePrincipals/{app_id}/appRoleAssignedTo", {"$top": "1"}),
    )


def _write(what: tuple[str, Sequence[str]], permissions: frozenset[str]) -> Check:
    name, needed = what
    missing = [permission for permission in needed if permission not in permissions]
    problem = f"the application is not granted {', '.join(missing)}" if missing else ""
    return Check(name, ", ".join(needed), problem)


def _tenant_name(answer: Answer | Problem) -> str:
    if isinstance(answer, Problem) or not answer.items:
        return ""
    return str(answer.items[0].get("displayName") or "")
