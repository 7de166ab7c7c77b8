"""What somebody takes out of Entra by hand, on each kind of database."""

from datetime import UTC, datetime, timedelta

from latchkey.requests.v1 import access_request_pb2 as pb
from latchkey.requests.v1 import events_pb2, lease_pb2
from libs.domain.ids import new_id
from tests.fakes.requests_peers import group_target
from tests.integration.requests_service.deciders import kinds, told
from tests.integration.requests_service.house import House
from tests.support.eventually import eventually

_ENDING, _ACTIVE = lease_pb2.LEASE_STATE_ENDING, lease_pb2.LEASE_STATE_ACTIVE


async def test_access_removed_by_hand_ends_its_lease_or_is_put_back(house: House) -> None:
    """A word of it that is not true does nothing. Put back, it is told of once however often it is
    said; left out, the lease ends with the cause and what is missing, and its access request stays
    fulfilled."""
    ada, ben = house.person("Ada"), house.person("Ben")
    lease, other = await house.leased(ada), await house.leased(ben)
    for lease_id in (lease.lease_id, new_id("lea")):
        await house.connector.say_removed_outside(lease_id)
    first = datetime.now(UTC)
    # Events of one kind come in order: when the second one shows, the first has had its effect.
    house.connector.removed_by_hand(other.lease_id, "PENDING", first)
    for _ in range(2):
        await house.connector.say_removed_outside(other.lease_id)

    async def noted() -> bool:
        return (await ben.lease(other.lease_id)).HasField("removed_outside_time")

    await eventually(noted, 10)
    assert await ada.lease(lease.lease_id) == lease
    kept = await ben.lease(other.lease_id)
    assert (kept.state, kept.end_time) == (_ACTIVE, other.end_time)
    assert kept.removed_outside_time.ToDatetime(UTC) == first

    second = first + timedelta(minutes=1)
    house.connector.removed_by_hand(lease.lease_id, "LOST", second)
    for _ in range(2):
        await house.connector.say_removed_outside(lease.lease_id)
    ended = await ada.lease_reaches(lease.lease_id, "ENDING")
    assert ended.end_cause == lease_pb2.LEASE_END_CAUSE_REMOVED_OUTSIDE
    assert group_target().display_name in ended.end_reason
    assert ended.removed_outside_time.ToDatetime(UTC) == second
    found = await ada.get(lease.access_request_id)
    assert found.state == pb.ACCESS_REQUEST_STATE_FULFILLED
    assert kinds(found)[-2:] == ["removed_outside", "lease_ending"]
    removed, ending = found.timeline[-2:]
    assert removed.removed_outside.target == group_target()
    assert removed.removed_outside.found_time.ToDatetime(UTC) == second
    assert not removed.removed_outside.restored
    assert ending.lease_ending.cause == "removed_outside"
    assert kinds(await ben.get(other.access_request_id)).count("removed_outside") == 1
    house.connector.removed(lease.lease_id)
    await house.connector.say_deprovisioned(lease.lease_id)
    await ada.lease_reaches(lease.lease_id, "ENDED")

    missing = [group_target().directory_entitlement_id]
    assert [
        (each.lease_id, list(each.directory_entitlement_ids), each.restored)
        for each in await told(house, events_pb2.LeaseRemovedOutside)
    ] == [(other.lease_id, missing, True), (lease.lease_id, missing, False)]
    assert await house.actions(lease.lease_id) == ["lease.removed_outside", "lease.ended"]
    assert await house.actions(other.lease_id) == ["lease.restored"]
