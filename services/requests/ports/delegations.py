"""Who decides in whose place."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.delegation import Delegation, Look, Period
from services.requests.domain.person import PersonRef


class Delegations(Protocol):
    """The delegations that are kept, also when they are over."""

    async def get(self, delegation_id: str) -> Delegation | None:
        """One of them."""
        ...

    async def page(
        self, page: PageRequest, *, user_id: str | None, at: datetime
    ) -> Page[Delegation]:
        """Some of those that are not over at a time, by their end; by and to one person, or all."""
        ...

    async def look(self, user_id: str, period: Period) -> Look:
        """Everything that a person has delegated for any part of a period."""
        ...

    async def delegates_of(
        self, user_ids: Collection[str], at: datetime
    ) -> Mapping[str, PersonRef]:
        """Who decides in the place of each of these people at a time, for those who have one.

        The delegate was enabled when they were named; whether they are now the catalog knows.
        """
        ...

    async def delegators_of(self, user_id: str, at: datetime) -> list[PersonRef]:
        """In whose places a person decides at a time, in the order of their ids."""
        ...

    def lasting(self, delegator_user_id: str, delegate_user_id: str, at: datetime) -> Write:
        """Changes nothing, and holds only while the one decides in the other's place at a time."""
        ...

    def added(self, delegation: Delegation, *, seen: Sequence[Look]) -> Sequence[Write]:
        """Keeps a new one. It holds only while nobody has delegated, for any part of a period that
        was looked at, more than was seen."""
        ...

    def changed(self, delegation: Delegation, *, seen: int) -> Write:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...
