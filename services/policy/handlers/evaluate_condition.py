"""Asks whether a condition is true of facts."""

from dataclasses import dataclass

from libs.domain.expressions import ExpressionProblem
from services.policy.domain import errors
from services.policy.domain.evaluation_facts import Facts
from services.policy.ports import Expressions


@dataclass(frozen=True, slots=True)
class EvaluateCondition:
    """The question."""

    condition: str
    facts: Facts


def evaluate_condition(expressions: Expressions, command: EvaluateCondition) -> bool:
    """Whether the condition is true.

    Raises:
        Invalid: EXPRESSION_INVALID.
        WrongState: EVALUATION_FAILED, it is neither true nor false.
    """
    try:
        expressions.meaning(command.condition)
    except ExpressionProblem as problem:
        raise errors.condition_invalid(problem) from None
    try:
        return expressions.given(command.facts).is_true(command.condition)
    except ExpressionProblem as problem:
        raise errors.condition_failed(problem) from None
