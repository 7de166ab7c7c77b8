"""What follows from the events of others: a look at what each is about.

Nothing is believed of an event but that it is time to look. What the connector or the catalog
answers is acted on, so a forged, late, doubled or reordered event can do nothing.
"""

from collections.abc import Awaitable, Callable

from libs.db.committer import Received
from libs.db.writes import Writes
from libs.events.consumer import Follow, Hopeless
from libs.events.envelope import Event
from services.requests.handlers.settle_lease import Seen, Settler
from services.requests.handlers.start_takeover import TakeoverStarter
from services.requests.translate.facts import (
    FOLLOWED,
    FOLLOWED_OF_APPS,
    FOLLOWED_OF_OUTSIDE,
    FOLLOWED_OF_PEOPLE,
    app_id_of,
    entitlement_id_of,
    lease_id_of,
    user_id_of,
)

Look = Callable[[str], Awaitable[None]]


class Subscriber:
    """Follows the connector and the catalog."""

    def __init__(
        self,
        writes: Writes,
        settler: Settler,
        starter: TakeoverStarter,
        of_person: Look,
        of_app: Look,
    ) -> None:
        """`of_person` and `of_app` end what depends on a person or app that is gone."""
        self._writes = writes
        self._settler = settler
        self._starter = starter
        self._of_person = of_person
        self._of_app = of_app

    def follows(self) -> list[Follow]:
        """The events that are followed."""
        return [
            *(Follow(kind.DESCRIPTOR.full_name, self._lease) for kind in FOLLOWED),
            *(Follow(kind.DESCRIPTOR.full_name, self._outside) for kind in FOLLOWED_OF_OUTSIDE),
            *(Follow(kind.DESCRIPTOR.full_name, self._person) for kind in FOLLOWED_OF_PEOPLE),
            *(Follow(kind.DESCRIPTOR.full_name, self._app) for kind in FOLLOWED_OF_APPS),
        ]

    async def _lease(self, event: Event, received: Received) -> None:
        lease_id = _named(lease_id_of(event.type, event.payload), "lease")
        # Looked at side by side for the first try; what is not so any more is read anew.
        seen: list[Seen] = []
        if received.fresh:
            seen.append(await self._settler.look(lease_id))
        await self._writes.effect(
            received, lambda: self._settler(lease_id, seen.pop() if seen else None)
        )

    async def _outside(self, event: Event, received: Received) -> None:
        entitlement_id = _named(entitlement_id_of(event.type, event.payload), "entitlement")
        await self._writes.effect(received, lambda: self._starter.found(entitlement_id))

    # These two leave nothing in the inbox: each ends many things, in a commit each, and may be run
    # again.

    async def _person(self, event: Event, _: Received) -> None:
        await self._of_person(_named(user_id_of(event.type, event.payload), "person"))

    async def _app(self, event: Event, _: Received) -> None:
        await self._of_app(_named(app_id_of(event.type, event.payload), "app"))


def _named(found: str | None, what: str) -> str:
    if found is None:
        raise Hopeless(f"it names no {what}")
    return found
