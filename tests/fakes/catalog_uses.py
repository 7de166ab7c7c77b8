"""The catalog's ports in memory: what is asked for and leased."""

from collections.abc import (
    Collection,
    Iterable,
    Sequence,
)
from datetime import datetime

from libs.domain.changes import Write
from libs.domain.errors import Unavailable
from services.catalog.domain.following import (
    FeedPosition,
    Happening,
)
from services.catalog.domain.use import Use
from services.catalog.handlers.uses_now import UsesNow
from tests.fakes.catalog import Fake, FakeCatalog, Kept


class FakeUses(Fake):
    """Access requests that are open, and leases that are not over."""

    async def of_app(self, app_id: str) -> Sequence[Use]:
        return [each for each in self.catalog.uses if each.app_id == app_id]

    async def of_entitlements(self, entitlement_ids: Collection[str]) -> Sequence[Use]:
        return [each for each in self.catalog.uses if each.entitlement_id in entitlement_ids]


class FakeFeed(Fake):
    """How far the requests service has been followed: as far as there are uses."""

    async def position(self, service: str) -> FeedPosition | None:
        told = len(self.catalog.uses)
        return FeedPosition(told, f"evt_{told}") if told else None

    async def named(self, happenings: Iterable[Happening]) -> Sequence[Use]:
        return self.catalog.uses

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
        return (Kept((seen, last, tuple(changed), tuple(over), anew)),)

    def ended(self, leases: Sequence[Use], settle_time: datetime) -> tuple[Write, ...]:
        return (Kept((tuple(leases), settle_time)),) if leases else ()

    def unmoved(self, service: str, seen: FeedPosition | None) -> Write:
        return Kept((service, seen))


class FakeFollowing(Fake):
    """Following the requests service, which tells of what was untold unless it is away."""

    async def catch_up(self) -> None:
        if self.catalog.requests_away:
            raise Unavailable("the requests service", "it is away")
        self.catalog.uses += self.catalog.untold
        self.catalog.untold.clear()


def uses_now(catalog: FakeCatalog) -> UsesNow:
    """The uses of a catalog, as handlers ask for them that take something away."""
    return UsesNow(FakeUses(catalog), FakeFeed(catalog), FakeFollowing(catalog))
