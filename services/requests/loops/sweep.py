"""Looks after leases that are on their way for too long.

Events only make things fast. When one is lost, in whichever direction, this is what notices: it
asks the connector how far the lease is. A connector that has not heard of it may only be busy with
others, so the word is said again at the second look in a row, the fourth, the eighth, and so on.
"""

from datetime import timedelta

from libs.db.writes import Writes
from libs.domain.clock import Clock
from libs.domain.errors import Unavailable
from services.requests import ports
from services.requests.handlers.settle_lease import Repeater, Settled, Settler
from services.requests.loops.pauses import Pauses
from services.requests.loops.rounds import everything, in_turns

_LONGEST_PAUSE_SECONDS = 30.0


class SweepLoop:
    """Settles leases by the connector's answers, each looked at less often with every look."""

    def __init__(
        self,
        writes: Writes,
        leases: ports.Leases,
        settler: Settler,
        clock: Clock,
        *,
        repeat_seconds: float,
    ) -> None:
        self._writes = writes
        self._leases = leases
        self._settler = settler
        self._repeater = Repeater(leases)
        self._clock = clock
        self._age = timedelta(seconds=repeat_seconds)
        self._pauses = Pauses(first=repeat_seconds, longest=_LONGEST_PAUSE_SECONDS)
        self._unheard: dict[str, int] = {}

    async def __call__(self) -> None:
        """One round."""
        before = self._clock.now() - self._age
        ids = await everything(lambda after, most: self._leases.on_their_way(before, after, most))
        for gone in self._unheard.keys() - set(ids):
            del self._unheard[gone]
        async for turn in in_turns(self._pauses.due(ids), self._look):
            if all(isinstance(answer, Unavailable) for _, answer in turn):
                # The connector is away. Without a pause it is noticed soon that it is back.
                return
            for lease_id, answer in turn:
                if answer is not Settled.DONE:
                    self._pauses.again(lease_id)

    async def _look(self, lease_id: str) -> Settled:
        settled = await self._writes.run(lambda: self._settler(lease_id))
        if settled is not Settled.UNHEARD:
            self._unheard.pop(lease_id, None)
            return settled
        times = self._unheard[lease_id] = self._unheard.get(lease_id, 0) + 1
        if times > 1 and times.bit_count() == 1:
            await self._writes.run(lambda: self._repeater(lease_id))
        return settled
