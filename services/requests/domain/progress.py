"""The step that an access request is at: who may decide it, and who has.

Who may decide is asked of the directory when the step begins, and again whenever somebody decides.
The requester and the subject are never among them, whatever the policy says, and in no disguise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.requests.domain.person import PersonRef
from services.requests.domain.steps import (
    Approval,
    Approvers,
    GroupMembers,
    People,
    Reassign,
    Remind,
    Wait,
    approvers_in_words,
)


class Origin(StrEnum):
    """How those who may decide came about; the contract's words."""

    UNSPECIFIED = "UNSPECIFIED"
    STEP = "STEP"
    FALLBACK = "FALLBACK"
    REASSIGNED = "REASSIGNED"


@dataclass(frozen=True, slots=True)
class Resolved:
    """Whom one kind of approvers stands for, and why there are none or too few."""

    people: tuple[PersonRef, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class StepApproval:
    """Somebody's approval of a step; `on_behalf_of` is in whose place."""

    approver: PersonRef
    on_behalf_of: PersonRef | None
    time: datetime
    reason: str

    @property
    def user_ids(self) -> frozenset[str]:
        """Everybody who has decided with it: "A for B" is both."""
        both = (self.approver, self.on_behalf_of)
        return frozenset(each.user_id for each in both if each is not None)


@dataclass(frozen=True, slots=True)
class Progress:
    """The step that an access request is at.

    `needed` is 0 for a wait. `approvers` are those who may still decide. `assigned` are those whom
    somebody handed it to. `barred` decided an earlier step, and may not decide a distinct one.
    """

    number: int
    open_time: datetime
    due_time: datetime | None = None
    approvers: tuple[PersonRef, ...] = ()
    needed: int = 0
    approvals: tuple[StepApproval, ...] = ()
    origin: Origin = Origin.UNSPECIFIED
    problem: str = ""
    assigned: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    overdue: bool = False
    """Whether its time limit has handed it to others: whom its policy names for that decide."""
    of_group: bool = False
    """Whether they are who is in a group, which is not for everybody to know."""

    @property
    def still_needed(self) -> int:
        """How many more must approve."""
        return max(0, self.needed - len(self.approvals))

    @property
    def user_ids(self) -> frozenset[str]:
        """Who may still decide."""
        return frozenset(each.user_id for each in self.approvers)

    def has_decided(self, user_id: str) -> bool:
        """Whether somebody has approved it, or somebody in their place."""
        return any(user_id in each.user_ids for each in self.approvals)

    def approved(self, approval: StepApproval) -> "Progress":
        """One more has approved."""
        return replace(
            self,
            approvals=(*self.approvals, approval),
            approvers=tuple(
                each for each in self.approvers if each.user_id not in approval.user_ids
            ),
        )


def begun(
    number: int, step: Approval | Wait, earlier: Iterable[StepApproval], time: datetime
) -> Progress:
    """A step at its beginning, of which it is not known yet who may decide it."""
    if isinstance(step, Wait):
        length = step.duration if step.duration is not None else step.timeout
        return Progress(number, time, None if length is None else time + length)
    limit = step.time_limit
    barred = {user_id for each in earlier for user_id in each.user_ids} if step.distinct else ()
    return Progress(
        number,
        time,
        None if limit is None else time + limit.after,
        barred=tuple(sorted(barred)),
    )


def is_too_late(progress: Progress, step: Approval, time: datetime) -> bool:
    """Whether those who may decide it may not any more, since something else happens now."""
    if step.time_limit is None or progress.due_time is None or progress.due_time > time:
        return False
    return not isinstance(step.time_limit.then, Remind) and not progress.overdue


def sources_of(progress: Progress, step: Approval) -> tuple[Approvers, ...]:
    """Whom to ask the directory for: first those who should decide, then those who might."""
    if progress.assigned:
        return (People(progress.assigned),)
    limit = step.time_limit
    if progress.overdue and limit is not None and isinstance(limit.then, Reassign):
        return (limit.then.approvers,)
    return (step.approvers,) if step.fallback is None else (step.approvers, step.fallback)


def resolved(
    progress: Progress,
    step: Approval,
    answers: Sequence[Resolved],
    excluded: Mapping[str, str],
) -> Progress:
    """The step with those who may decide it now, or with the reason why nobody can.

    Args:
        answers: what the directory said of `sources_of`, in that order.
        excluded: who may not decide whatever they are, with what they are: "the requester".
    """
    sources = sources_of(progress, step)
    origins = (
        [Origin.REASSIGNED]
        if progress.assigned or progress.overdue
        else [Origin.STEP, Origin.FALLBACK][: len(sources)]
    )
    problems: list[str] = []
    for source, answer, origin in zip(sources, answers, origins, strict=True):
        # Whoever is named twice is one person still.
        able = tuple(
            {
                each.user_id: each
                for each in answer.people
                if each.user_id not in excluded
                and each.user_id not in progress.barred
                and not progress.has_decided(each.user_id)
            }.values()
        )
        done = len(progress.approvals)
        needed = max(1, len(able) + done) if step.all_of_them else step.needed
        if able and done + len(able) >= needed:
            return replace(
                progress,
                approvers=able,
                needed=needed,
                origin=origin,
                problem="",
                of_group=isinstance(source, GroupMembers),
            )
        problems.append(_problem(source, answer, able, needed - done, progress, excluded))
    needed = 1 if step.all_of_them else step.needed
    return replace(
        progress,
        approvers=(),
        needed=needed,
        origin=origins[-1],
        problem="; ".join(problems),
    )


def _problem(
    source: Approvers,
    answer: Resolved,
    able: tuple[PersonRef, ...],
    needed: int,
    progress: Progress,
    excluded: Mapping[str, str],
) -> str:
    who = approvers_in_words(source)
    reasons = [answer.problem] if answer.problem else []
    for role in sorted({excluded[p.user_id] for p in answer.people if p.user_id in excluded}):
        reasons.append(f"{role} may not decide")
    if any(each.user_id in progress.barred for each in answer.people):
        reasons.append("who decided an earlier step may not decide this one")
    if not reasons and not able:
        reasons.append("there is nobody")
    count = f"{needed} must approve, and {len(able)} can" if needed > 1 or able else "nobody can"
    return f"{who}: {count}" + (f" ({', '.join(reasons)})" if reasons else "")
