"""What is done without being asked: everything gets its turn."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from libs.db.writes import Writes
from libs.domain.changes import Outcome
from services.requests import ports
from services.requests.handlers.decide_access_request import Decider
from services.requests.loops.decide import DecideLoop
from services.requests.loops.pauses import Pauses

T = TypeVar("T")


class _Waiting:
    """Access requests that are not decided, by their ids."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    async def to_look_at(self, after: str, most: int) -> list[str]:
        return [found for found in self._ids if found > after][:most]


class _Runs:
    """Runs use cases that change nothing."""

    async def run(self, use_case: Callable[[], Awaitable[Outcome[T]]]) -> T:
        return (await use_case()).result


async def test_a_pause_over_for_longer_comes_first() -> None:
    """What was never tried comes before what was, and what was tried in the order of its pauses."""
    pauses = Pauses(first=0.0, longest=0.0)
    pauses.again("c")
    pauses.again("a")
    assert pauses.due(["a", "b", "c", "d"]) == ["b", "d", "c", "a"]


async def test_what_can_not_be_decided_keeps_nobody_waiting() -> None:
    """Behind any number of access requests that policy can't decide, another one is decided."""
    stuck = [f"req_{number:03}" for number in range(100)]
    asked: list[str] = []

    async def decide(access_request_id: str) -> Outcome[bool]:
        asked.append(access_request_id)
        return Outcome(access_request_id not in stuck)

    loop = DecideLoop(
        cast(Writes, _Runs()),
        cast(ports.AccessRequests, _Waiting(*stuck, "req_last")),
        cast(Decider, cast(Any, decide)),
    )
    # As long as a round takes, so that all are due again with each.
    loop._pauses = Pauses(first=0.0, longest=0.0)
    for _ in range(10):
        await loop()
    assert "req_last" in asked
