"""What is asked for or leased, as the requests service tells of it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from services.catalog.domain.following import FeedEvent, FeedPosition, Happening
from services.catalog.domain.use import Use


class Uses(Protocol):
    """Access requests that are open, and leases that are not over."""

    async def of_app(self, app_id: str) -> Sequence[Use]:
        """Those of an app, oldest first."""
        ...

    async def of_entitlements(self, entitlement_ids: Collection[str]) -> Sequence[Use]:
        """Those of entitlements, oldest first."""
        ...


class Feed(Protocol):
    """How far the events of another service have been followed, and what they made of the uses."""

    async def position(self, service: str) -> FeedPosition | None:
        """The newest event that was taken; none before the first."""
        ...

    async def named(self, happenings: Iterable[Happening]) -> Sequence[Use]:
        """The uses that these name, by access request or by lease."""
        ...

    def followed(
        self,
        service: str,
        seen: FeedPosition | None,
        last: FeedPosition | None,
        changed: Sequence[Use],
        over: Sequence[str],
        *,
        anew: bool,
    ) -> tuple[Write, ...]:
        """Moves from the position `seen` to `last`, keeps `changed` and forgets `over`.

        `over` holds ids of access requests. With `anew` all other uses are forgotten too.
        """
        ...

    def ended(self, leases: Sequence[Use], settle_time: datetime) -> tuple[Write, ...]:
        """Keeps that these leases are over, until a sync that begins after this is complete."""
        ...

    def unmoved(self, service: str, seen: FeedPosition | None) -> Write:
        """Changes nothing, and is stale once the position is another one than `seen`."""
        ...


class Following(Protocol):
    """Following the requests service, besides the rounds of its loop."""

    async def catch_up(self) -> None:
        """Has `Feed` and `Uses` tell of everything that was committed there before the call.

        Raises:
            Unavailable: it does not answer.
        """
        ...


class Requests(Protocol):
    """The requests service."""

    async def events(self, after: int, most: int) -> Sequence[FeedEvent]:
        """Its events behind a position, in commit order.

        Raises:
            Unavailable: it does not answer, or what it answers can't be read.
        """
        ...
