"""What may be saved, and somebody should look at."""

import re
from collections.abc import Iterable, Iterator

from services.policy.domain.content import Content
from services.policy.domain.problems import Problem
from services.policy.domain.steps import Accept, Approval, People, Reject, Step

_NUMBER = re.compile(r"\[(\d+)\]")


def warnings(content: Content) -> Iterator[Problem]:
    """What is odd about a content that could be saved."""
    lists = [*content.step_lists()]
    path, steps = lists[-1]
    if isinstance(steps[0], Accept):
        whatever = (
            "whatever no rule matches" if content.rules else "everything, also without an end"
        )
        yield _warning(f"{path}[0]", f"approves {whatever}, and nobody decides")
    for path, steps in lists:
        for number, step in enumerate(steps):
            if isinstance(step, Reject) and any(isinstance(it, Approval) for it in steps):
                yield _warning(f"{path}[{number}]", "denies what was approved in the steps before")
            if isinstance(step, Approval):
                yield from _of_approval(f"{path}[{number}].approval", step, steps[:number])


def in_order(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems in the order of the policy: its name, its rules, its baseline."""

    def place(problem: Problem) -> tuple[int, list[int]]:
        parts = ("display_name", "rules", "baseline")
        part = parts.index(problem.field.partition("[")[0])
        return part, [int(number) for number in _NUMBER.findall(problem.field)]

    return tuple(sorted(found, key=place))


def _of_approval(path: str, step: Approval, earlier: tuple[Step, ...]) -> Iterator[Problem]:
    named = {
        user_id
        for each in (step.approvers, step.fallback)
        if isinstance(each, People)
        for user_id in each.user_ids
    }
    nobody_else = all(
        each is None or isinstance(each, People) for each in (step.approvers, step.fallback)
    )
    if nobody_else and len(named) == 1:
        yield _warning(
            f"{path}.approvers",
            f"are {min(named)} alone, who can't be approved themselves, nor anybody without them",
        )
    elif not nobody_else and step.fallback is None:
        yield _warning(f"{path}.fallback", "is missing: who has no such approver can't be approved")
    if step.distinct and not any(isinstance(each, Approval) for each in earlier):
        yield _warning(f"{path}.distinct", "says nothing in the first approval")


def _warning(field: str, message: str) -> Problem:
    return Problem(field, message, refused=False)
