"""Two thousand leases at once, within the write budget and past a 429."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from latchkey.requests.v1 import access_request_pb2
from tests.soak.house import Measured, measured_house, report
from tests.soak.leasing import (
    WRITES_PER_SECOND,
    Write,
    ask_all,
    changes,
    early,
    most_within,
    ready,
)
from tests.support.eventually import eventually
from tools.bench.tenant import crowd, with_people
from tools.dev.guide import Guide

pytestmark = pytest.mark.timeout(900)
_HALF = 1000
_REVOKED = 50
# Long enough for the connector to have heard of every lease before the first write succeeds.
_RETRY_AFTER = 60
FULFILLED = access_request_pb2.ACCESS_REQUEST_STATE_FULFILLED


async def test_two_thousand_leases(tmp_path: Path) -> None:
    """Half need a group, half an app. All are delivered within 20 writes a second, no call leaves
    before a Retry-After is over, people who share a group come at least 200 a second, and
    revocations issued in the middle go first."""
    people = crowd(2 * _HALF)
    joining, assigned = people[:_HALF], people[_HALF:]
    async with measured_house(tmp_path, with_people(people)) as house:
        access, role = await ready(house)
        await house.house.kill("connector")
        leases = await ask_all(house, [(one, role) for one in joining])
        leases |= await ask_all(house, [(one, access) for one in assigned])
        before = (await house.control("GET", "/journal/counts"))["lastNumber"]
        await house.control(
            "POST",
            "/faults",
            {"kind": "throttle", "path": "/groups/**", "times": 1, "retryAfter": _RETRY_AFTER},
        )
        await house.house.begin("connector")

        await eventually(lambda: _delivered(house, before, _HALF + 100), 400, every=0.5)
        revoked_at = time.time()
        given_back = joining[:_REVOKED]
        await _each(
            [Guide(house.operator, house.client(one)).give_back(leases[one.label], "enough")
             for one in given_back]
        )  # fmt: skip
        await eventually(lambda: _delivered(house, before, 2 * _HALF), 400, every=0.5)
        await eventually(lambda: _removed(house, before, _REVOKED), 60, every=0.5)
        entries = (await house.control("GET", f"/journal?since={before}"))["entries"]

        writes = [Write(entry) for entry in entries if entry["changes"]]
        joins = [w for w in writes if w.kinds == {("groupMembership", "added")}]
        grants = [w for w in writes if ("appRoleAssignment", "added") in w.kinds]
        removals = [w for w in writes if ("groupMembership", "removed") in w.kinds]
        # A few went before the pause.
        shared = [w for w in joins if w.time > joins[0].time + _RETRY_AFTER / 2]
        rate = sum(w.changes for w in shared) / (shared[-1].time - shared[0].time)
        quotas = await house.control("GET", "/quotas")
        report(
            "2,000 leases",
            seconds_from_first_write=f"{writes[-1].time - writes[0].time:.0f}",
            writes=len(writes),
            most_writes_in_10_seconds=most_within(10, writes),
            memberships_a_second=f"{rate:.0f}",
            slowest_revocation_seconds=f"{max(w.time for w in removals) - revoked_at:.2f}",
            early_calls=early(quotas),
            connector_peak_MB=f"{house.peak_megabytes('connector'):.0f}",
        )
        assert (
            sum(w.changes for w in joins) == _HALF
            and len(grants) == _HALF
            and len(removals) == _REVOKED
        )
        assert most_within(10, writes) <= 12 * WRITES_PER_SECOND
        assert early(quotas) == 0
        assert rate >= 200
        assert max(w.time for w in removals) < max(w.time for w in grants), "they went first"


async def _each(work: Sequence[Any]) -> None:
    await asyncio.gather(*work)


async def _delivered(house: Measured, since: int, count: int) -> bool:
    return await changes(house, since, "added") >= count


async def _removed(house: Measured, since: int, count: int) -> bool:
    return await changes(house, since, "removed") >= count
