"""What is wrong with what a policy decides by: whatever it could not mean as it stands."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from libs.domain.errors import Invalid, Violation
from libs.domain.expressions import ExpressionProblem, Meaning
from services.policy.domain.content import Content
from services.policy.domain.reach import Reach
from services.policy.domain.steps import (
    Approval,
    Escalate,
    Expression,
    Step,
    Wait,
)

FIELD = "FIELD_INVALID"
EXPRESSION = "EXPRESSION_INVALID"
POLICY = "POLICY_INVALID"


class Checks(Protocol):
    """What can be said about expressions before there is anything to ask them about."""

    def meaning(self, condition: str) -> Meaning:
        """What a condition says, whatever it is asked about.

        Raises:
            ExpressionProblem: it can't be evaluated; says where and why.
        """
        ...

    def check_approvers(self, expression: str) -> None:
        """Does nothing for an expression that lists people.

        Raises:
            ExpressionProblem: it can't be evaluated, or lists none; says where and why.
        """
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a policy."""

    field: str
    """From the policy on, as in `rules[2].condition`."""
    message: str
    reason: str = POLICY
    line: int = 0
    """In an expression, from 1; 0 where it is about none."""
    column: int = 0
    refused: bool = True
    """Whether the policy can't be saved so. Otherwise somebody should look at it."""

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return place + self.message


def problems(
    content: Content, checks: Checks, unusable: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """What is wrong with a content, in the order of the policy.

    `unusable`: the policies that it may not escalate to, and why.
    """
    return tuple(_problems(content, checks, unusable or {}))


def refuse(found: Iterable[Problem], path: str = "policy") -> None:
    """Does nothing where nothing was found that keeps a policy from being saved.

    `path`: where the request has the policy.

    Raises:
        Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID, whichever comes first of
            these, with everything that was found.
    """
    refused = [problem for problem in found if problem.refused]
    if not refused:
        return
    reasons = {problem.reason for problem in refused}
    raise Invalid(
        [Violation(f"{path}.{problem.field}", str(problem)) for problem in refused],
        reason=next(reason for reason in (FIELD, EXPRESSION, POLICY) if reason in reasons),
    )


def escalations(content: Content) -> tuple[str, ...]:
    """The policies that a content escalates to, each once."""
    found = (
        step.time_limit.then.policy_id
        for _, steps in content.step_lists()
        for step in steps
        if isinstance(step, Approval)
        and step.time_limit is not None
        and isinstance(step.time_limit.then, Escalate)
    )
    return tuple(dict.fromkeys(found))


def _problems(content: Content, checks: Checks, unusable: Mapping[str, str]) -> Iterator[Problem]:
    names: dict[str, int] = {}
    reach = Reach()
    for number, rule in enumerate(content.rules):
        path = f"rules[{number}]"
        if (earlier := names.setdefault(rule.display_name, number)) != number:
            message = f"is the name of rules[{earlier}] too"
            yield Problem(f"{path}.display_name", message, FIELD)
        try:
            meaning = checks.meaning(rule.condition)
        except ExpressionProblem as problem:
            yield from _faults(f"{path}.condition", problem)
        else:
            if (hiding := reach.hidden_by(rule, meaning)) is not None:
                yield Problem(path, f"can't be reached: {hiding} matches whenever it would")
            elif meaning.always is False:
                yield Problem(f"{path}.condition", "can never match", refused=False)
            reach.add(rule, meaning)
        yield from _steps(f"{path}.steps", rule.steps, checks, unusable)
    yield from _steps("baseline", content.baseline, checks, unusable)


def _steps(
    path: str, steps: Collection[Step], checks: Checks, unusable: Mapping[str, str]
) -> Iterator[Problem]:
    for number, step in enumerate(steps):
        place, last = f"{path}[{number}]", number == len(steps) - 1
        if step.is_final and not last:
            yield Problem(place, "is final, so no step may follow it")
        if isinstance(step, Wait):
            if last:
                yield Problem(place, "is a wait, and nothing decides after it")
            if step.condition:
                try:
                    checks.meaning(step.condition)
                except ExpressionProblem as problem:
                    yield from _faults(f"{place}.wait.condition", problem)
        if isinstance(step, Approval):
            yield from _approval(f"{place}.approval", step, checks, unusable)


def _approval(
    path: str, step: Approval, checks: Checks, unusable: Mapping[str, str]
) -> Iterator[Problem]:
    for name, source in step.sources:
        if isinstance(source, Expression):
            try:
                checks.check_approvers(source.expression)
            except ExpressionProblem as problem:
                yield from _faults(f"{path}.{name}.expression", problem)
    then = step.time_limit.then if step.time_limit else None
    if isinstance(then, Escalate) and (why := unusable.get(then.policy_id)):
        yield Problem(f"{path}.time_limit.escalate_to_policy_id", why)


def _faults(field: str, problem: ExpressionProblem) -> Iterator[Problem]:
    for fault in problem.faults:
        yield Problem(field, fault.message, EXPRESSION, fault.line, fault.column)
