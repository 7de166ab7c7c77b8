"""Memberships of groups that Entra ends by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.fakes.clock import FakeClock
from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import connected, refusal
from tests.support.eventually import eventually
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")

REQUESTS = "/v1.0/identityGovernance/privilegedAccess/group/assignmentScheduleRequests"
EXISTS = (400, "RoleAssignmentExists", "The Role assignment already exists.")
ABSENT = (400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")


def tenant() -> dict[str, Any]:
    document = built_in_tenant()
    document["appRegistrations"][0]["permissions"].append(
        "PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup"
    )
    return document


@pytest_asyncio.fixture(loop_scope="session")
async def running(state_dir: Path, clock: FakeClock) -> AsyncIterator[Simulator]:
    async with Simulator(state_dir, tenant(), clock=clock.now) as simulator:
        yield simulator


@pytest_asyncio.fixture(loop_scope="session")
async def client(running: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(running) as connection:
        yield connection


def request(**fields: Any) -> dict[str, Any]:
    return {
        "accessId": "member",
        "action": "adminAssign",
        "principalId": cast.NORA,
        "groupId": cast.ATELIER_EDITORS,
        "justification": "Approved.",
        "scheduleInfo": {
            "startDateTime": "2026-03-02T09:30:00Z",
            "expiration": {"type": "afterDuration", "duration": "PT2H"},
        },
        **fields,
    }


async def test_membership_ends_at_its_time(
    running: Simulator, client: httpx.AsyncClient, clock: FakeClock
) -> None:
    """A member at once, and no longer when two hours are over, without any further call."""
    answer = await client.post(REQUESTS, json=request())
    assert answer.status_code == 201
    assert answer.json()["status"] == "Provisioned"
    assert answer.json()["targetScheduleId"].startswith(f"{cast.ATELIER_EDITORS}_member_")
    assert answer.json()["scheduleInfo"]["expiration"]["endDateTime"].startswith("2026-03-02T11:30")
    assert running.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    clock.advance(timedelta(minutes=119))
    await client.get("/v1.0/users")
    assert running.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    clock.advance(timedelta(minutes=1))
    await eventually(lambda: not running.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA))
    [entry] = [entry for entry in running.journal.entries() if entry["source"] == "entra"]
    assert [change["kind"] for change in entry["changes"]] == ["groupMembership", "groupSchedule"]


async def test_schedules_survive_a_restart(state_dir: Path, clock: FakeClock) -> None:
    """A membership ends although the simulator was not there when its time came."""
    async with (
        Simulator(state_dir, tenant(), clock=clock.now) as first,
        connected(first) as client,
    ):
        snapshot = (state_dir / "tenant.json").read_bytes()
        await client.post(REQUESTS, json=request())
    (state_dir / "tenant.json").write_bytes(snapshot)
    clock.advance(timedelta(hours=3))
    async with Simulator(state_dir, clock=clock.now) as again:
        await eventually(lambda: not again.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA))


async def test_removal_before_the_end(running: Simulator, client: httpx.AsyncClient) -> None:
    """`adminRemove` ends it, and who holds nothing has nothing to lose."""
    assert refusal(await client.post(REQUESTS, json=request(action="adminRemove"))) == ABSENT
    await client.post(REQUESTS, json=request())
    assert refusal(await client.post(REQUESTS, json=request())) == EXISTS
    answer = await client.post(REQUESTS, json=request(action="adminRemove"))
    assert (answer.status_code, answer.json()["status"]) == (201, "Revoked")
    assert not running.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert running.tenant.schedules == {}


async def test_owners_without_end(running: Simulator, client: httpx.AsyncClient) -> None:
    """An ownership that is scheduled for good."""
    info = {"expiration": {"type": "noExpiration"}}
    answer = await client.post(REQUESTS, json=request(accessId="owner", scheduleInfo=info))
    assert answer.status_code == 201
    assert cast.NORA in running.tenant.groups[cast.ATELIER_EDITORS]["owners"]


async def test_policy(running: Simulator, client: httpx.AsyncClient) -> None:
    """Rules that fail are named."""
    running.behaviour.justification_required = True
    answer = await client.post(REQUESTS, json=request(justification=""))
    assert refusal(answer) == (
        400,
        "RoleAssignmentRequestPolicyValidationFailed",
        'The following policy rules failed: ["JustificationRule"]',
    )
    over = {"expiration": {"type": "afterDateTime", "endDateTime": "2026-03-01T00:00:00Z"}}
    answer = await client.post(REQUESTS, json=request(scheduleInfo=over))
    assert '["ExpirationRule"]' in refusal(answer)[2]


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "selfActivate"},
        {"accessId": "guest"},
        {"groupId": "x"},
        {"principalId": None},
        {"scheduleInfo": None},
        {"scheduleInfo": {"expiration": {"type": "afterDuration", "duration": "soon"}}},
        {"scheduleInfo": {"expiration": {"type": "afterDateTime"}}},
        {"scheduleInfo": {"expiration": {"type": "sometime"}}},
    ],
)
async def test_unreadable_requests(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    """A 400 that changes nothing."""
    assert refusal(await client.post(REQUESTS, json=request(**fields)))[0] == 400


async def test_refused_requests(client: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    """Absent objects, groups that cannot be written, and a missing permission."""
    for fields, status in (
        ({"groupId": cast.UNKNOWN}, 404),
        ({"principalId": cast.UNKNOWN}, 404),
        ({"groupId": cast.ENGINEERING}, 403),
        ({"groupId": cast.WAREHOUSE_STAFF}, 400),
    ):
        assert (await client.post(REQUESTS, json=request(**fields))).status_code == status
    assert refusal(await reader.post(REQUESTS, json=request()))[0] == 403
