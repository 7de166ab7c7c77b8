"""Who holds what, and what of it came from outside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.grant import Grant, Which
from services.catalog.domain.unmanaged import Mark, Unmanaged
from services.catalog.domain.use import Use


class Grants(Protocol):
    """Who holds what in the directory."""

    async def page(self, which: Which, page: PageRequest) -> Page[Grant]:
        """Grants, by what is held and by whom; one that is part of several is there with each."""
        ...

    async def about_entitlement(
        self, user_id: str, entitlement_id: str
    ) -> tuple[Mapping[str, str], Sequence[Grant], Sequence[Use]] | None:
        """What an entitlement stands for, by names, what of it a person has, and their uses of it.

        Of one moment. None where there is no such entitlement.
        """
        ...

    async def about_directory_entitlement(
        self, user_id: str, directory_entitlement_id: str, shown: frozenset[str] | None
    ) -> tuple[str, Sequence[Grant]]:
        """What a directory entitlement is called, empty if nobody knows, and how a person has it.

        Of one moment. `shown` as in `Which`.
        """
        ...


class UnmanagedAccess(Protocol):
    """Access from outside Latchkey."""

    async def mark(self, service: str) -> Mark:
        """How far the catalog has come; to 0 of a service that has not told of anything."""
        ...

    async def new(self, before: datetime, most: int) -> Sequence[Unmanaged]:
        """What is held since `before` and was not noted, at most so much."""
        ...

    async def over(self, most: int) -> Sequence[tuple[str, str, str]]:
        """What was noted and is so no more: entitlement, directory entitlement, person."""
        ...

    def noted(
        self, new: Sequence[Unmanaged], over: Sequence[tuple[str, str, str]], now: datetime
    ) -> tuple[Write, ...]:
        """Notes what is new and forgets what is over."""
        ...
