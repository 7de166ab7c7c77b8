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
        covered = Covered()
        if command.coverage:
            covered = await self.find_coverage(policy_id, draft.content)
        return Checked(in_order(found), covered.coverage, covered.more)
