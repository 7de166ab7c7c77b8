"""How calls to the policy service fail: the reasons of `latchkey.policy.v1.ErrorReason`."""

from collections.abc import Sequence

from libs.domain.errors import AlreadyExists, Conflict, Invalid, NotFound, Violation, WrongState
from libs.domain.expressions import ExpressionProblem as ExpressionProblem

USES_MOST = 10
"""How many uses an error names at most."""


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


def version_not_found(policy_id: str, version: int) -> NotFound:
    """The policy never had this version."""
    return NotFound(
        "POLICY_NOT_FOUND",
        f"There is no version {version} of a policy {policy_id}.",
        policy_id=policy_id,
        version=version,
    )


def policy_built_in(policy_id: str, display_name: str) -> WrongState:
    """The policy came with Latchkey."""
    return WrongState(
        "POLICY_BUILT_IN",
        f"{display_name!r} ({policy_id}) is built in and can't be changed. Create one of your own.",
        policy_id=policy_id,
        display_name=display_name,
    )


def policy_in_use(policy_id: str, display_name: str, uses: Sequence[str], more: bool) -> WrongState:
    """Something uses the policy.

    Args:
        uses: what does, in words, one or more.
        more: whether there may be others that nobody has looked for.
    """
    shown = "; ".join([*uses[:USES_MOST], *(["and more"] if more or uses[USES_MOST:] else [])])
    return WrongState(
        "POLICY_IN_USE",
        f"{display_name!r} ({policy_id}) is used: {shown}.",
        policy_id=policy_id,
        display_name=display_name,
        uses=shown,
    )


def apply_plan_stale() -> Conflict:
    """The policies are not as they were when the changes were shown."""
    return Conflict(
        "APPLY_PLAN_STALE",
        "The document, the policies or what shall be done are not as they were when the changes "
        "were shown. Call without a digest, look, and call again with the new one.",
    )


def policy_invalid(violations: Sequence[Violation]) -> Invalid:
    """The policy can't mean what it says."""
    return Invalid(violations, reason="POLICY_INVALID")


def document_invalid(violations: Sequence[Violation]) -> Invalid:
    """The document is no YAML of policies."""
    return Invalid(violations, reason="DOCUMENT_INVALID")


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
