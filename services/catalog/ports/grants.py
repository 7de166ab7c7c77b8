"""Who holds what, and what of it came from outside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.grant import Grant, Which
from services.catalog.domain.unmanaged import Mark, Unmanaged


class Grants(Protocol):
    """Who holds what in the directory."""

    async def page(self, which: Which, page: PageRequest) -> Page[Grant]:
        """Grants, by what is held and by whom; one that is part of several is there with each."""
        ...

    async def wanted(self, entitlement_id: str) -> Mapping[str, str]:
        """What an entitlement stands for: directory entitlements by name."""
        ...

    async def name(self, directory_entitlement_id: str) -> str:
        """What a directory entitlement is called; empty for one that nobody knows."""
        ...


class UnmanagedAccess(Protocol):
    """Access from outside Latchkey."""

    async def mark(self, service: str) -> Mark | None:
        """How far the catalog has come; none before it followed an event of this service."""
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
