"""What the handlers need from outside."""

from collections.abc import Callable
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.policy.domain.plan import Facts
from services.policy.domain.policy import Policy


class Policies(Protocol):
    """The policies, each in its current version."""

    async def get(self, policy_id: str) -> Policy | None:
        """The policy with this id."""
        ...

    async def has_name(self, display_name: str) -> bool:
        """Whether a policy has this name, however it is written."""
        ...

    async def page(self, request: PageRequest) -> Page[Policy]:
        """A page of all policies, oldest first.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    def added(self, policy: Policy) -> tuple[Write, ...]:
        """What is written for a new policy. It is stale if the name was taken meanwhile."""
        ...


class Expressions(Protocol):
    """The engine that conditions are written for."""

    def check(self, condition: str) -> None:
        """Does nothing for a condition that can be evaluated.

        Raises:
            ExpressionProblem: it can't; says where and why.
        """
        ...

    def given(self, facts: Facts) -> Callable[[str], bool]:
        """A function that says whether a condition is true of the facts.

        It raises `ExpressionProblem` for a condition that is neither true nor false.
        """
        ...
