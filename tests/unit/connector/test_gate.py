"""The gate of a tenant: budgets and pauses, by a clock that the test moves."""

import asyncio
from datetime import timedelta

from services.connector.entra.gate import Gate


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _gate(clock: _Clock, *, writes: float = 20, units: float = 100) -> Gate:
    return Gate(writes_per_second=writes, units_per_second=units, now=clock)


def test_writes_come_back_with_time() -> None:
    """A second's worth may go at once, and never more than the rate after that."""
    clock = _Clock()
    gate = _gate(clock)
    assert gate.writes_ready() == 20
    gate.take_writes(20)
    assert gate.writes_ready() == 0
    clock.now += 0.1
    assert gate.writes_ready() == 2
    clock.now += 100
    assert gate.writes_ready() == 20


def test_a_debt_is_paid_first() -> None:
    """Who took more than there was waits longer."""
    clock = _Clock()
    gate = _gate(clock)
    gate.take_writes(30)
    clock.now += 0.5
    assert gate.writes_ready() == 0
    clock.now += 0.06
    assert gate.writes_ready() == 1


def test_a_slow_rate_still_lets_one_through() -> None:
    """Less than one a second is a rate too."""
    clock = _Clock()
    gate = _gate(clock, writes=0.5)
    assert gate.writes_ready() == 1
    gate.take_writes(1)
    clock.now += 1.9
    assert gate.writes_ready() == 0
    clock.now += 0.2
    assert gate.writes_ready() == 1


def test_retry_after_is_obeyed_to_its_end() -> None:
    """Nothing goes before it, and a shorter one that comes later does not shorten it."""
    clock = _Clock()
    gate = _gate(clock)
    told: list[timedelta] = []
    gate.on_throttled(told.append)
    gate.throttled(timedelta(seconds=10))
    gate.throttled(timedelta(seconds=2))
    assert told == [timedelta(seconds=10)]
    clock.now += 9.9
    assert gate.writes_ready() == 0 and gate.closed_for > 0
    clock.now += 0.2
    assert gate.writes_ready() == 20 and gate.closed_for == 0


def test_pauses_without_retry_after_grow() -> None:
    """Each is about twice the one before, up to a minute, and small again after an answer."""
    clock = _Clock()
    gate = _gate(clock)
    pauses: list[float] = []
    for _ in range(9):
        gate.throttled(None)
        pauses.append(gate.closed_for)
        clock.now += 120
    for number, pause in enumerate(pauses):
        whole = min(2.0**number, 60.0)
        assert whole / 2 <= pause <= whole + 1e-6, pauses
    gate.passed()
    gate.throttled(None)
    assert gate.closed_for <= 1.0


def test_many_refusals_at_once_are_one() -> None:
    """The items of one batch were all under way: their pauses don't add up."""
    clock = _Clock()
    gate = _gate(clock)
    for _ in range(20):
        gate.throttled(None)
    assert gate.closed_for <= 1.0


async def test_reads_wait_for_their_units() -> None:
    """What ten seconds allow may go at once; the next one waits until there is room again."""
    gate = Gate(writes_per_second=20, units_per_second=50)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await gate.read(500)
    assert loop.time() - began < 1, "one after the other they take ten seconds"
    await gate.read(5)
    assert loop.time() - began >= 0.09


async def test_more_units_than_there_is_room_for_go_when_it_is_full() -> None:
    """A call that costs more than ten seconds allow is not kept for ever."""
    gate = Gate(writes_per_second=20, units_per_second=1)
    async with asyncio.timeout(1):
        await gate.read(1000)


async def test_reads_wait_while_it_is_closed() -> None:
    """A pause holds reads back as well as writes."""
    gate = Gate(writes_per_second=20, units_per_second=1000)
    gate.throttled(timedelta(seconds=0.2))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(gate.read(1), gate.opened(), gate.write_ready())
    assert loop.time() - began >= 0.19
