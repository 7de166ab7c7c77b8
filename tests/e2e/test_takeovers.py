"""Access given by hand, in a whole house: adopted it goes with its lease, else it goes at once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from latchkey.catalog.v1 import settings_pb2
from latchkey.requests.v1 import (
    access_request_pb2,
    access_request_pb2_grpc,
    lease_pb2,
    takeover_pb2,
    takeover_pb2_grpc,
)
from libs.domain import ids
from tests.e2e.conftest import Ready, people
from tests.support.eventually import eventually
from tools.dev import cast
from tools.dev.cast import Member
from tools.entra_simulator.control_client import ControlClient

pytestmark = pytest.mark.asyncio(loop_scope="module")
_EDITORS, _VIEWERS = cast.EDITORS_GROUP_ID, cast.VIEWERS_GROUP_ID


@pytest_asyncio.fixture(loop_scope="module")
async def hand(ready: Ready) -> AsyncIterator[ControlClient]:
    """Somebody in the Entra admin center."""
    client = ControlClient(ready.house.simulator_url, ready.house.simulator_ca)
    yield client
    client.close()


async def _sync(ready: Ready, key: str) -> None:
    guide = ready.guide(cast.OPERATOR)
    sync = await guide.start_sync((await guide.connect()).connection_id, key)
    async for now in guide.watch_sync(sync.sync_id):
        sync = now
    assert sync.problem == ""


async def _taken(ready: Ready, entitlement_id: str, action: int) -> takeover_pb2.Takeover:
    """A takeover of the entitlement, once it is over."""
    admin = ready.operator
    stub = takeover_pb2_grpc.TakeoverServiceStub(admin.channel("requests"))
    request = takeover_pb2.StartTakeoverRequest(
        entitlement_id=entitlement_id,
        action=action,  # type: ignore[arg-type]
    )
    takeover_id = (await admin.call(stub.StartTakeover, request)).takeover.takeover_id

    async def look() -> takeover_pb2.Takeover | None:
        asked = takeover_pb2.GetTakeoverRequest(takeover_id=takeover_id)
        found: takeover_pb2.Takeover = (await admin.call(stub.GetTakeover, asked)).takeover
        return found if found.state == takeover_pb2.TAKEOVER_STATE_DONE else None

    found = await eventually(look, 30, every=0.1)
    assert found is not None
    return found


async def _wish(ready: Ready, member: Member) -> access_request_pb2.AccessRequest:
    """The only access request of somebody."""
    client = ready.client(member)
    stub = access_request_pb2_grpc.AccessRequestServiceStub(client.channel("requests"))
    request = access_request_pb2.ListAccessRequestsRequest()
    (found,) = (await client.call(stub.ListAccessRequests, request)).access_requests
    wish: access_request_pb2.AccessRequest = found
    return wish


async def _lease_reaches(
    ready: Ready, member: Member, lease_id: str, state: lease_pb2.LeaseState.ValueType
) -> lease_pb2.Lease:
    async def look() -> lease_pb2.Lease | None:
        found = await ready.guide(member).lease(lease_id)
        return found if found.state == state else None

    found = await eventually(look, 30, every=0.1)
    assert found is not None
    return found


async def test_what_was_given_by_hand_goes_with_its_lease(
    ready: Ready, hand: ControlClient
) -> None:
    """Hannah and Victor are put into the group by hand. Adopted, she and who was there before have
    leases and keep what they have; of Victor, who is disabled, nothing is asked. Her lease ends,
    and only she is out of the group."""
    (hannah, jonas, victor) = people("Hannah Lindqvist", "Jonas Weber", "Victor Salas")
    for member in (hannah, victor):
        body = {"memberId": member.entra_object_id}
        hand.call("POST", f"/groups/{_EDITORS}/members", body)
    await _sync(ready, "by-hand")
    journal = len(await ready.entra.journal())
    done = await _taken(
        ready, ready.role_entitlement_id, settings_pb2.UNMANAGED_ACCESS_ACTION_ADOPT
    )
    assert (done.found_count, done.taken_count, done.skipped_count) == (5, 4, 1)
    for member in (hannah, jonas):
        wish = await _wish(ready, member)
        assert wish.takes_over
        assert wish.subject.user_id == ids.user_id(cast.TENANT_ID, member.entra_object_id)
        lease = await _lease_reaches(ready, member, wish.lease_id, lease_pb2.LEASE_STATE_ACTIVE)
        assert lease.takes_over
    removed = [
        entry for entry in (await ready.entra.journal())[journal:] if entry["method"] == "DELETE"
    ]
    assert removed == []

    lease_id = (await _wish(ready, hannah)).lease_id
    await ready.guide(hannah).give_back(lease_id, "I am done.")
    await _lease_reaches(ready, hannah, lease_id, lease_pb2.LEASE_STATE_ENDED)
    assert _EDITORS not in (await ready.entra.holds(hannah.entra_object_id)).group_ids
    for member in (jonas, victor):
        assert _EDITORS in (await ready.entra.holds(member.entra_object_id)).group_ids


async def test_what_is_removed_leaves_what_is_not_ours(ready: Ready, hand: ControlClient) -> None:
    """Those who hold access from outside lose just that, each with a denied access request; groups
    that were skipped, and apps that nobody manages, keep everybody."""
    (camille, priya) = people("Camille Laurent", "Priya Raman")
    before = await ready.entra.state()
    elsewhere = await ready.entra.holds(camille.entra_object_id)
    done = await _taken(
        ready, ready.access_entitlement_id, settings_pb2.UNMANAGED_ACCESS_ACTION_REMOVE
    )
    assert done.taken_count == done.found_count > 0
    wish = await _wish(ready, camille)
    assert wish.state == access_request_pb2.ACCESS_REQUEST_STATE_DENIED
    lease = await _lease_reaches(ready, camille, wish.lease_id, lease_pb2.LEASE_STATE_ENDED)
    assert lease.end_cause == lease_pb2.LEASE_END_CAUSE_UNMANAGED

    async def gone() -> bool:
        return _members(await ready.entra.state(), _VIEWERS) == set()

    await eventually(gone, 30)
    after = await ready.entra.state()
    assert after["appRoleAssignments"] == before["appRoleAssignments"]
    for group in before["groups"]:
        if group["id"] != _VIEWERS:
            assert _members(after, group["id"]) == _members(before, group["id"])
    left = await ready.entra.holds(camille.entra_object_id)
    assert left.group_ids == elsewhere.group_ids - {_VIEWERS}
    assert cast.ADMINS_GROUP_ID in (await ready.entra.holds(priya.entra_object_id)).group_ids
    # A sync brings nothing back, and finds nobody to see to.
    await _sync(ready, "after")
    again = await _taken(
        ready, ready.access_entitlement_id, settings_pb2.UNMANAGED_ACCESS_ACTION_REMOVE
    )
    assert (again.found_count, again.taken_count) == (0, 0)


def _members(state: dict[str, object], group_id: str) -> set[str]:
    groups: list[dict[str, object]] = state["groups"]  # type: ignore[assignment]
    (group,) = (each for each in groups if each["id"] == group_id)
    members: list[object] = group["members"]  # type: ignore[assignment]
    return {str(each["id"]) if isinstance(each, dict) else str(each) for each in members}
