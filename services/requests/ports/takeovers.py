"""The takeovers that are kept."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.takeover import Takeover, TakeoverHolder, TakeoverState


class Takeovers(Protocol):
    """The takeovers that are kept, with the holders that they see to."""

    async def get(self, takeover_id: str) -> Takeover | None:
        """One of them."""
        ...

    async def open_of(self, entitlement_id: str) -> str:
        """The id of the one of an entitlement that is not over; empty without one."""
        ...

    async def page(self, page: PageRequest, *, state: TakeoverState | None) -> Page[Takeover]:
        """Some of them, newest first."""
        ...

    async def running(self, after: str, most: int) -> list[str]:
        """The ids of those that are RUNNING, in order, behind `after`."""
        ...

    async def waiting(self, takeover_id: str, after: str, most: int) -> list[str]:
        """The people whom one has still to see to, in order, behind `after`."""
        ...

    async def holder(
        self, takeover_id: str, user_id: str
    ) -> tuple[Takeover, TakeoverHolder] | None:
        """A holder, with the takeover, of one moment."""
        ...

    async def past(
        self, entitlement_id: str, user_ids: Collection[str]
    ) -> Mapping[str, Sequence[TakeoverHolder]]:
        """By person, what became of them in all takeovers of an entitlement."""
        ...

    def added(self, takeover: Takeover) -> Write:
        """Keeps a new one. It is the only one of its entitlement that is not over."""
        ...

    def changed(self, takeover: Takeover, *, seen: int) -> Write:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...

    def listed(self, holders: Sequence[TakeoverHolder]) -> Sequence[Write]:
        """Keeps whom a takeover found."""
        ...

    def seen_to(self, holder: TakeoverHolder) -> Sequence[Write]:
        """Keeps what became of a holder who was waiting, and counts them, while it is RUNNING."""
        ...

    def left(self, takeover: Takeover) -> Write:
        """Keeps that whoever is waiting is skipped, since the takeover was cancelled."""
        ...
