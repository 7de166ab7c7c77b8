"""What may be saved, and somebody should look at."""

from collections.abc import Iterator

from services.policy.domain.content import Content
from services.policy.domain.steps import Accept, Approval, People, Step


def warnings(content: Content) -> Iterator[tuple[str, str]]:
    """What is odd about a content: the path of a field, and what is to be said of it."""
    lists = [*content.step_lists()]
    for rule, (path, steps) in zip(content.rules, lists, strict=False):
        if rule.condition.strip() == "true" and isinstance(steps[0], Accept):
            yield path, "approves everybody for any length of time, without anybody deciding"
    path, steps = lists[-1]
    if isinstance(steps[0], Accept):
        yield (
            path,
            "approves whatever no rule matches, also without an end, without anybody deciding",
        )
    for path, steps in lists:
        for number, step in enumerate(steps):
            yield from _of_step(f"{path}[{number}]", step, steps[:number])


def _of_step(path: str, step: Step, earlier: tuple[Step, ...]) -> Iterator[tuple[str, str]]:
    if not isinstance(step, Approval):
        return
    path = f"{path}.approval"
    named = {
        user_id
        for each in (step.approvers, step.fallback)
        if isinstance(each, People)
        for user_id in each.user_ids
    }
    only_named = isinstance(step.approvers, People) and (
        step.fallback is None or isinstance(step.fallback, People)
    )
    if only_named and len(named) == 1:
        yield (
            f"{path}.approvers",
            f"only {min(named)} may decide: they themselves can't be approved, and nobody while "
            "they are away",
        )
    elif step.fallback is None and not isinstance(step.approvers, People):
        yield (
            f"{path}.fallback",
            "is not given: whoever has no such approver can't be approved",
        )
    if not step.all and only_named and step.needed > _most(step):
        yield f"{path}.needed", f"is {step.needed}, and no more than {_most(step)} are named"
    if step.distinct and not any(isinstance(each, Approval) for each in earlier):
        yield f"{path}.distinct", "says nothing in the first approval"


def _most(step: Approval) -> int:
    """How many people are named in one place at most."""
    return max(
        len(each.user_ids) for each in (step.approvers, step.fallback) if isinstance(each, People)
    )
