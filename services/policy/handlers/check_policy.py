"""Looks for what is wrong with a policy, saved or not."""

from dataclasses import dataclass

from services.policy.domain.content import Content
from services.policy.domain.coverage import Coverage
from services.policy.domain.problems import Problem
from services.policy.domain.warnings import in_order, warnings
from services.policy.handlers.checked_content import problems_of, saved
from services.policy.handlers.checked_policy import is_taken
from services.policy.handlers.coverage import Covered, FindCoverage
from services.policy.handlers.get_policy import get_policy
from services.policy.ports import Expressions, Policies


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy that is not saved.

    `problems`: what of it can't be meant as it was sent; then nothing else is looked at.
    """

    display_name: str
    content: Content
    problems: tuple[Problem, ...] = ()


_NAMED_MOST = 10


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """The policy to look at: a saved one, a draft, or a draft in place of a saved one."""

    policy_id: str
    draft: Draft | None
    coverage: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. `more`: there is more to cover than is looked at."""

    problems: tuple[Problem, ...]
    coverage: tuple[Coverage, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class CheckPolicyHandler:
    """Checks policies. Changes nothing."""

    policies: Policies
    expressions: Expressions
    find_coverage: FindCoverage
    default_policy_id: str

    async def __call__(self, command: CheckPolicy) -> Checked:
        """What is wrong.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            Unavailable: for coverage, the catalog does not answer.
        """
        policy_id, draft = command.policy_id, command.draft
        if policy_id:
            saved_one = await get_policy(self.policies, policy_id)
            draft = draft or Draft(saved_one.display_name, saved_one.content)
        assert draft is not None, "there is one or the other"
        if draft.problems:
            return Checked(draft.problems)
        found = [
            *await problems_of(draft.content, policy_id, self.expressions, saved(self.policies)),
            *warnings(draft.content),
        ]
        if await is_taken(self.policies, draft.display_name, policy_id):
            found.append(Problem("display_name", "is the name of another policy"))
        covered, ordered = Covered(), in_order(found)
        if command.coverage:
            covered = await self.find_coverage(policy_id, draft.content)
            ordered += await self._not_covered(policy_id)
        return Checked(ordered, covered.coverage, covered.more)

    async def _not_covered(self, policy_id: str) -> tuple[Problem, ...]:
        """Where the policy decides though nothing names it: coverage says nothing of that."""
        where = []
        if policy_id == self.default_policy_id:
            where.append("is the deployment's default: apps that name no policy are not covered")
        if escalating := await self.policies.escalating_to(policy_id, _NAMED_MOST + 1):
            names = ", ".join(repr(each.display_name) for each in escalating[:_NAMED_MOST])
            more = " and others" if escalating[_NAMED_MOST:] else ""
            where.append(f"is escalated to by {names}{more}: where they are used is not covered")
        return tuple(Problem("coverage", each, refused=False) for each in where)
