"""How calls to the policy service fail: the reasons of `latchkey.policy.v1.ErrorReason`."""

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


def evaluation_failed(policy_id: str, rule: str, problem: ExpressionProblem) -> WrongState:
    """A condition failed while it was evaluated, so nothing is approved."""
    return WrongState(
        "EVALUATION_FAILED",
        f"The condition of the rule {rule!r} of {policy_id} is neither true nor false: {problem}.",
        policy_id=policy_id,
        rule=rule,
        problem=problem,
    )


def approvers_unknown(
    policy_id: str, rule: str, step: int, problem: ExpressionProblem
) -> WrongState:
    """An expression that names approvers failed, so nothing is approved."""
    where = f"the rule {rule!r}" if rule else "the baseline"
    return WrongState(
        "EVALUATION_FAILED",
        f"Who approves in steps[{step}] of {where} of {policy_id} can't be told: {problem}.",
        policy_id=policy_id,
        rule=rule,
        step=step,
        problem=problem,
    )


def condition_invalid(problem: ExpressionProblem) -> Invalid:
    """A condition that was asked about by itself does not compile."""
    violations = [Violation("condition", str(fault)) for fault in problem.faults]
    return Invalid(violations, reason="EXPRESSION_INVALID")


def condition_failed(problem: ExpressionProblem) -> WrongState:
    """A condition that was asked about by itself failed while it was evaluated."""
    return WrongState(
        "EVALUATION_FAILED",
        f"The condition is neither true nor false: {problem}.",
        problem=problem,
    )
