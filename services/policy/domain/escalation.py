"""Other names for the policies that a content hands over to."""

from collections.abc import Mapping
from dataclasses import replace

from services.policy.domain.content import Content
from services.policy.domain.steps import Approval, Escalate, Step


def escalated(content: Content, policy_ids: Mapping[str, str]) -> Content:
    """The content with other ids in place of those that `policy_ids` has."""
    return Content(
        tuple(replace(rule, steps=_renamed(rule.steps, policy_ids)) for rule in content.rules),
        _renamed(content.baseline, policy_ids),
    )


def _renamed(steps: tuple[Step, ...], policy_ids: Mapping[str, str]) -> tuple[Step, ...]:
    renamed: list[Step] = []
    for step in steps:
        if isinstance(step, Approval) and step.time_limit is not None:
            then = step.time_limit.then
            if isinstance(then, Escalate) and then.policy_id in policy_ids:
                other = Escalate(policy_ids[then.policy_id])
                step = replace(step, time_limit=replace(step.time_limit, then=other))
        renamed.append(step)
    return tuple(renamed)
