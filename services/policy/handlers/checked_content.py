"""Looks for what is wrong with what a policy decides by, together with the policies around it."""

import asyncio
from collections.abc import Awaitable, Callable

from services.policy.domain.content import Content
from services.policy.domain.problems import Problem, escalations, problems, refuse
from services.policy.ports import Expressions, Policies

Lookup = Callable[[str], Awaitable[Content | None]]
"""What another policy decides by, by its id; none where there is none to be used."""

_MOST_POLICIES = 100


def saved(policies: Policies) -> Lookup:
    """Looks among the policies that are saved."""

    async def lookup(policy_id: str) -> Content | None:
        policy = await policies.get(policy_id)
        return None if policy is None else policy.content

    return lookup


async def problems_of(
    content: Content, policy_id: str, expressions: Expressions, lookup: Lookup
) -> tuple[Problem, ...]:
    """What is wrong with a content, in the order of the policy.

    `policy_id`: the policy that it is for; empty for a new one.
    """
    unusable = {
        target: why
        for target in escalations(content)
        if (why := await _unusable(target, policy_id, lookup)) is not None
    }
    # A thousand conditions take half a second to compile; evaluations do not wait for that.
    return await asyncio.to_thread(problems, content, expressions, unusable)


async def check_content(
    content: Content, policy_id: str, expressions: Expressions, lookup: Lookup
) -> None:
    """Does nothing for a content that can be saved, see `problems_of`.

    Raises:
        Invalid: FIELD_INVALID, EXPRESSION_INVALID or POLICY_INVALID.
    """
    refuse(await problems_of(content, policy_id, expressions, lookup))


async def _unusable(target: str, policy_id: str, lookup: Lookup) -> str | None:
    """Why a policy can't be escalated to, if it can't: nobody may go round in a circle."""
    if target == policy_id:
        return "is this policy itself"
    seen, waiting = {target}, [target]
    while waiting:
        one = waiting.pop()
        found = await lookup(one)
        if found is None and one == target:
            return f"there is no policy {target}"
        further = set(escalations(found) if found else ()) - seen
        if policy_id in further:
            return f"{target} comes back to this policy"
        if len(seen) > _MOST_POLICIES:
            return f"{target} leads to more than {_MOST_POLICIES} policies"
        seen |= further
        waiting += further
    return None
