"""A tenant with outages, with times of throttling, and with answers that get lost."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum

from services.connector.entra.answer import Call
from services.connector.entra.gate import Gate
from tests.fakes.graph_model import Fault, Found
from tests.simulation.entra import Tenant
from tests.simulation.fuse import Fuse

_RETRY_AFTER = timedelta(seconds=30)


class Weather(Enum):
    """How Graph is."""

    FAIR = "fair"
    LOSSY = "lossy"
    THROTTLED = "throttled"
    AWAY = "away"


_FAULTS: dict[Weather, tuple[float, tuple[Fault, ...]]] = {
    Weather.FAIR: (0.002, (Fault.LOST_AFTER, Fault.LOST_BEFORE)),
    Weather.LOSSY: (0.4, (*Fault,)),
    Weather.THROTTLED: (0.8, (Fault.THROTTLED, Fault.THROTTLED_AND_DONE)),
    Weather.AWAY: (1.0, (Fault.UNAVAILABLE, Fault.LOST_BEFORE, Fault.NEVER_SENT)),
}


class WeatheredTenant(Tenant):
    """One tenant, of which some calls come to nothing. `fuse` is the connector's."""

    def __init__(self, now: Callable[[], datetime], chance: random.Random, gate: Gate) -> None:
        super().__init__(now)
        self.weather = Weather.FAIR
        self.fuse = Fuse()
        self._chance = chance
        self._gate = gate
        self.on_item = {Fault.THROTTLED, Fault.UNAVAILABLE}

    async def call(self, call: Call) -> Found:
        await self._before()
        answer = await super().call(call)
        await self.fuse.moment()
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Found]:
        await self._before()
        answers = await super().batch(calls)
        await self.fuse.moment()
        return answers

    async def _before(self) -> None:
        await self.fuse.moment()
        share, faults = _FAULTS[self.weather]
        fault = self._chance.choice(faults) if self._chance.random() < share else None
        if fault in (Fault.THROTTLED, Fault.THROTTLED_AND_DONE):
            self._gate.throttled(_RETRY_AFTER)
        self.faults.clear()
        self.faults.append(fault)
        # Nobody looks at them afterwards, and a week has many.
        self.requests.clear()
