"""Makes one attempt in Entra: a membership or an app role assignment, to add or to remove.

Entra is consistent only in the end, so a write's own answer is the truth, and nothing is read back
to see whether it worked. What is read is who is who: after "already exists" the assignment's id,
without which it could not be removed later.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from services.connector.domain.directory import unwritable_reason
from services.connector.domain.operation import OperationKind
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal
from services.connector.domain.verdict import Already, Done, Refused, Retriable, Verdict
from services.connector.entra.answers import ALREADY_GONE, Write, judge
from services.connector.entra.graph import Answer, Graph
from services.connector.entra.problems import Problem
from services.connector.ports import Attempt

_GROUP_FLAGS = "groupTypes,mailEnabled,onPremisesSyncEnabled,isAssignableToRole"
# An assignment whose id we never learned, and that can't be seen, is looked for this often: lists
# lag behind writes.
_LOOKS = 3
_LOOK_DELAY = timedelta(seconds=2)
_MOST_PAGES = 20


async def provision(graph: Graph, attempt: Attempt) -> Verdict:
    """Makes the attempt."""
    kind, principal = attempt.target.kind, attempt.principal
    if attempt.kind is OperationKind.ADD:
        if isinstance(kind, GroupMembership):
            return await _add_member(graph, kind, principal)
        return await _add_assignment(graph, kind, principal)
    if isinstance(kind, GroupMembership):
        verdict = await _remove_member(graph, kind, principal)
    else:
        verdict = await _remove_assignment(graph, kind, principal, attempt)
    if isinstance(verdict, Already) and attempt.number < _LOOKS:
        # What was added a moment ago may not have reached the replica that answers: "not there" is
        # believed when it is said again and again, or access would stay that nobody holds.
        return Retriable(verdict.answer, "it is not to be seen yet", True, _LOOK_DELAY)
    return verdict


async def _add_member(graph: Graph, kind: GroupMembership, principal: Principal) -> Verdict:
    reference = f"{graph.base_url}/directoryObjects/{principal.entra_object_id}"
    answer = await graph.post(
        f"/groups/{_id(kind.entra_group_id)}/members/$ref", {"@odata.id": reference}
    )
    if isinstance(answer, Answer):
        return Done(answer.text)
    verdict = judge(Write.ADD_MEMBER, answer, principal.entra_object_id)
    return await _with_cause(graph, kind, answer, verdict)


async def _remove_member(graph: Graph, kind: GroupMembership, principal: Principal) -> Verdict:
    # Without /$ref the same call would delete the person.
    answer = await graph.delete(
        f"/groups/{_id(kind.entra_group_id)}/members/{_id(principal.entra_object_id)}/$ref"
    )
    if isinstance(answer, Answer):
        return Done(answer.text)
    verdict = judge(Write.REMOVE_MEMBER, answer, principal.entra_object_id)
    return await _with_cause(graph, kind, answer, verdict)


async def _with_cause(
    graph: Graph, kind: GroupMembership, problem: Problem, verdict: Verdict
) -> Verdict:
    """A 403 with its cause: Graph says the same of a group that can't be written at all."""
    if problem.status != 403 or not isinstance(verdict, Refused):
        return verdict
    group = await graph.get(f"/groups/{_id(kind.entra_group_id)}", {"$select": _GROUP_FLAGS})
    if isinstance(group, Problem):
        return verdict
    why = unwritable_reason(
        group_types=frozenset(str(found) for found in group.body.get("groupTypes") or ()),
        mail_enabled=bool(group.body.get("mailEnabled")),
        synced=bool(group.body.get("onPremisesSyncEnabled")),
        role_assignable=bool(group.body.get("isAssignableToRole")),
    )
    if why is None:
        return verdict
    word = why.value.lower().replace("_", "-")
    return Refused(
        verdict.answer,
        "group_not_writable",
        f"The members of the group can't be changed through Graph, it is {word}: {verdict.message}",
    )


async def _add_assignment(graph: Graph, kind: AppRoleGrant, principal: Principal) -> Verdict:
    answer = await graph.post(
        f"/servicePrincipals/{_id(kind.entra_service_principal_id)}/appRoleAssignedTo",
        {
            "principalId": principal.entra_object_id,
            "resourceId": kind.entra_service_principal_id,
            "appRoleId": kind.entra_app_role_id,
        },
    )
    if isinstance(answer, Answer):
        # An id is kept only of what is ours beyond doubt: it is what will be deleted.
        own = _is_ours(answer.body, kind, principal)
        return Done(answer.text, str(answer.body.get("id") or "") if own else "")
    verdict = judge(Write.ADD_ASSIGNMENT, answer, principal.entra_object_id)
    if isinstance(verdict, Already):
        found = await _find(graph, kind, principal)
        return Already(verdict.answer, found if isinstance(found, str) else "")
    return verdict


async def _remove_assignment(
    graph: Graph, kind: AppRoleGrant, principal: Principal, attempt: Attempt
) -> Verdict:
    assignment_id = attempt.entra_assignment_id
    if not assignment_id:
        found = await _find(graph, kind, principal)
        if isinstance(found, Problem):
            if found.status == 404:  # the person is gone, and with them what they held
                return Already(f"404 {found.code}: {ALREADY_GONE}")
            return judge(Write.REMOVE_ASSIGNMENT, found, principal.entra_object_id)
        if not found:
            return Already(f"200 OK: {ALREADY_GONE}")
        assignment_id = found
    answer = await graph.delete(
        f"/servicePrincipals/{_id(kind.entra_service_principal_id)}/appRoleAssignedTo/"
        f"{_id(assignment_id)}"
    )
    if isinstance(answer, Answer):
        return Done(answer.text)
    return judge(Write.REMOVE_ASSIGNMENT, answer, principal.entra_object_id)


async def _find(graph: Graph, kind: AppRoleGrant, principal: Principal) -> str | Problem:
    """The id of the assignment of this person to this app in this role; empty if there is none."""
    path: str = f"/users/{_id(principal.entra_object_id)}/appRoleAssignments"
    params: dict[str, str] | None = {
        "$filter": f"resourceId eq {kind.entra_service_principal_id}",
        "$top": "999",
    }
    for _ in range(_MOST_PAGES):
        answer = await graph.get(path, params)
        if isinstance(answer, Problem):
            return answer
        for item in answer.items:
            if _is_ours(item, kind, principal):
                return str(item.get("id") or "")
        if answer.next_link is None:
            break
        path, params = answer.next_link, None
    return ""


def _is_ours(item: Any, kind: AppRoleGrant, principal: Principal) -> bool:
    """Principal, app and role: an id of somebody else's assignment is never taken for this one."""
    return (
        str(item.get("principalId", "")).lower() == principal.entra_object_id
        and str(item.get("resourceId", "")).lower() == kind.entra_service_principal_id
        and str(item.get("appRoleId", "")).lower() == kind.entra_app_role_id
    )


def _id(value: str) -> str:
    """An id as one segment of a path."""
    return quote(value, safe="")
