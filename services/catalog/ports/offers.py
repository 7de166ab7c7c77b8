"""What the other services ask about."""

from collections.abc import Collection, Sequence
from typing import Protocol

from services.catalog.domain.directory import (
    User,
)
from services.catalog.domain.held import HeldItem, HeldState
from services.catalog.domain.resolution import Offer, Question


class Offers(Protocol):
    """What the other services ask about."""

    async def question(
        self,
        entitlement_id: str,
        requester_user_id: str,
        subject_user_id: str,
        *,
        include_holdings: bool,
    ) -> Question:
        """What is known about an entitlement, its requester and its subject.

        What else the subject holds is among it only with `include_holdings`.
        """
        ...

    async def for_write(
        self, entitlement_id: str, subject_user_id: str, directory_entitlement_ids: Collection[str]
    ) -> tuple[Offer | None, User | None, frozenset[str]]:
        """The entitlement, the person, and which of the directory entitlements they hold."""
        ...

    async def held(
        self, connection_id: str, items: Sequence[HeldItem]
    ) -> tuple[str, tuple[HeldState, ...]]:
        """The newest sync of a connection, empty while it is not complete, and one answer an item.

        Of one moment.
        """
        ...
