"""Approving against denying, at once, from one view."""

import asyncio
from contextlib import AsyncExitStack

import grpc

from latchkey.requests.v1 import access_request_pb2 as pb
from tests.integration.requests_service.deciders import approve, asks, named
from tests.integration.requests_service.house import House, Refusal, answer_of
from tests.integration.requests_service.race import check_events, race

_EACH = 20


async def test_one_of_forty_wins(house: House) -> None:
    """20 approves against 20 denies of forty people, through two replicas on one database, again
    and again: one wins, all others are ABORTED, and lease, state, timeline, audit and events are of
    the one that won."""
    names = [f"Decider {number}" for number in range(2 * _EACH)]
    house.policy.steps = [asks(named(*names))]
    _, port = await house.start()
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(house.channel(port))
        people = [
            house.person(name, channel=other if number % 4 > 1 else None)
            for number, name in enumerate(names)
        ]
        races = [
            await race(house, house.person(f"Ada {turn}"), people[0::2], people[1::2])
            for turn in range(3)
        ]
    assert [wrong for each in races for wrong in each.wrong] == []
    for each in races:
        assert each.refusals == {"ABORTED ETAG_MISMATCH": 2 * _EACH - 1}
    assert await check_events(house, races) == []


async def test_those_who_are_needed_at_once_are_asked_to_look_again(house: House) -> None:
    """Where two must approve and two do at once from one view, one counts and the other is ABORTED:
    nobody's approval is counted for a view that they did not see."""
    house.policy.steps = [asks(named("Ben", "Cleo"), needed=2)]
    ben, cleo = house.person("Ben"), house.person("Cleo")
    made = await house.person("Ada").create()
    answers = await asyncio.gather(*(answer_of(approve(each, made)) for each in (ben, cleo)))
    (first,) = [each for each in answers if not isinstance(each, Refusal)]
    (late,) = [each for each in answers if isinstance(each, Refusal)]
    assert (late.code, late.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (first.state, len(first.current_step.approvals)) == (pb.ACCESS_REQUEST_STATE_PENDING, 1)
    second = cleo if answers[0] is first else ben
    assert (await approve(second, first)).state == pb.ACCESS_REQUEST_STATE_APPROVED
