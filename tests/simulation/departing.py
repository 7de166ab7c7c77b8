"""What the connector lets go at once, without its scheduler: when its change is committed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from libs.domain.changes import Change
from services.connector.domain.wave import Due, next_wave
from services.connector.entra.gate import Gate
from services.connector.loops.provisioning.wave import WaveRun
from services.connector.ports import Departure


class Departing:
    """Departures that are noted, and those of them that are committed and have to go."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._noted: list[Departure] = []
        self._committed: list[Departure] = []

    @contextmanager
    def room(self) -> Iterator["Departing"]:
        """There is room for one delivery while the tenant lets plenty through."""
        try:
            yield self
        finally:
            self._noted.clear()

    def take(self, connection_id: str, due: Sequence[Due]) -> Mapping[str, str]:
        """The ids of the calls, unless there is little room or the person is on the way."""
        person = due[0].entra_principal_id
        if any(person == each.due[0].entra_principal_id for each in self._committed):
            return {}
        waiting = sum(len(each.due) for each in self._committed)
        if self._gate.writes_ready() < 2 * (waiting + len(due)):
            return {}
        return {each.operation_id: f"call of {each.operation_id}" for each in due}

    def leave(self, departure: Departure) -> None:
        """It goes when its change is committed."""
        self._noted.append(departure)

    def committed(self, changes: Sequence[Change]) -> None:
        """Hears of what is committed."""
        self._committed += [
            each for each in self._noted if any(each.change is change for change in changes)
        ]

    async def go(self, run: WaveRun) -> None:
        """Everything that has to."""
        departures, self._committed = self._committed, []
        if departures:
            due = [each for some in departures for each in some.due]
            wave = next_wave(due, writes=len(due), on_their_way=0)
            self._gate.take_writes(wave.writes)
            await run.carry_on(wave.parcels, departures)
