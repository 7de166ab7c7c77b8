"""A week of a company of 2,000 people in the fake clock, judged by its journal."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.simulation.checker import violations
from tests.simulation.days import Size, play, tell
from tests.simulation.journal import read
from tests.simulation.record import record_of
from tests.simulation.time import SimulatedLoop

_SEED = int(os.environ.get("SOAK_SEED", "1"))
_SIZE = Size(
    people=int(os.environ.get("SOAK_PEOPLE", "2000")),
    apps=48,
    days=7,
    asks_a_head=0.3,
    by_hand_a_head=0.05,
    sync=timedelta(minutes=15),
    troubles_a_day=2,
)


@pytest.mark.timeout(6 * 3600)
def test_a_week(tmp_path: Path) -> None:
    """Nothing that must hold of leases is broken: S1, S3, S4, S9, S15, S17, L2 and L7 of the
    reliability study."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        played = runner.run(play(tmp_path, _SIZE, seed=_SEED))
    tell(played, _SIZE)
    assert violations(record_of(read(played.journal))) == []
