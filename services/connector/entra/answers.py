"""What Graph's refusals of our writes mean.

Graph's codes do not tell "already a member" from other bad requests, and its messages may change:
so the table has status, code and a pattern of the message, what is not in it is told by its status
alone, and nothing unknown counts as success. Sources of the rows: Microsoft Learn,
group-post-members, group-delete-members, serviceprincipal-post-approleassignedto; messages as
published by others who met them (hashicorp/terraform-provider-azuread pull request 1896).
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

from services.connector.domain.verdict import (
    NO_CALL,
    Already,
    Exchange,
    Refused,
    Remedy,
    Retriable,
    Verdict,
)
from services.connector.entra.answer import Answer, Call
from services.connector.entra.problems import Problem

# An object that was made a moment ago is unknown to some of Entra's replicas for a while.
REPLICATION_PATIENCE = timedelta(minutes=3)
# An operator who rotates a secret puts the new one in place within this time, or hears of it.
SIGN_IN_PATIENCE = timedelta(seconds=60)


class Write(Enum):
    """The four writes."""

    ADD_MEMBER = "adding a member"
    REMOVE_MEMBER = "removing a member"
    ADD_ASSIGNMENT = "adding an app role assignment"
    REMOVE_ASSIGNMENT = "removing an app role assignment"


_ADDS = frozenset({Write.ADD_MEMBER, Write.ADD_ASSIGNMENT})
_REMOVALS = frozenset({Write.REMOVE_MEMBER, Write.REMOVE_ASSIGNMENT})
_MEMBERSHIPS = frozenset({Write.ADD_MEMBER, Write.REMOVE_MEMBER})
_ALL = frozenset(Write)

ALREADY_THERE = "already there"
ALREADY_GONE = "already gone"
_BAD = "Request_BadRequest"


@dataclass(frozen=True, slots=True)
class Row:
    """A known refusal. `message` is a pattern that is searched for; an empty `code` is any.

    `already` is what it means when the wish is fulfilled; otherwise `reason` is the word, `remedy`
    what can be done, and `may_pass` whether it can be a matter of replication. `of_all`: it is
    about the group and not about one member, so that no other member would fare better.
    """

    writes: frozenset[Write]
    statuses: tuple[int, ...]
    code: str
    message: str
    already: str = ""
    reason: str = ""
    remedy: Remedy = Remedy.HOPELESS
    may_pass: bool = False
    of_all: bool = False


TABLE = (
    Row(
        frozenset({Write.ADD_MEMBER}),
        (400,),
        _BAD,
        r"added object references already exist",
        already=ALREADY_THERE,
    ),
    Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400, 409),
        _BAD,
        r"Permission being assigned already exists",
        already=ALREADY_THERE,
    ),
    Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400, 409),
        "Request_MultipleObjectsWithSameKeyValue",
        r"EntitlementGrant entry already exists",
        already=ALREADY_THERE,
    ),
    Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400,),
        _BAD,
        r"Permission being assigned was not found on application",
        reason="app_role_not_found",
        may_pass=True,
    ),
    Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400,),
        _BAD,
        r"Not a valid reference update",
        reason="principal_not_found",
        may_pass=True,
    ),
    Row(
        _MEMBERSHIPS,
        (400, 403),
        "",
        r"mail-enabled security groups|on-premises mastered",
        reason="group_not_writable",
        of_all=True,
    ),
    Row(
        frozenset({Write.REMOVE_MEMBER}),
        (400,),
        _BAD,
        r"removed object references do not exist",
        already=ALREADY_GONE,
    ),
    Row(
        frozenset({Write.REMOVE_ASSIGNMENT}),
        (400,),
        _BAD,
        r"EntitlementGrant being updated or deleted is not found",
        already=ALREADY_GONE,
    ),
    Row(
        _REMOVALS,
        (404,),
        "Request_ResourceNotFound",
        "",
        already=ALREADY_GONE,
    ),
    Row(
        _ALL,
        (400,),
        _BAD,
        r"One or more properties are invalid|Invalid resource identifier",
        reason="directory_refused",
    ),
    Row(
        _ALL,
        (400,),
        "BadRequest",
        r"not supported on the targeted entity set",
        reason="directory_refused",
    ),
    Row(
        _ALL,
        (405,),
        "",
        "",
        reason="directory_refused",
    ),
    Row(
        _ALL,
        (403,),
        "",
        "",
        reason="permission_missing",
        remedy=Remedy.NEEDS_PERSON,
        of_all=True,
    ),
)


def exchange_of(call: Call, found: Answer | Problem, more: str = "") -> Exchange:
    """What is kept of a call and its answer. `more` says what the path does not."""
    path = call.path.partition("?")[0]
    problem = found if isinstance(found, Problem) else None
    return Exchange(
        call=f"{call.method} {path}{more}",
        status=found.status,
        code="" if problem is None else problem.code,
        message="" if problem is None else problem.message,
        graph_request_id=found.request_id,
        client_request_id=call.client_request_id,
    )


def judge(
    write: Write, problem: Problem, principal_id: str, exchange: Exchange = NO_CALL
) -> Verdict:
    """What a problem means for a write. A 403 may yet turn out to have another cause."""
    return replace(_judge(write, problem, principal_id), exchange=exchange)


def unread(write: Write, problem: Problem, principal_id: str, exchange: Exchange) -> Verdict:
    """What a problem with looking something up before a write means: nothing was written yet."""
    verdict = judge(write, problem, principal_id, exchange)
    return replace(verdict, certain=True) if isinstance(verdict, Retriable) else verdict


def gone(answer: str, exchange: Exchange = NO_CALL) -> Already:
    """There is nothing to remove, as far as the replica that was asked knows."""
    return Already(f"{answer}: {ALREADY_GONE}", exchange=exchange, patience=REPLICATION_PATIENCE)


def row_of(write: Write, problem: Problem) -> Row | None:
    """The row of the table for a refusal."""
    for row in TABLE:
        if (
            write in row.writes
            and problem.status in row.statuses
            and row.code in ("", problem.code)
            and re.search(row.message, problem.message, re.IGNORECASE)
        ):
            return row
    return None


def _judge(write: Write, problem: Problem, principal_id: str) -> Verdict:
    answer, text = _answer(problem), f"{write.value}: {problem}"
    if problem.signing_in or problem.status == 401:
        refused = Refused(answer, "sign_in_refused", text)
        otherwise = None if problem.is_passing else refused
        return Retriable(answer, text, True, problem.retry_after, otherwise, SIGN_IN_PATIENCE)
    if problem.is_passing:
        # Microsoft is known to have carried out what it answered with 429.
        return Retriable(answer, text, not problem.sent, problem.retry_after)
    row = row_of(write, problem)
    if row is not None and row.already:
        return gone(answer) if write in _REMOVALS else Already(f"{answer}: {row.already}")
    if row is not None:
        refused = Refused(answer, row.reason, text, row.remedy)
        return _passing(refused) if row.may_pass else refused
    if problem.status == 404 and write in _ADDS:
        # The message names what is missing, which may be either end.
        of_principal = principal_id in problem.message.lower()
        reason = "principal_not_found" if of_principal else "target_not_found"
        return _passing(Refused(answer, reason, text, Remedy.HOPELESS))
    return Refused(answer, "directory_refused", text, Remedy.NEEDS_PERSON)


def _answer(problem: Problem) -> str:
    return f"{problem.status} {problem.code}" if problem.status else problem.code


def _passing(refused: Refused) -> Retriable:
    return Retriable(
        refused.answer, refused.message, True, None, refused, patience=REPLICATION_PATIENCE
    )
