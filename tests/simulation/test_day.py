"""A day of a small company in the fake clock, with everything that goes wrong in a week."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.simulation.checker import violations
from tests.simulation.days import Size, play
from tests.simulation.journal import read
from tests.simulation.record import record_of
from tests.simulation.time import SimulatedLoop

_SIZE = Size(
    people=100,
    apps=6,
    days=1,
    asks_a_head=0.5,
    by_hand_a_head=0.2,
    sync=timedelta(hours=1),
    troubles_a_day=1,
)


@pytest.mark.timeout(600)
def test_a_day(tmp_path: Path) -> None:
    """Nothing that must hold of leases is broken, by the journal of Entra, of both services'
    audits and events, and of what the events had for effects. The journal is of a day in which
    leases were granted, ended and made longer, and services killed."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        played = runner.run(play(tmp_path, _SIZE, seed=1))
    record = record_of(read(played.journal))
    assert violations(record) == []
    assert played.leases > 20 and played.kills > 2
    assert sum(lease.ended is not None for lease in record.leases.values()) > 10
    assert any(lease.extensions for lease in record.leases.values())
    assert sum(map(len, record.places.values())) > 40
