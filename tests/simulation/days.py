"""Days in a company of some size, played to their end and written into a journal."""

import logging
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from tests.simulation.company import Company
from tests.simulation.house import SimulatedHouse
from tests.simulation.weather import Weather
from tests.simulation.week import Week

_QUIET = timedelta(minutes=30)


@dataclass(frozen=True)
class Size:
    """How big a company, and how many days. What people do goes by head and day."""

    people: int
    apps: int
    days: float
    asks_a_head: float
    by_hand_a_head: float
    sync: timedelta
    troubles_a_day: int


@dataclass(frozen=True)
class Played:
    """What was played, for a report."""

    journal: Path
    asked: int
    leases: int
    kills: int
    seconds: float


async def play(folder: Path, size: Size, seed: int) -> Played:
    """Plays it. Afterwards nothing goes wrong any more, for half an hour."""
    began = time.monotonic()
    with _silence():
        return await _play(folder, size, seed, began)


async def _play(folder: Path, size: Size, seed: int, began: float) -> Played:
    chance = random.Random(seed)
    company = Company(chance, size.people, size.apps)
    async with SimulatedHouse(folder, company, chance) as house:
        week = Week(house, chance, timedelta(days=size.days))
        _plan(week, size)
        await week.live()
        house.lose_broker(False)
        for name in [*house.down]:
            house.stop(name, running=True)
        house.weather(Weather.FAIR)
        await house.go_to(house.clock.now() + _QUIET)
        neglected = await house.connector.neglected()
        assert not neglected, f"{neglected} deliveries are open, and nobody works on them"
        await house.keep()
        journal = folder / "journal.jsonl"
        house.journal.write(journal)
        leases = sum(line["what"] == "lease" for line in house.journal.lines)
        return Played(journal, week.asked, leases, house.kills, time.monotonic() - began)


def _plan(week: Week, size: Size) -> None:
    heads = size.people * size.days
    week.some(int(heads * size.asks_a_head), week.ask, at_work=size.days > 1)
    week.some(int(heads * size.by_hand_a_head), week.by_hand)
    week.some(max(1, int(heads / 400)), week.leave)
    week.some(max(1, int(heads / 400)), week.join)
    week.every(size.sync, week.sync)
    troubles = max(1, int(size.troubles_a_day * size.days))
    week.some(troubles, week.weather(Weather.AWAY, 5, 60))
    week.some(troubles, week.weather(Weather.THROTTLED, 5, 30))
    week.some(troubles, week.weather(Weather.LOSSY, 10, 60))
    week.some(troubles, week.broker_outage)
    week.some(max(1, troubles // 2), week.outage("requests"))
    week.some(max(1, troubles // 2), week.outage("connector"))
    week.some(troubles * 10, week.kill)


@contextmanager
def _silence() -> Iterator[None]:
    """What goes wrong on purpose is logged by the services at every turn."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def tell(played: Played, size: Size) -> None:
    """One line of what was played."""
    sys.stdout.write(
        f"\n{size.people} people, {size.days:g} days: {played.asked} access requests, "
        f"{played.leases} leases, {played.kills} kills, in {played.seconds:.0f} s\n"
    )
