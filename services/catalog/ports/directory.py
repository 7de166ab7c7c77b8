"""The people and groups of the directory."""

from collections.abc import Collection
from typing import Protocol

from libs.domain.paging import Page, PageRequest
from services.catalog.domain.directory import (
    Group,
    User,
    UserFilter,
)


class Directory(Protocol):
    """The people and groups of the directory."""

    async def user(self, user_id: str) -> User | None:
        """The person with this id."""
        ...

    async def managers(self, user_id: str) -> tuple[User, ...] | None:
        """Whom a person answers to, their own manager first; none for nobody's id."""
        ...

    async def users(self, which: UserFilter, page: PageRequest) -> Page[User]:
        """People by name. A page may hold few, though more follow."""
        ...

    async def group(self, group_id: str) -> Group | None:
        """The group with this id."""
        ...

    async def groups(self, query: str, page: PageRequest) -> Page[Group]:
        """Groups by name, whose name contains `query`. A page may hold few, though more follow.

        Their members are counted to 1,000.
        """
        ...

    async def existing_users(self, user_ids: Collection[str]) -> frozenset[str]:
        """Which of these people exist."""
        ...

    async def existing_groups(self, group_ids: Collection[str]) -> frozenset[str]:
        """Which of these groups exist."""
        ...
