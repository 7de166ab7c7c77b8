"""What is called for one attempt in Entra, call by call.

Each move is a generator: it gives the call that is to be made next, is sent the answer, and returns
its verdict. So it knows nothing of how calls travel, and many moves can go side by side in batches.

Entra is consistent only in the end, so a write's own answer is the truth, and nothing is read back
to see whether it worked. What is read is what came of an attempt whose answer never came, and who
is who: an assignment is deleted by its id alone, and whose it is is looked at right before.
"""

from collections.abc import Generator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from services.connector.domain.directory import UnwritableReason, unwritable_reason
from services.connector.domain.operation import OperationKind
from services.connector.domain.target import AppRoleGrant, GroupMembership, Principal
from services.connector.domain.verdict import Already, Done, Exchange, Refused, Remedy, Verdict
from services.connector.entra.answer import Answer, Call
from services.connector.entra.answers import (
    ALREADY_THERE,
    Write,
    exchange_of,
    gone,
    judge,
    unread,
)
from services.connector.entra.problems import Problem
from services.connector.ports import Attempt

_GROUP_FLAGS = "groupTypes,mailEnabled,onPremisesSyncEnabled,isAssignableToRole"
_MOST_PAGES = 20

Found = Answer | Problem
Move = Generator[Call, Found, Verdict]


def move(attempt: Attempt, base_url: str) -> Move:
    """What is called for an attempt. `base_url` is what paths are below."""
    kind, adds = attempt.target.kind, attempt.kind is OperationKind.ADD
    if isinstance(kind, GroupMembership):
        return (
            _add_member(attempt, kind, base_url, looks=attempt.looks_first)
            if adds
            else _remove_member(attempt, kind)
        )
    return _add_assignment(attempt, kind) if adds else _remove_assignment(attempt, kind)


def look_for_member(
    attempt: Attempt, kind: GroupMembership
) -> Generator[Call, Found, Verdict | None]:
    """Whether somebody is a member already; none when a write has to tell."""
    call = _call(attempt, "GET", _member(kind, attempt.principal))
    found = yield call
    exchange = exchange_of(call, found)
    if isinstance(found, Answer):
        return Already(f"{found.text}: {ALREADY_THERE}", exchange=exchange)
    if found.is_passing or found.signing_in:
        return unread(Write.ADD_MEMBER, found, attempt.principal.entra_object_id, exchange)
    return None


def join(attempt: Attempt, kind: GroupMembership, base_url: str) -> Move:
    """Adds a member, without a look first."""
    return _add_member(attempt, kind, base_url, looks=False)


def join_call(attempts: list[Attempt], kind: GroupMembership, base_url: str) -> Call:
    """The call that adds up to 20 members to one group: all of them or none."""
    references = [_reference(attempt.principal, base_url) for attempt in attempts]
    return _call(attempts[0], "PATCH", _group(kind), {"members@odata.bind": references})


def cause(attempt: Attempt, problem: Problem, verdict: Verdict) -> Move:
    """A 403 with its cause: Graph says the same of a group that can't be written at all."""
    kind = attempt.target.kind
    if (
        problem.status != 403
        or not isinstance(verdict, Refused)
        or not isinstance(kind, GroupMembership)
    ):
        return verdict
    group = yield _call(attempt, "GET", f"{_group(kind)}?$select={_GROUP_FLAGS}")
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
    # Of the causes this is the one that a permission can do away with.
    by_person = why is UnwritableReason.ROLE_ASSIGNABLE
    return replace(
        verdict,
        reason="group_not_writable",
        message=f"The members of the group can't be changed through Graph, it is {word}: "
        f"{verdict.message}",
        remedy=Remedy.NEEDS_PERSON if by_person else Remedy.HOPELESS,
    )


def _add_member(attempt: Attempt, kind: GroupMembership, base_url: str, *, looks: bool) -> Move:
    if looks:
        seen = yield from look_for_member(attempt, kind)
        if seen is not None:
            return seen
    if attempt.refusal is not None:
        return attempt.refusal
    body = {"@odata.id": _reference(attempt.principal, base_url)}
    call = _call(attempt, "POST", f"{_group(kind)}/members/$ref", body)
    return (yield from _written(attempt, Write.ADD_MEMBER, call))


def _remove_member(attempt: Attempt, kind: GroupMembership) -> Move:
    call = _call(attempt, "DELETE", _member(kind, attempt.principal))
    verdict = yield from _written(attempt, Write.REMOVE_MEMBER, call)
    if not isinstance(verdict, Refused):
        return verdict
    # Somebody may have removed it by hand, as they were asked to: then it is as it shall be.
    look = _call(attempt, "GET", _member(kind, attempt.principal))
    shown = yield look
    if isinstance(shown, Problem) and shown.status == 404:
        return gone(f"404 {shown.code}", exchange_of(look, shown))
    return verdict


def _written(attempt: Attempt, write: Write, call: Call) -> Move:
    found = yield call
    exchange = exchange_of(call, found)
    if isinstance(found, Answer):
        return Done(found.text, exchange=exchange)
    verdict = judge(write, found, attempt.principal.entra_object_id, exchange)
    return (yield from cause(attempt, found, verdict))


