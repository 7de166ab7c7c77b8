"""Approving against denying, two thousand times, with zero wrong."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.integration.requests_service.deciders import asks, named
from tests.integration.requests_service.house import House
from tests.integration.requests_service.race import Race, check_events, race
from tests.support.issuer import TestIssuer

pytestmark = pytest.mark.timeout(3000)
_RACES = 2000
_AT_ONCE = 4


async def test_two_thousand_races(issuer: TestIssuer, database_url: str, nats_url: str) -> None:
    """One approves and one denies from the same view, through two replicas on one database, by
    turns one and the other first: one wins each time, the other is ABORTED, and state, lease,
    timeline, audit and events agree with the winner."""
    # Nobody delivers, and in so long a time that would be said again.
    house = House(issuer, database_url, nats_url, repeat_seconds=3600)
    async with house, AsyncExitStack() as stack:
        _, port = await house.start()
        other = await stack.enter_async_context(house.channel(port))
        house.policy.steps = [asks(named("Ben", "Cleo"))]
        here = [house.person(name) for name in ("Ben", "Cleo")]
        there = [house.person(name, channel=other) for name in ("Ben", "Cleo")]
        races: list[Race] = []
        began = time.monotonic()

        async def racer(turns: Iterator[int]) -> None:
            for turn in turns:
                # Both through one replica, or each through its own; either of them first.
                first, second = (here, there) if turn % 2 else (here, here)
                ben, cleo = first[0], second[1]
                if turn % 4 > 1:
                    ben, cleo = cleo, ben
                races.append(await race(house, house.person(f"Ada {turn}"), [ben], [cleo]))

        turns = iter(range(_RACES))
        await asyncio.gather(*(racer(turns) for _ in range(_AT_ONCE)))
        seconds = time.monotonic() - began
        wrong = [each for found in races for each in found.wrong]
        wrong += await check_events(house, races)
        refusals = sum((found.refusals for found in races), Counter[str]())
        sys.stdout.write(
            f"\n{len(races)} races in {seconds:.0f} s on {database_url.partition(':')[0]}: "
            f"approved {sum(found.approved for found in races)}, "
            f"denied {sum(found.denied for found in races)}, "
            f"losers {dict(refusals)}, wrong {len(wrong)}\n"
        )
        sys.stdout.flush()
        assert not wrong, "\n".join(wrong[:20])
        assert len(races) == _RACES
        assert refusals == {"ABORTED ETAG_MISMATCH": _RACES}
