"""What the other services ask about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.catalog.domain.directory import (
    User,
)
from services.catalog.domain.held import HeldItem, HeldState
from services.catalog.domain.resolution import Offer, Question


@dataclass(frozen=True, slots=True)
class ForWriting:
    """Are these targets part of what the entitlement provisions, and does the person hold them?"""

    entitlement_id: str
    subject_user_id: str
    directory_entitlement_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WritingAnswer:
    """The entitlement and the person, where there are, and which of the targets they hold."""

    offer: Offer | None
    subject: User | None
    held: frozenset[str]


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

    async def for_writing(self, asked: Sequence[ForWriting]) -> "list[WritingAnswer]":
        """An answer to each, in their order, all of one moment."""
        ...

    async def held(
        self, connection_id: str, items: Sequence[HeldItem]
    ) -> tuple[str, tuple[HeldState, ...]]:
        """The newest sync of a connection, empty while it is not complete, and one answer an item.

        Of one moment.
        """
        ...
