"""One caller at ten times the load of the others does not make them wait.

pytest tests/soak/soak_limits.py
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ready_house
from tests.soak.house import report
from tools.dev import cast
from tools.dev.house import House
from tools.entra_simulator import built_in_tenant

_OTHERS = 8
_RATE = 3.0
_SECONDS = 20.0
_MOST_SLOWER = 1.5
_PEOPLE = [user["id"] for user in built_in_tenant()["users"] if user.get("accountEnabled", True)]


async def _asking(house: House, folder: Path, number: int, rate: float) -> dict[str, Any]:
    file = folder / f"token-{number}"
    file.write_text(house.issuer.person(cast.TENANT_ID, _PEOPLE[number], str(number)))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.soak.asking",
        house.address("catalog"),
        str(file),
        str(rate),
        str(_SECONDS),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(out)
    return found


def _p99(answers: list[dict[str, Any]]) -> float:
    took = sorted(one for answer in answers for one in answer["took"])
    return float(took[int(len(took) * 0.99)])


@pytest.mark.parametrize("times", [10, 100])
async def test_who_asks_for_more_waits_alone(tmp_path: Path, times: int) -> None:
    """The others' slowest hundredth takes at most half longer, and none of them is refused; who
    asks for more than a person may is."""
    settings = {"catalog": {"CALLS_PER_SECOND": "20"}}
    async with ready_house(tmp_path / "house", settings=settings) as ready:

        async def others() -> list[dict[str, Any]]:
            return await asyncio.gather(
                *(_asking(ready.house, tmp_path, 1 + number, _RATE) for number in range(_OTHERS))
            )

        await others()
        alone = await others()
        beside, greedy = await asyncio.gather(
            others(), _asking(ready.house, tmp_path, 0, _RATE * times)
        )
        report(
            f"others beside one who asks {times} times as much",
            p99_alone=_p99(alone),
            p99_beside=_p99(beside),
            refused=greedy["refused"],
        )
        assert not any(answer["refused"] for answer in beside)
        assert greedy["refused"] > 0
        if times == 10:
            assert _p99(beside) <= _MOST_SLOWER * _p99(alone)
