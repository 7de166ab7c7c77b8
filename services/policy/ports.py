"""What the handlers need from outside."""

from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.policy.domain.evaluation_facts import Facts
from services.policy.domain.plan import Answers
from services.policy.domain.policy import Policy
from services.policy.domain.problems import Checks


class Policies(Protocol):
    """The policies, each in its current version."""

    async def get(self, policy_id: str) -> Policy | None:
        """The policy with this id."""
        ...

    async def mark(self) -> str:
        """A text that is another one after any change of any policy. Cheap: it is asked often."""
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


class Expressions(Checks, Protocol):
    """The engine that conditions and other expressions are written for."""

    def given(self, facts: Facts) -> Answers:
        """What expressions say of the facts."""
        ...
