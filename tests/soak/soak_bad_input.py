"""Two thousand odd things for every method, and no growth in memory from them.

    pytest tests/soak/soak_bad_input.py

Takes minutes a service. Another seed, `SOAK_SEED`, sends other things.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ready_house
from tests.e2e.doors import check, known_of, try_every_method

_PER_METHOD = 2000
# Three of the seven callers send all of it and the others a third each: 13 thirds.
_EACH = _PER_METHOD * 3 // 13 + 1
_GROWTH = 1.1


def _resident_bytes(pid: int | None) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("service", ["requests", "policy", "connector", "catalog"])
async def test_two_thousand_odd_things_for_every_method(service: str, tmp_path: Path) -> None:
    """As in the small form; and after a first third, in which caches fill, the process grows less
    than a tenth."""
    seed = os.environ.get("SOAK_SEED", "a night")
    async with ready_house(tmp_path) as ready:
        sizes, known = [], await known_of(ready)
        for part in range(3):
            outcome = await try_every_method(
                ready,
                service,
                known,
                of_bytes=_EACH // 9,
                of_messages=_EACH * 2 // 9,
                seed=f"{seed} {service} {part}",
            )
            check(outcome)
            sizes.append(_resident_bytes(ready.house.pids()[service]))
            sent = sum(count.total() for count in outcome.codes.values())
            sys.stdout.write(f"{service}: {sent} calls, {sizes[-1] / 1e6:.0f} MB\n")
        assert sizes[2] <= sizes[0] * _GROWTH
