"""Whether somebody other than the requester can approve: what is asked of the catalog, and what its
answers prove."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from services.policy.domain.content import Content, Rule
from services.policy.domain.steps import Approval, Approvers, Expression, Step

NEEDED_MOST = 20
"""How many approvers the catalog may be asked for."""


@dataclass(frozen=True, slots=True)
class Audience:
    """People who may ask."""

    access_profile_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Use:
    """Where a policy is used. `entitlement_id` is empty where the app or its rules name it."""

    app_id: str
    app_display_name: str
    entitlement_id: str
    entitlement_display_name: str
    by_rules: bool
    """Of the app as a whole: whether its rules name the policy, and not the app itself."""
    emergency: bool
    audiences: tuple[Audience, ...]

    def __str__(self) -> str:
        if self.entitlement_id:
            what = f"the entitlement {self.entitlement_display_name} of {self.app_display_name}"
        elif self.by_rules:
            what = f"the rules of {self.app_display_name}"
        else:
            what = f"the app {self.app_display_name}"
        return f"{what}, in an emergency" if self.emergency else what


@dataclass(frozen=True, slots=True)
class Gap:
    """For how many of an audience too few others could approve, some of them, and why."""

    without_approver: int
    user_ids: tuple[str, ...] = ()
    problem: str = ""


class Verdict(Enum):
    """What was found. The values are those of the contract."""

    PROVEN = 1
    REFUTED = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Question:
    """One approval step of one rule, for one app and audience."""

    app_id: str
    app_display_name: str
    audience: Audience
    rule: str
    """Empty for the baseline."""
    step: int
    approval: Approval
    earlier: int | None
    """How many may have approved before who may not decide this step; none for nobody knows."""

    @property
    def needed(self) -> int:
        """How many must approve; 0 for all, and at least one."""
        return 0 if self.approval.all else self.approval.needed


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked of the catalog: for whom of an audience too few others could approve.

    `needed`: how many must; 0 for all of them, and at least one.
    """

    app_id: str
    access_profile_id: str
    approvers: Approvers
    fallback: Approvers | None
    needed: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """A question, what was found, and why."""

    question: Question
    verdict: Verdict
    gap: Gap = Gap(0)
    message: str = ""


def questions(content: Content, uses: Iterable[Use]) -> Iterator[Question]:
    """Everything there is to ask, by app, audience, rule and step; each once, however often the
    policy is used there."""
    for used in _by_app(uses):
        lists = [
            *((rule.display_name, rule.steps) for rule in content.rules if used.asks(rule)),
            ("", content.baseline),
        ]
        for audience in used.audiences.values():
            for rule, steps in lists:
                for number, approval, earlier in _approvals(steps):
                    yield Question(
                        used.app_id, used.name, audience, rule, number, approval, earlier
                    )


@dataclass(frozen=True, slots=True)
class _UsedIn:
    """An app in which a policy is used. An empty entitlement stands for the app as a whole."""

    app_id: str
    name: str
    audiences: dict[str, Audience]
    entitlement_ids: set[str]

    def asks(self, rule: Rule) -> bool:
        """Whether a rule may be asked there."""
        if rule.app_ids and self.app_id not in rule.app_ids:
            return False
        whole = not rule.entitlement_ids or "" in self.entitlement_ids
        return whole or not self.entitlement_ids.isdisjoint(rule.entitlement_ids)


def _by_app(uses: Iterable[Use]) -> Iterable[_UsedIn]:
    found: dict[str, _UsedIn] = {}
    for use in uses:
        used = found.setdefault(use.app_id, _UsedIn(use.app_id, use.app_display_name, {}, set()))
        used.audiences.update({each.access_profile_id: each for each in use.audiences})
        used.entitlement_ids.add(use.entitlement_id)
    return found.values()


def _approvals(steps: tuple[Step, ...]) -> Iterator[tuple[int, Approval, int | None]]:
    earlier: int | None = 0
    for number, step in enumerate(steps):
        if isinstance(step, Approval):
            yield number, step, earlier if step.distinct else 0
            # An approval in another's place takes both out of the steps that follow.
            each = 1 if step.no_delegation else 2
            earlier = None if step.all or earlier is None else earlier + each * step.needed


def first_inquiry(question: Question) -> Inquiry | None:
    """What to ask first; none where only expressions say who may decide.

    Whom an expression names is known only when somebody asks. Without it fewer are left to approve:
    what is proven of them is so all the more with it.
    """
    approval = question.approval
    known = [
        each
        for each in (approval.approvers, approval.fallback)
        if each is not None and not isinstance(each, Expression)
    ]
    if not known:
        return None
    fallback = known[1] if len(known) > 1 else None
    profile_id = question.audience.access_profile_id
    return Inquiry(question.app_id, profile_id, known[0], fallback, question.needed)


def second_inquiry(question: Question, gaps: Mapping[Inquiry, Gap | None]) -> Inquiry | None:
    """What to ask where nobody decides two steps: whether there are enough, though those who
    approved the steps before are among them. None where that is no matter, or can't be asked."""
    first = first_inquiry(question)
    gap = None if first is None else gaps[first]
    if first is None or gap is None or gap.without_approver or not question.earlier:
        return None
    needed = max(question.needed, 1) + question.earlier
    return replace(first, needed=needed) if needed <= NEEDED_MOST else None


def coverage_of(question: Question, answers: Mapping[Inquiry, Gap | None]) -> Coverage:
    """What the answers say of a question. What is not proven by them is not called so."""
    first = first_inquiry(question)
    if first is None:
        return Coverage(question, Verdict.UNKNOWN, message=_EXPRESSION)
    gap = answers[first]
    if gap is None:
        return Coverage(question, Verdict.UNKNOWN, message=_GONE)
    approval = question.approval
    if gap.without_approver:
        if isinstance(approval.approvers, Expression) or isinstance(approval.fallback, Expression):
            return Coverage(question, Verdict.UNKNOWN, message=_EXPRESSION)
        return Coverage(question, Verdict.REFUTED, gap, gap.problem)
    if question.earlier == 0:
        return Coverage(question, Verdict.PROVEN)
    second = second_inquiry(question, answers)
    worst = None if second is None else answers[second]
    if worst is None or worst.without_approver:
        return Coverage(question, Verdict.UNKNOWN, message=_EARLIER)
    return Coverage(question, Verdict.PROVEN)


_EXPRESSION = "whom the expression names is known only when somebody asks"
_EARLIER = "it depends on who approves the steps before, who may not decide this one"
_GONE = "the app or the audience is gone from the catalog"
