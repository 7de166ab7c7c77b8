"""Looks for what is wrong with a policy, saved or not."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.domain.errors import Invalid, Violation
from services.policy.domain.content import Content
from services.policy.domain.coverage import Coverage
from services.policy.domain.problem import Problem
from services.policy.domain.warnings import warnings
from services.policy.handlers.checked_policy import CheckedPolicy
from services.policy.handlers.coverage import FindCoverage
from services.policy.handlers.get_policy import get_policy
from services.policy.ports import Policies


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy that is not saved.

    `violations`: what of it can't be meant as it was sent; then nothing else is looked at.
    """

    display_name: str
    content: Content
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """The policy to look at: a saved one, a draft, or a draft in place of a saved one."""

    policy_id: str
    draft: Draft | None
    coverage: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found."""

    problems: tuple[Problem, ...]
    coverage: tuple[Coverage, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckPolicyHandler:
    """Checks policies. Changes nothing."""

    policies: Policies
    checked: CheckedPolicy
    find_coverage: FindCoverage

    async def __call__(self, command: CheckPolicy) -> Checked:
        """What is wrong.

        Raises:
            NotFound: POLICY_NOT_FOUND.
            Unavailable: for coverage, the catalog does not answer.
        """
        saved = None
        if command.policy_id:
            saved = await get_policy(self.policies, command.policy_id)
        draft = command.draft
        if draft is not None and draft.violations:
            return Checked(tuple(Problem.of(each) for each in draft.violations))
        if draft is not None:
            content, name = draft.content, draft.display_name
        else:
            assert saved is not None, "there is one or the other"
            content, name = saved.content, saved.display_name
        problems = [
            *map(Problem.of, self._refused(content)),
            *map(Problem.of, await self.checked.missing(content, command.policy_id, "policy")),
            *map(Problem.of, await self._taken(name, command.policy_id)),
            *(Problem.warning(f"policy.{path}", message) for path, message in warnings(content)),
        ]
        if not command.coverage:
            return Checked(tuple(problems))
        covered = await self.find_coverage(command.policy_id, content)
        if covered.more:
            problems.append(Problem.warning("coverage", "is not complete: there is too much"))
        return Checked(tuple(problems), covered.coverage)

    def _refused(self, content: Content) -> Sequence[Violation]:
        try:
            self.checked.content(content, "policy")
        except Invalid as invalid:
            return invalid.violations
        return ()

    async def _taken(self, display_name: str, policy_id: str) -> list[Violation]:
        if not await self.checked.is_taken(display_name, policy_id):
            return []
        return [Violation("policy.display_name", "is the name of another policy")]
