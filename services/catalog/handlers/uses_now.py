"""What depends on apps and entitlements at present, for who is about to take them away."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.domain.changes import Write
from libs.domain.errors import Unavailable
from services.catalog.domain.use import Use
from services.catalog.handlers.follow_requests import REQUESTS
from services.catalog.ports import Feed, Following, Uses


@dataclass(frozen=True, slots=True)
class Depending:
    """The uses there are. `guard` belongs into the change that is made from them: it is stale once
    more is known."""

    uses: Sequence[Use]
    guard: Write


@dataclass(frozen=True, slots=True)
class UsesNow:
    """Asks the requests service before it believes that there are no uses.

    What is known here may be as old as the last round of the loop, or as the last time that the
    requests service answered. An access request that is made between the answer and the commit
    is found by the requests service when it hears that its entitlement is gone.
    """

    uses: Uses
    feed: Feed
    following: Following

    async def of_apps(self, app_ids: Collection[str], *, or_known: bool = False) -> Depending:
        """The uses of these apps. With `or_known` those that are known, if need be.

        Raises:
            Unavailable: the requests service does not answer, and `or_known` was not said.
        """
        guard = await self._guard(or_known=or_known)
        found = [use for each in app_ids for use in await self.uses.of_app(each)]
        return Depending(found, guard)

    async def of_entitlements(self, entitlement_ids: Collection[str]) -> Depending:
        """The uses of these entitlements.

        Raises:
            Unavailable: the requests service does not answer.
        """
        guard = await self._guard(or_known=False)
        return Depending(await self.uses.of_entitlements(entitlement_ids), guard)

    async def _guard(self, *, or_known: bool) -> Write:
        try:
            await self.following.catch_up()
        except Unavailable:
            if not or_known:
                raise
        # Before the uses are read: what is followed in between makes the change stale.
        return self.feed.unmoved(REQUESTS, await self.feed.position(REQUESTS))
