"""How calls to the policy service fail: the reasons of `latchkey.policy.v1.ErrorReason`."""

from collections.abc import Sequence

from libs.domain.errors import AlreadyExists, Invalid, NotFound, Violation, WrongState
from libs.domain.expressions import ExpressionProblem as ExpressionProblem


def policy_not_found(policy_id: str) -> NotFound:
    """No policy has this id."""
    return NotFound("POLICY_NOT_FOUND", f"There is no policy {policy_id}.", policy_id=policy_id)


def policy_name_taken(display_name: str) -> AlreadyExists:
    """A policy has this name."""
    return AlreadyExists(
        "POLICY_NAME_TAKEN",
        f"There is a policy with the name {display_name!r} already.",
        display_name=display_name,
    )


def expression_invalid(violations: Sequence[Violation]) -> Invalid:
    """Expressions do not compile."""
    return Invalid(violations, reason="EXPRESSION_INVALID")


def evaluation_failed(policy_id: str, rule: str, problem: ExpressionProblem) -> WrongState:
    """An expression failed while it was evaluated, so nothing is approved."""
    return WrongState(
        "EVALUATION_FAILED",
        f"The condition of the rule {rule!r} of {policy_id} is neither true nor false: {problem}.",
        policy_id=policy_id,
        rule=rule,
        problem=problem,
    )
