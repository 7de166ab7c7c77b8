"""Two thousand leases at once, within the write budget and past a 429."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from latchkey.connector.v1 import sync_pb2
from latchkey.requests.v1 import access_request_pb2
from tests.soak.house import Measured, measured_house, report
from tests.support.eventually import eventually
from tools.bench.tenant import crowd, with_people
from tools.dev import cast
from tools.dev.cast import Member
from tools.dev.guide import Guide

pytestmark = pytest.mark.timeout(900)
_HALF = 1000
_REVOKED = 50
_CALLERS = 16
_WRITES_PER_SECOND = 20
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
        access, role = await _ready(house)
        await house.house.kill("connector")
        leases = await _ask_all(house, [(one, role) for one in joining])
        leases |= await _ask_all(house, [(one, access) for one in assigned])
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

        writes = [_Write(entry) for entry in entries if entry["changes"]]
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
            most_writes_in_10_seconds=_most_within(10, writes),
            memberships_a_second=f"{rate:.0f}",
            slowest_revocation_seconds=f"{max(w.time for w in removals) - revoked_at:.2f}",
            early_calls=_early(quotas),
            connector_peak_MB=f"{house.peak_megabytes('connector'):.0f}",
        )
        assert (
            sum(w.changes for w in joins) == _HALF
            and len(grants) == _HALF
            and len(removals) == _REVOKED
        )
        assert _most_within(10, writes) <= 12 * _WRITES_PER_SECOND
        assert _early(quotas) == 0
        assert rate >= 200
        assert max(w.time for w in removals) < max(w.time for w in grants), "they went first"


class _Write:
    """One write that Entra accepted."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.time = datetime.fromisoformat(entry["time"]).timestamp()
        self.kinds = {(change["kind"], change["action"]) for change in entry["changes"]}
        self.changes = len(entry["changes"])


async def _ready(house: Measured) -> tuple[str, str]:
    """Access is an assignment alone, the role a membership alone."""
    await house.sync("first", sync_pb2.SYNC_KIND_FULL)
    guide = Guide(house.operator, house.operator)
    apps = await guide.unmanaged_apps()
    app = next(a for a in apps if a.entra_service_principal_id == cast.SERVICE_PRINCIPAL_ID)
    managed = await guide.manage(app.app_id)
    groups = await guide.linked_groups(app.app_id)
    editors = [g for g in groups if g.entra_group_id == cast.EDITORS_GROUP_ID]
    choices = guide.choices(groups, managed.access_entitlement_id)
    linked = await guide.link(
        app.app_id,
        [c for c in choices if c.directory_entitlement_id == editors[0].directory_entitlement_id],
    )
    await guide.apply_rules(await guide.rules_for_everyone(app.app_id))
    return managed.access_entitlement_id, linked.entitlements[0].entitlement_id


async def _ask_all(house: Measured, wishes: Sequence[tuple[Member, str]]) -> dict[str, str]:
    """Asks for everybody, a few at a time; the leases by the people's labels."""
    waiting = list(reversed(wishes))
    leases: dict[str, str] = {}

    async def caller() -> None:
        while waiting:
            member, entitlement_id = waiting.pop()
            guide = Guide(house.operator, house.client(member))
            request = await guide.ask(entitlement_id, "measured", f"soak-{member.label}")
            leases[member.label] = request.lease_id
            await house.clients.pop(house.clients.index(guide.requester)).__aexit__()

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    assert all(leases.values()), "each is approved at once"
    return leases


async def _each(work: Sequence[Any]) -> None:
    await asyncio.gather(*work)


async def _delivered(house: Measured, since: int, count: int) -> bool:
    return await _changes(house, since, "added") >= count


async def _removed(house: Measured, since: int, count: int) -> bool:
    return await _changes(house, since, "removed") >= count


async def _changes(house: Measured, since: int, action: str) -> int:
    entries = (await house.control("GET", f"/journal?since={since}"))["entries"]
    return sum(change["action"] == action for entry in entries for change in entry["changes"])


def _most_within(seconds: float, writes: Sequence[_Write]) -> int:
    """The most writes in any stretch of so many seconds."""
    times = [write.time for write in writes]
    most = first = 0
    for number, at in enumerate(times):
        while at - times[first] > seconds:
            first += 1
        most = max(most, number - first + 1)
    return most


def _early(quotas: dict[str, Any]) -> int:
    return int(quotas["earlyCalls"]["count"])
