"""Access profiles, and the expressions in them."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import AccessProfile, Member, Reasons
from services.catalog.domain.directory import (
    User,
)


class AccessProfiles(Protocol):
    """The audiences."""

    async def find(self, access_profile_id: str) -> AccessProfile | None:
        """The access profile with this id."""
        ...

    async def page(self, page: PageRequest) -> Page[AccessProfile]:
        """Access profiles by name, the built-in one first."""
        ...

    async def name_taken(self, display_name: str) -> bool:
        """Whether an access profile has this name, in any case."""
        ...

    async def person_count(self, access_profile_ids: Collection[str], entra_tenant_id: str) -> int:
        """How many enabled people of a tenant are in one or more of these.

        Where one has an expression, it is asked of each of them: about two seconds for 100,000.
        """
        ...

    def created(self, profile: AccessProfile) -> tuple[Write, ...]:
        """Keeps a new access profile."""
        ...

    async def members(self, profile: AccessProfile, page: PageRequest) -> Page[Member]:
        """The enabled people in a profile, by name. A page may be short while there are more."""
        ...

    async def members_behind(
        self, profile: AccessProfile, entra_tenant_id: str, after: str
    ) -> tuple[Sequence[User], str]:
        """Enabled people of a tenant in a profile, of some of those behind an id, by id.

        With the id to go on behind; empty when there are no more.
        """
        ...

    async def members_among(
        self, profile: AccessProfile, entra_tenant_id: str, user_ids: Collection[str]
    ) -> Sequence[User]:
        """Those of these people who are enabled, of a tenant and in a profile, by id."""
        ...

    async def reasons(self, profile: AccessProfile, person: User) -> Reasons:
        """What of a profile fits a person."""
        ...

    async def apps_naming(self, access_profile_id: str) -> tuple[str, ...]:
        """The apps whose rules name a profile."""
        ...

    def updated(self, before: AccessProfile, after: AccessProfile) -> tuple[Write, ...]:
        """Keeps a profile as it is now."""
        ...

    def deleted(self, profile: AccessProfile) -> tuple[Write, ...]:
        """Forgets a profile, which no rules name."""
        ...


class Expressions(Protocol):
    """The engine that evaluates expressions of access profiles."""

    def check(self, expression: str) -> None:
        """Does nothing for an expression that can be evaluated.

        Raises:
            ExpressionProblem: it can't; says where and why.
        """
        ...

    def given(self, person: User) -> Callable[[str], bool]:
        """A function that says whether an expression is true of a person.

        It raises `ExpressionProblem` for one that is neither true nor false.
        """
        ...
