"""What Graph's refusals of our writes mean.

Graph's codes do not tell "already a member" from other bad requests, and its messages may change:
so the table has status, code and a pattern of the message, what is not in it is told by its status
alone, and nothing unknown counts as success. Sources of the rows: Microsoft Learn,
group-post-members, group-delete-members, serviceprincipal-post-approleassignedto; messages as
published by others who met them (hashicorp/terraform-provider-azuread pull request 1896).
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from services.connector.domain.verdict import Already, Refused, Retriable, Verdict
from services.connector.entra.problems import Problem

# An object that was made a moment ago is unknown to some of Entra's replicas for a while.
REPLICATION_PATIENCE = timedelta(seconds=30)
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

ALREADY_THERE = "already there"
ALREADY_GONE = "already gone"


@dataclass(frozen=True, slots=True)
class _Row:
    """A known refusal. `message` and `code` are patterns that are searched for.

    `already` is what it means when the wish is fulfilled; otherwise `reason` is the word, and
    `may_pass` says whether it can be a matter of replication.
    """

    writes: frozenset[Write]
    statuses: tuple[int, ...]
    code: str
    message: str
    already: str = ""
    reason: str = ""
    may_pass: bool = False


_TABLE = (
    _Row(
        frozenset({Write.ADD_MEMBER}),
        (400,),
        "Request_BadRequest",
        r"added object references already exist",
        already=ALREADY_THERE,
    ),
    _Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400, 409),
        "Request_BadRequest",
        r"Permission being assigned already exists",
        already=ALREADY_THERE,
    ),
    _Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400, 409),
        "Request_MultipleObjectsWithSameKeyValue",
        r"EntitlementGrant entry already exists",
        already=ALREADY_THERE,
    ),
    _Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400,),
        "Request_BadRequest",
        r"Permission being assigned was not found on application",
        reason="app_role_not_found",
        may_pass=True,
    ),
    _Row(
        frozenset({Write.ADD_ASSIGNMENT}),
        (400,),
        "Request_BadRequest",
        r"Not a valid reference update",
        reason="principal_not_found",
        may_pass=True,
    ),
    _Row(
        _MEMBERSHIPS,
        (400, 403),
        "",
        r"mail-enabled security groups|on-premises mastered",
        reason="group_not_writable",
    ),
    _Row(
        frozenset({Write.REMOVE_MEMBER}),
        (400,),
        "Request_BadRequest",
        r"removed object references do not exist",
        already=ALREADY_GONE,
    ),
    _Row(
        frozenset({Write.REMOVE_ASSIGNMENT}),
        (400,),
        "Request_BadRequest",
        r"EntitlementGrant being updated or deleted is not found",
        already=ALREADY_GONE,
    ),
    _Row(
        _REMOVALS,
        (404,),
        "Request_ResourceNotFound",
        "",
        already=ALREADY_GONE,
    ),
    _Row(
        frozenset({Write.REMOVE_MEMBER}),
        (403,),
        "Authorization_RequestDenied",
        "",
        reason="permission_missing",
    ),
)


def judge(write: Write, problem: Problem, principal_id: str) -> Verdict:
    """What a problem means for a write. A 403 may yet turn out to have another cause."""
    answer = f"{problem.status} {problem.code}" if problem.status else problem.code
    text = f"{write.value}: {problem}"
    if problem.signing_in:
        refused = Refused(answer, "sign_in_refused", text)
        otherwise = None if problem.is_passing else refused
        return Retriable(
            answer, text, True, problem.retry_after, otherwise, patience=SIGN_IN_PATIENCE
        )
    if problem.is_passing:
        # Microsoft is known to have carried out what it answered with 429.
        return Retriable(answer, text, not problem.sent, problem.retry_after)
    row = _row(write, problem)
    if row is not None and row.already:
        return Already(f"{answer}: {row.already}")
    if row is not None:
        refused = Refused(answer, row.reason, text)
        return _passing(refused) if row.may_pass else refused
    if problem.status == 401:
        refused = Refused(answer, "sign_in_refused", text)
        return Retriable(answer, text, True, None, refused, patience=SIGN_IN_PATIENCE)
    if problem.status == 403:
        return Refused(answer, "permission_missing", text)
    if problem.status == 404 and write in _ADDS:
        # The message names what is missing, which may be either end.
        of_principal = principal_id in problem.message.lower()
        reason = "principal_not_found" if of_principal else "target_not_found"
        return _passing(Refused(answer, reason, text))
    return Refused(answer, "directory_refused", text)


def _passing(refused: Refused) -> Retriable:
    return Retriable(
        refused.answer, refused.message, True, None, refused, patience=REPLICATION_PATIENCE
    )


def _row(write: Write, problem: Problem) -> _Row | None:
    for row in _TABLE:
        if (
            write in row.writes
            and problem.status in row.statuses
            and (not row.code or row.code == problem.code)
            and re.search(row.message, problem.message, re.IGNORECASE)
        ):
            return row
    return None
