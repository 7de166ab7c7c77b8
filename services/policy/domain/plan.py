"""From facts to a plan: the first rule that matches, else the baseline."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from services.policy.domain import errors
from services.policy.domain.content import Rule
from services.policy.domain.errors import ExpressionProblem
from services.policy.domain.evaluation_facts import Facts
from services.policy.domain.prepared import Prepared
from services.policy.domain.steps import (
    Approval,
    Approvers,
    Expression,
    People,
    Reassign,
    Step,
    TimeLimit,
)

_USER_ID = re.compile(r"usr_[a-z0-9_]{1,64}")
_PEOPLE_MOST = 100


class Answers(Protocol):
    """What expressions say of some facts."""

    def is_true(self, condition: str) -> bool:
        """Whether a condition is true.

        Raises:
            ExpressionProblem: it is neither true nor false.
        """
        ...

    def people(self, expression: str) -> tuple[str, ...]:
        """The ids of the people whom an expression names.

        Raises:
            ExpressionProblem: it names nobody and not even nobody.
        """
        ...


@dataclass(slots=True)
class Plan:
    """What a policy says about one set of facts. Nobody changes it; see `Facts`."""

    policy_id: str
    policy_display_name: str
    policy_version: int
    policy_digest: str
    rule: str
    """The name of the rule that matched; empty for the baseline, as its condition is."""
    condition: str
    explanation: tuple[str, ...]
    steps: tuple[Step, ...]
    """Without approvers by expression: they are the people that it named."""
    evaluate_time: datetime


def plan(prepared: Prepared, facts: Facts, answers: Answers, evaluate_time: datetime) -> Plan:
    """Asks the rules for the app and the entitlement in order, until one matches.

    `answers`: what expressions say of these facts.

    Raises:
        WrongState: EVALUATION_FAILED. A later rule or the baseline might accept, and nobody meant
            them to be asked where an earlier one has no answer.
    """
    policy = prepared.policy
    explanation: list[str] = []
    match: Rule | None = None
    for _, rule in prepared.rules_for(facts.app.app_id, facts.entitlement.entitlement_id):
        try:
            matches = answers.is_true(rule.condition)
        except ExpressionProblem as problem:
            raise errors.evaluation_failed(policy.policy_id, rule.display_name, problem) from None
        explanation.append(f"rule '{rule.display_name}': {'true' if matches else 'false'}")
        if matches:
            match = rule
            break
    else:
        explanation.append("no rule matched, so the baseline")
    name = match.display_name if match else ""
    steps = match.steps if match else policy.content.baseline
    return Plan(
        policy_id=policy.policy_id,
        policy_display_name=policy.display_name,
        policy_version=policy.version,
        policy_digest=policy.digest,
        rule=name,
        condition=match.condition if match else "",
        explanation=tuple(explanation),
        steps=_with_people(steps, policy.policy_id, name, answers)
        if prepared.names_people
        else steps,
        evaluate_time=evaluate_time,
    )


def _with_people(
    steps: tuple[Step, ...], policy_id: str, rule: str, answers: Answers
) -> tuple[Step, ...]:
    """The steps, with people in place of the expressions that name them."""
    return tuple(
        _named(step, policy_id, rule, number, answers) if isinstance(step, Approval) else step
        for number, step in enumerate(steps)
    )


def _named(step: Approval, policy_id: str, rule: str, number: int, answers: Answers) -> Approval:
    def named(approvers: Approvers) -> Approvers:
        if not isinstance(approvers, Expression):
            return approvers
        try:
            return People(_user_ids(answers.people(approvers.expression)))
        except ExpressionProblem as problem:
            raise errors.approvers_unknown(policy_id, rule, number, problem) from None

    return replace(
        step,
        approvers=named(step.approvers),
        fallback=None if step.fallback is None else named(step.fallback),
        time_limit=None if step.time_limit is None else _then_named(step.time_limit, named),
    )


def _then_named(limit: TimeLimit, named: Callable[[Approvers], Approvers]) -> TimeLimit:
    if not isinstance(limit.then, Reassign):
        return limit
    return replace(limit, then=Reassign(named(limit.then.approvers)))


def _user_ids(found: tuple[str, ...]) -> tuple[str, ...]:
    """The people, each once. There may be none of them: then nobody may decide."""
    user_ids = tuple(dict.fromkeys(found))
    for user_id in user_ids:
        if not _USER_ID.fullmatch(user_id):
            raise ExpressionProblem(f"{user_id[:80]!r} is no id of a person")
    if len(user_ids) > _PEOPLE_MOST:
        raise ExpressionProblem(f"it names {len(user_ids)} people, at most {_PEOPLE_MOST} may be")
    return user_ids
