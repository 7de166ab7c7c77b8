"""Saying whether people still hold what they were given."""

from dataclasses import dataclass

from services.catalog.domain.held import HeldItem, HeldState
from services.catalog.ports import Offers


@dataclass(frozen=True, slots=True)
class Query:
    """Do these people hold these things, as the newest sync of the connection saw it?"""

    connection_id: str
    items: tuple[HeldItem, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """One answer an item, in the order asked. `sync_id` is empty while it is not complete."""

    sync_id: str
    states: tuple[HeldState, ...]


@dataclass(frozen=True, slots=True)
class CheckHeld:
    """Checks who holds what."""

    offers: Offers

    async def __call__(self, query: Query) -> Held:
        """What the catalog saw."""
        return Held(*await self.offers.held(query.connection_id, query.items))