def _add_assignment(attempt: Attempt, kind: AppRoleGrant) -> Move:
    principal = attempt.principal
    if attempt.looks_first:
        found, exchange = yield from _find(attempt, kind)
        if isinstance(found, str) and found:
            return Already(f"200 OK: {ALREADY_THERE}", found, exchange)
        if isinstance(found, Problem) and (found.is_passing or found.signing_in):
            return unread(Write.ADD_ASSIGNMENT, found, principal.entra_object_id, exchange)
    if attempt.refusal is not None:
        return attempt.refusal
    call = _call(
        attempt,
        "POST",
        f"{_app(kind)}/appRoleAssignedTo",
        {
            "principalId": principal.entra_object_id,
            "resourceId": kind.entra_service_principal_id,
            "appRoleId": kind.entra_app_role_id,
        },
    )
    answer = yield call
    exchange = exchange_of(call, answer)
    if isinstance(answer, Answer):
        # An id is kept only of what is ours beyond doubt: it is what will be deleted.
        own = _is_ours(answer.body, kind, principal)
        return Done(answer.text, str(answer.body.get("id") or "") if own else "", exchange)
    verdict = judge(Write.ADD_ASSIGNMENT, answer, principal.entra_object_id, exchange)
    if isinstance(verdict, Already):
        # Without its id it could not be removed later.
        found, _ = yield from _find(attempt, kind)
        return replace(verdict, entra_assignment_id=found if isinstance(found, str) else "")
    return verdict


def _remove_assignment(attempt: Attempt, kind: AppRoleGrant) -> Move:
    assignment_id, principal_id = attempt.entra_assignment_id, attempt.principal.entra_object_id
    if assignment_id:
        look = _call(attempt, "GET", f"{_app(kind)}/appRoleAssignedTo/{_id(assignment_id)}")
        shown = yield look
        if isinstance(shown, Problem) and shown.status != 404:
            exchange = exchange_of(look, shown)
            return unread(Write.REMOVE_ASSIGNMENT, shown, principal_id, exchange)
        # Where it is not to be seen the deletion tells: the id is from Graph's own answer.
        if isinstance(shown, Answer) and not _is_ours(shown.body, kind, attempt.principal):
            assignment_id = ""
    if not assignment_id:
        found, exchange = yield from _find(attempt, kind)
        if isinstance(found, Problem):
            if found.status == 404:  # the person is gone, and with them what they held
                return gone(f"404 {found.code}", exchange)
            return unread(Write.REMOVE_ASSIGNMENT, found, principal_id, exchange)
        if not found:
            return gone("200 OK", exchange)
        assignment_id = found
    verdict = yield from _deleted(attempt, kind, assignment_id)
    if isinstance(verdict, Refused):
        left, seen = yield from _find(attempt, kind)
        return gone("200 OK", seen) if left == "" else verdict
    if isinstance(verdict, Already) and attempt.takes_over:
        # Whoever removed it by hand and put it back gave it another id, and that is taken over too.
        other, seen = yield from _find(attempt, kind)
        if isinstance(other, Problem) and other.status != 404:
            return unread(Write.REMOVE_ASSIGNMENT, other, principal_id, seen)
        if isinstance(other, str) and other not in ("", assignment_id):
            return (yield from _deleted(attempt, kind, other))
    return verdict


def _deleted(attempt: Attempt, kind: AppRoleGrant, assignment_id: str) -> Move:
    call = _call(attempt, "DELETE", f"{_app(kind)}/appRoleAssignedTo/{_id(assignment_id)}")
    answer = yield call
    exchange = exchange_of(call, answer)
    if isinstance(answer, Answer):
        return Done(answer.text, exchange=exchange)
    principal_id = attempt.principal.entra_object_id
    return judge(Write.REMOVE_ASSIGNMENT, answer, principal_id, exchange)


def _find(
    attempt: Attempt, kind: AppRoleGrant
) -> Generator[Call, Found, tuple[str | Problem, Exchange]]:
    """The id of the assignment of this person to this app in this role; empty if there is none."""
    path = f"/users/{_id(attempt.principal.entra_object_id)}/appRoleAssignments"
    wanted = f"resourceId eq {kind.entra_service_principal_id}"
    link = f"{path}?$filter={quote(wanted)}&$top=999"
    for _ in range(_MOST_PAGES):
        call = _call(attempt, "GET", link)
        answer = yield call
        exchange = exchange_of(replace(call, path=path), answer)
        if isinstance(answer, Problem):
            return answer, exchange
        for item in answer.items:
            if _is_ours(item, kind, attempt.principal):
                return str(item.get("id") or ""), exchange
        if answer.next_link is None:
            break
        link = answer.next_link
    return "", exchange


def _call(attempt: Attempt, method: str, path: str, body: dict[str, Any] | None = None) -> Call:
    return Call(method, path, body, attempt.client_request_id)


def _group(kind: GroupMembership) -> str:
    return f"/groups/{_id(kind.entra_group_id)}"


def _member(kind: GroupMembership, principal: Principal) -> str:
    """The membership. Without /$ref it would be the person, whom a DELETE would delete."""
    return f"{_group(kind)}/members/{_id(principal.entra_object_id)}/$ref"


def _reference(principal: Principal, base_url: str) -> str:
    return f"{base_url}/directoryObjects/{principal.entra_object_id}"


def _app(kind: AppRoleGrant) -> str:
    return f"/servicePrincipals/{_id(kind.entra_service_principal_id)}"


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
