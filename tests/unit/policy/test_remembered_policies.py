"""Policies in memory are the current ones, or there is no answer."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from libs.domain.errors import NotFound, Unavailable
from services.policy.domain.content import Content, Rule
from services.policy.domain.policy import Policy
from services.policy.domain.steps import Accept
from services.policy.handlers.remembered_policies import (
    LOOK_SECONDS,
    TRUST_SECONDS,
    RememberedPolicies,
)
from tests.fakes.policy import FakePolicies
from tests.unit.policy.examples import policy

ONE = policy(policy_id="pol_one", name="One")


@dataclass
class _Policies(FakePolicies):
    """Policies in a database that can be away, and what was read of it."""

    away: bool = False
    hung: bool = False
    marked: int = 0
    reads: list[str] = field(default_factory=list)
    while_reading: asyncio.Event | None = None

    async def get(self, policy_id: str) -> Policy | None:
        self.reads.append(policy_id)
        found = await super().get(policy_id)
        if self.while_reading is not None:
            await self.while_reading.wait()
        return found

    async def mark(self) -> str:
        self.reads.append("mark")
        if self.hung:
            await asyncio.Event().wait()
        if self.away:
            raise Unavailable("the database", "it does not answer")
        return str(self.marked)

    def change(self, changed: Policy) -> None:
        """Another replica commits a change."""
        self.kept = [changed if it.policy_id == changed.policy_id else it for it in self.kept]
        self.marked += 1


@dataclass
class _Time:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def _remembered(*kept: Policy) -> tuple[RememberedPolicies, _Policies, _Time]:
    policies, time = _Policies([*kept]), _Time()
    return RememberedPolicies(policies, time), policies, time


async def test_a_policy_is_read_once() -> None:
    """While nothing changes the database is asked for the mark, at most once a second."""
    remembered, policies, time = _remembered(ONE)
    for _ in range(50):
        assert (await remembered.current("pol_one")).policy == ONE
    assert policies.reads == ["mark", "pol_one"]
    time.now += LOOK_SECONDS
    await asyncio.gather(*(remembered.current("pol_one") for _ in range(50)))
    assert policies.reads == ["mark", "pol_one", "mark"]


async def test_a_change_of_this_process_counts_at_once() -> None:
    """What this process has committed is what the next evaluation is by."""
    remembered, policies, _ = _remembered(ONE)
    await remembered.current("pol_one")
    policies.change(replace(ONE, version=2))
    remembered.committed([])
    assert (await remembered.current("pol_one")).policy.version == 2


async def test_a_change_of_another_replica_counts_within_a_second() -> None:
    """A change, and a deletion, of another replica are seen with the next look."""
    remembered, policies, time = _remembered(ONE)
    await remembered.current("pol_one")
    policies.change(replace(ONE, version=2))
    assert (await remembered.current("pol_one")).policy.version == 1
    time.now += LOOK_SECONDS
    assert (await remembered.current("pol_one")).policy.version == 2
    policies.kept, policies.marked = [], 7
    time.now += LOOK_SECONDS
    with pytest.raises(NotFound):
        await remembered.current("pol_one")


async def test_what_changes_while_it_is_read_is_not_remembered() -> None:
    """A policy that was read before a change and arrives after it is not kept."""
    remembered, policies, _ = _remembered(ONE)
    policies.while_reading = asyncio.Event()
    reading = asyncio.ensure_future(remembered.current("pol_one"))
    while "pol_one" not in policies.reads:
        await asyncio.sleep(0)
    policies.change(replace(ONE, version=2))
    remembered.committed([])
    policies.while_reading.set()
    assert (await reading).policy.version == 1
    assert (await remembered.current("pol_one")).policy.version == 2


@pytest.mark.parametrize("trouble", ["away", "hung"])
async def test_without_the_database_policies_are_gone_by_for_a_moment(trouble: str) -> None:
    """A short absence is not noticed; a longer one makes evaluations fail rather than go on with
    what may be an old policy; afterwards all is as before."""
    remembered, policies, time = _remembered(ONE)
    await remembered.current("pol_one")
    setattr(policies, trouble, True)
    time.now += TRUST_SECONDS - 0.1
    assert (await remembered.current("pol_one")).policy == ONE
    if trouble == "hung":
        return
    time.now += 0.1
    for _ in range(2):
        with pytest.raises(Unavailable):
            await remembered.current("pol_one")
    policies.away = False
    assert (await remembered.current("pol_one")).policy == ONE


async def test_a_caller_that_goes_away_takes_nobody_with_it() -> None:
    """A cancelled evaluation does not end the look that others wait for."""
    remembered, policies, _ = _remembered(ONE)
    first = asyncio.ensure_future(remembered.current("pol_one"))
    others = [asyncio.ensure_future(remembered.current("pol_one")) for _ in range(3)]
    while not policies.reads:
        await asyncio.sleep(0)
    first.cancel()
    assert [prepared.policy for prepared in await asyncio.gather(*others)] == [ONE] * 3


async def test_what_is_used_least_is_forgotten_first() -> None:
    """Memory is bounded by rules: many large policies can be asked, and not all are kept."""
    rules = tuple(Rule(str(number), "true", (Accept(),)) for number in range(1000))
    large = [policy(Content(rules, (Accept(),)), f"pol_{n}", str(n)) for n in range(25)]
    remembered, policies, _ = _remembered(*large)
    for it in [*large, large[24], large[10], large[0]]:
        await remembered.current(it.policy_id)
    assert policies.reads[1:] == [it.policy_id for it in [*large, large[0]]]


async def test_unknown_policy_is_not_found() -> None:
    """A policy that is not there is not remembered as such: it may come."""
    remembered, policies, _ = _remembered()
    with pytest.raises(NotFound):
        await remembered.current("pol_one")
    policies.kept = [ONE]
    assert (await remembered.current("pol_one")).policy == ONE
