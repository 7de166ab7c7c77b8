"""What the handlers need from outside."""

from collections.abc import Collection, Sequence
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.policy.domain.coverage import Gap, Inquiry, Use
from services.policy.domain.edit import Edit
from services.policy.domain.evaluation_facts import Facts
from services.policy.domain.plan import Answers
from services.policy.domain.policy import Policy
from services.policy.domain.problems import Checks


class Policies(Protocol):
    """The policies, each in its current version, without those that are deleted."""

    async def get(self, policy_id: str) -> Policy | None:
        """The policy with this id, unless it is deleted."""
        ...

    async def mark(self) -> str:
        """A text that is another one after any change of any policy. Cheap: it is asked often."""
        ...

    async def version(self, policy_id: str, version: int) -> Policy | None:
        """One version of a policy, which may be deleted."""
        ...

    async def versions(self, policy_id: str, request: PageRequest) -> Page[Policy] | None:
        """A page of the versions of a policy, which may be deleted, newest first; none where there
        never was such a policy.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    async def named(self, display_names: Collection[str]) -> tuple[Policy, ...]:
        """The policies that have one of these names, however it is written."""
        ...

    async def names(self, policy_ids: Collection[str]) -> dict[str, str]:
        """The names of those of these policies that are there, by their ids."""
        ...

    async def escalating_to(self, policy_id: str, most: int) -> tuple[Policy, ...]:
        """Policies that escalate to this one, at most so many, by their ids."""
        ...

    async def page(self, request: PageRequest) -> Page[Policy]:
        """A page of all policies, oldest first.

        Raises:
            Invalid: PAGE_TOKEN_INVALID.
        """
        ...

    def edited(self, edits: Sequence[Edit]) -> tuple[Write, ...]:
        """What is written for edits that belong together. It is stale if one of the policies, a
        name, or a policy that one escalates to is not as it was any more, or leads back to it."""
        ...


class Catalog(Protocol):
    """What the catalog knows of who uses a policy, and who could approve."""

    async def uses(self, policy_id: str, most: int) -> tuple[Use, ...]:
        """Where a policy is used, at most so many.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def gap(self, inquiry: Inquiry) -> Gap | None:
        """For whom of an app's audience too few others could approve; none where the app or the
        audience is gone.

        Raises:
            Unavailable: it does not answer.
        """
        ...


class Expressions(Checks, Protocol):
    """The engine that conditions and other expressions are written for."""

    def given(self, facts: Facts, words: Collection[str] | None = None) -> Answers:
        """What expressions say of the facts.

        `words`: all words that stand in the expressions that will be asked; they may be any when
        not given.
        """
        ...
