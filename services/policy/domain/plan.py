"""From facts to a plan: the first rule that matches, else the baseline."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.policy.domain import errors
from services.policy.domain.content import Rule
from services.policy.domain.errors import ExpressionProblem
from services.policy.domain.policy import Policy
from services.policy.domain.steps import Step


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A person, for conditions."""

    user_id: str
    display_name: str
    department: str
    job_title: str
    manager_user_id: str
    """Empty when the directory names none."""


@dataclass(frozen=True, slots=True)
class EntitlementFacts:
    """An entitlement, for conditions."""

    entitlement_id: str
    display_name: str
    resource_kind: str
    """"CREDENTIAL" or "ROLE"."""


@dataclass(frozen=True, slots=True)
class AppFacts:
    """An app, for conditions."""

    app_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when an access request is decided."""

    subject: PersonFacts
    requester: PersonFacts
    entitlement: EntitlementFacts
    app: AppFacts
    requested_duration: timedelta | None
    """None is access without an end."""
    emergency: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy says about one set of facts."""

    policy_id: str
    policy_display_name: str
    policy_version: int
    policy_digest: str
    rule: str
    """The name of the rule that matched; empty for the baseline, as its condition is."""
    condition: str
    explanation: tuple[str, ...]
    steps: tuple[Step, ...]
    evaluate_time: datetime


def plan(policy: Policy, is_true: Callable[[str], bool], evaluate_time: datetime) -> Plan:
    """Asks the rules in order until one matches.

    Args:
        is_true: whether a condition is true of the facts; raises `ExpressionProblem` for one that
            is neither true nor false of them.

    Raises:
        WrongState: EVALUATION_FAILED. A later rule or the baseline might accept, and nobody meant
            them to be asked where an earlier one has no answer.
    """
    explanation: list[str] = []
    match: Rule | None = None
    for rule in policy.content.rules:
        try:
            matches = is_true(rule.condition)
        except ExpressionProblem as problem:
            raise errors.evaluation_failed(policy.policy_id, rule.display_name, problem) from None
        explanation.append(f"rule '{rule.display_name}': {'true' if matches else 'false'}")
        if matches:
            match = rule
            break
    else:
        explanation.append("no rule matched, so the baseline")
    return Plan(
        policy_id=policy.policy_id,
        policy_display_name=policy.display_name,
        policy_version=policy.version,
        policy_digest=policy.digest,
        rule=match.display_name if match else "",
        condition=match.condition if match else "",
        explanation=tuple(explanation),
        steps=match.steps if match else policy.content.baseline,
        evaluate_time=evaluate_time,
    )
