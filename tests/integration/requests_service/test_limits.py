"""How long a lease may last: the limit holds at each door, and is named."""

from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from libs.domain.fields import MAX_DURATION
from tests.integration.requests_service.deciders import MANAGER, approve, asks, uid
from tests.integration.requests_service.house import House, refused

_HOURS = timedelta(hours=8)
# Until the year 9999, and the longest that a message can hold.
_TOO_LONG_FOR_ANYTHING = (7973 * 365 * 86400, 315_576_000_000)
_NOT_LONG_ENOUGH = (0, -1, -3600, 59)


@pytest.mark.parametrize("limit", [_HOURS, None])
async def test_the_limit_holds_at_each_door(house: House, limit: timedelta | None) -> None:
    """Asking, approving and extending refuse what is zero, negative, in the past, beyond the limit
    or beyond all limits, with the bound in the answer, and change nothing."""
    house.catalog.line[uid("Ada")] = [uid("Ben")]
    ada, ben = house.person("Ada"), house.person("Ben")
    lease = await house.leased(ada)
    house.catalog.max_duration = limit
    house.policy.steps = [asks(MANAGER)]
    cleo = house.person("Cleo")
    house.catalog.line[uid("Cleo")] = [uid("Ben")]
    asked = await cleo.create(requested_duration=Duration(seconds=8 * 3600))
    before = await house.actions()

    def create(length: Duration) -> Awaitable[Any]:
        return house.person("Dan").create(requested_duration=length)

    def decide(length: Duration) -> Awaitable[Any]:
        return approve(ben, asked, duration=length)

    def extend(length: Duration) -> Awaitable[Any]:
        return ada.extend(lease.lease_id, duration=length)

    doors: dict[str, Callable[[Duration], Awaitable[Any]]] = {
        "requested_duration": create,
        "duration": decide,
        " duration": extend,
    }
    for field, door in doors.items():
        for seconds in (*_NOT_LONG_ENOUGH, *_TOO_LONG_FOR_ANYTHING):
            refusal = await refused(door(Duration(seconds=seconds)))
            assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
            assert refusal.fields == [field.strip()]
            assert f"between 60s and {MAX_DURATION.days} days" in refusal.message
        if limit is not None:
            over = Duration(seconds=round(limit.total_seconds()) + 1)
            refusal = await refused(door(over))
            assert refusal.fields == [field.strip()]
            assert refusal.reason == "DURATION_TOO_LONG"
            assert refusal.facts == {"max_duration": "28800s"}
    # A refused decision is on record; nothing else is.
    assert {*(await house.actions())[len(before) :]} <= {"access_request.decision_refused"}
    assert (await ada.lease(lease.lease_id)) == lease


async def test_no_duration_means_the_longest(house: House) -> None:
    """Where there is a limit nobody has a lease without an end by saying nothing; where there is
    none they do."""
    ada = house.person("Ada")
    made = await ada.create()
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    lease = await ada.lease_reaches(made.lease_id, "ACTIVE")
    assert lease.end_time.ToDatetime(UTC) - lease.start_time.ToDatetime(UTC) == _HOURS
    house.catalog.max_duration = None
    made = await house.person("Ben").create()
    house.connector.delivered(made.lease_id)
    await house.connector.say_provisioned(made.lease_id)
    endless = await house.person("Ben").lease_reaches(made.lease_id, "ACTIVE")
    assert not endless.HasField("end_time") and not endless.HasField("duration")


async def test_a_limit_that_was_lowered_meanwhile_holds(house: House) -> None:
    """What was asked for under a longer limit is approved only within the present one; who approves
    can shorten it."""
    house.catalog.line[uid("Ada")] = [uid("Ben")]
    house.policy.steps = [asks(MANAGER)]
    asked = await house.person("Ada").create(requested_duration=Duration(seconds=8 * 3600))
    house.catalog.max_duration = timedelta(hours=2)
    ben = house.person("Ben")
    refusal = await refused(approve(ben, asked))
    assert refusal.reason == "DURATION_TOO_LONG"
    assert refusal.facts == {"max_duration": "7200s"}
    done = await approve(ben, asked, duration=Duration(seconds=7200))
    assert (await house.person("Ada").lease(done.lease_id)).duration.seconds == 7200
