"""What follows from the connector's events: a look at the lease each is about."""

from libs.db.committer import Received
from libs.db.writes import Writes
from libs.events.consumer import Follow, Hopeless
from libs.events.envelope import Event
from services.requests.handlers.settle_lease import Settler
from services.requests.translate.facts import FOLLOWED, lease_id_of


class Subscriber:
    """Follows the connector."""

    def __init__(self, writes: Writes, settler: Settler) -> None:
        self._writes = writes
        self._settler = settler

    def follows(self) -> list[Follow]:
        """The events that are followed."""
        return [Follow(kind.DESCRIPTOR.full_name, self._handle) for kind in FOLLOWED]

    async def _handle(self, event: Event, received: Received) -> None:
        lease_id = lease_id_of(event.type, event.payload)
        if lease_id is None:
            raise Hopeless("it names no lease")
        await self._writes.effect(received, lambda: self._settler(lease_id))
