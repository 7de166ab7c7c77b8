"""How waits end, by time and by condition. Nothing of it is an approval."""

from datetime import timedelta

import pytest

from libs.domain.errors import Unavailable
from services.requests.domain import timeline
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.states import AccessRequestState as State
from services.requests.domain.steps import (
    Accept,
    Wait,
)
from tests.unit.requests_service.cast import (
    BY_OWNER,
    GIL,
    OLA,
    OTO,
    ROOT,
    happened,
    refused,
    some,
    told,
    town,
)
from tests.unit.requests_service.house import House

DAY = timedelta(days=1)


async def _after(house: House, seen: AccessRequest, length: timedelta = DAY) -> AccessRequest:
    house.clock.advance(length)
    await house.overdue(seen.access_request_id)
    return house.kept(seen.access_request_id)


async def test_a_wait_for_a_time_goes_on_when_it_is_over() -> None:
    """Nobody decides it meanwhile; then the next step begins, or what policy accepted is given."""
    house = town(Wait(DAY), BY_OWNER)
    seen = await house.create()
    assert (seen.state, seen.awaiting) == (State.PENDING, frozenset())
    assert told(house)[1:] == []
    for who in (OLA, ROOT):
        await refused(house.reassign(seen, ROOT, who), "ACCESS_REQUEST_STATE")
    await refused(house.approve(seen, ROOT), "ACCESS_REQUEST_STATE")
    house.catalog.away = True
    with pytest.raises(Unavailable):
        await _after(house, seen)
    house.catalog.away = False
    seen = await _after(house, seen, timedelta())
    assert happened(seen, timeline.WaitOver) == [timeline.WaitOver(0)]
    assert seen.awaiting == some(OLA, OTO)
    house = town(Wait(DAY), Accept())
    assert (await _after(house, await house.create())).state is State.APPROVED


async def test_looking_again_does_not_begin_a_wait_anew() -> None:
    """However often it is looked at, policy is asked once, and the wait ends when it should."""
    house = town(Wait(DAY), Accept())
    seen = await house.create()
    for _ in range(3):
        house.clock.advance(DAY / 4)
        assert await house.decide(seen.access_request_id)
    assert (house.policy.calls, len(house.store.changes)) == (1, 1)
    assert (await _after(house, seen, DAY / 4)).state is State.APPROVED


async def test_a_wait_for_a_condition_ends_with_it_or_with_its_time() -> None:
    """Policy's silence is no truth, and what comes true too late is too late."""
    house = town(Wait(condition="ready", timeout=DAY), Accept())
    seen = await house.create()
    house.policy.problem = "away"
    assert not await house.decide(seen.access_request_id)
    house.policy.problem = ""
    assert not await house.decide(seen.access_request_id)
    assert len(house.store.changes) == 1
    house.policy.true.add("ready")
    late = await house.create(GIL)
    house.clock.advance(DAY - timedelta(seconds=1))
    assert await house.decide(seen.access_request_id)
    assert house.kept(seen.access_request_id).state is State.APPROVED
    house.clock.advance(timedelta(seconds=1))
    assert not await house.decide(late.access_request_id)
    late = await _after(house, late, timedelta())
    assert happened(late, timeline.Denied) == [
        timeline.Denied("What it waited for did not come in time.")
    ]


async def test_a_limit_that_comes_during_a_wait_is_kept_to() -> None:
    """What was asked for without an end is not leased without one when there is a limit by then."""
    for step in (Wait(DAY), Wait(condition="ready", timeout=2 * DAY)):
        house = town(step, Accept())
        house.catalog.max_duration = None
        seen = await house.create()
        assert seen.requested_duration is None
        house.catalog.max_duration = timedelta(hours=1)
        house.policy.true.add("ready")
        seen = await _after(house, seen)
        await house.decide(seen.access_request_id)
        seen = house.kept(seen.access_request_id)
        assert seen.requested_duration == timedelta(hours=1)
        assert house.store.kept_leases[seen.lease_id].duration == timedelta(hours=1)
