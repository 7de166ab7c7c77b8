"""What people do by hand for a lease: give it, take it, or have had it before."""

import pytest

from latchkey.connector.v1 import provisioning_pb2 as pb
from latchkey.requests.v1 import events_pb2
from services.connector.entra import token
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector.house import ConnectorHouse
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually

pytestmark = pytest.mark.either_database


async def _retried(house: ConnectorHouse, lease_id: str, round: int, **fields: bool) -> None:
    lease = house.requests.leases[lease_id]
    lease.round = round
    for name, value in fields.items():
        setattr(lease, name, value)
    await house.tell(events_pb2.LeaseGranted(lease_id=lease_id, round=round))


async def test_a_half_delivered_lease(house: ConnectorHouse) -> None:
    """It names what failed and why; a retry asks for that alone; given by hand it is found once the
    lease takes over, and the end removes all of it but what Entra does not let go."""
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    targets = [
        membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
        membership(connection_id, cast.TENANT, cast.WAREHOUSE_STAFF),
        app_role(connection_id, cast.TENANT, cast.ATELIER),
    ]
    lease_id = house.lease(cast.NORA, targets)
    await house.granted(lease_id)

    async def two_are_there() -> bool:
        delivery = await house.delivery(lease_id)
        states = [each.assignment_state for each in delivery.targets]
        return states == [2, 3, 2]

    await house.reached(lease_id, pb.DELIVERY_STATE_FAILED)
    await eventually(two_are_there, 10)
    delivery = await house.delivery(lease_id)
    assert [each.failure_reason for each in delivery.targets] == ["", "group_not_writable", ""]
    assert delivery.targets[1].failure_message and delivery.targets[1].remedy

    mark = house.simulator.journal.last_number
    await _retried(house, lease_id, 2)

    async def failed_again(round: int) -> bool:
        found = await house.delivery(lease_id)
        return (found.round, found.state) == (round, pb.DELIVERY_STATE_FAILED)

    await eventually(lambda: failed_again(2), 10)
    touched = {path for _, path, _ in house.writes(mark)}
    assert touched and all(cast.WAREHOUSE_STAFF in path for path in touched), touched

    await _retried(house, lease_id, 3, takes_over=True)
    await eventually(lambda: failed_again(3), 10)
    assert (await house.delivery(lease_id)).failure_reason == "group_not_writable"
    tenant.add_member(cast.WAREHOUSE_STAFF, cast.NORA)
    mark = house.simulator.journal.last_number
    await _retried(house, lease_id, 4, takes_over=True)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert not house.writes(mark) and not any(each.preexisting for each in delivery.targets)

    await house.ended(lease_id)

    async def only_the_refused_is_left() -> bool:
        delivery = await house.delivery(lease_id)
        assert delivery.state == pb.DELIVERY_STATE_REMOVING
        assert [each.assignment_state for each in delivery.targets] == [5, 4, 5]
        assert [each.failure_reason for each in delivery.targets] == ["", "group_not_writable", ""]
        return True

    await eventually(only_the_refused_is_left, 10)
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)


async def test_a_half_delivered_lease_that_is_given_up(small_house: ConnectorHouse) -> None:
    """What was done is removed, and nothing is asked about what never came."""
    house = small_house
    connection_id = await house.connect()
    done = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    refused = membership(connection_id, cast.TENANT, cast.ENGINEERING)
    lease_id = house.lease(cast.NORA, [done, refused])
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_FAILED)
    mark = house.simulator.journal.last_number
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert not house.simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert all(cast.ENGINEERING not in path for _, path, _ in house.writes(mark))


@pytest.mark.usefixtures("short_lag")
async def test_a_removal_that_entra_refuses_is_done_by_hand(
    house: ConnectorHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target says why it is still there; told that the lease has ended once more, the connector
    finds it gone, and the lease ends."""
    monkeypatch.setattr(token, "_JUST_ISSUED_SECONDS", 0.0)
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    targets = [
        membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
        app_role(connection_id, cast.TENANT, cast.ATELIER),
    ]
    lease_id = house.lease(cast.NORA, targets)
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    for registration in tenant.app_registrations:
        registration["permissions"] = ["User.Read.All", "GroupMember.Read.All"]
        registration["permissions"] += ["Application.Read.All", "Directory.Read.All"]
    # The token that is in use was issued before.
    await house.stop()
    await house.start()
    await house.ended(lease_id)

    async def refused() -> bool:
        delivery = await house.delivery(lease_id)
        assert [each.failure_reason for each in delivery.targets] == ["permission_missing"] * 2
        assert all(each.remedy == pb.REMEDY_NEEDS_PERSON for each in delivery.targets)
        return True

    await eventually(refused, 10)
    delivery = await house.delivery(lease_id)
    assert delivery.state == pb.DELIVERY_STATE_REMOVING
    tenant.remove_member(cast.ATELIER_EDITORS, cast.NORA)
    made = tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    assert made is not None
    tenant.remove_assignment(made["id"])
    await house.tell(events_pb2.LeaseEnded(lease_id=lease_id))
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED, within=25)
    assert not any(each.failure_reason for each in delivery.targets)


async def test_what_was_had_before_is_taken_over(house: ConnectorHouse) -> None:
    """Adopted, it goes with the lease; of a lease that was never approved, it goes at once."""
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    tenant.add_member(cast.ATELIER_VIEWERS, cast.NORA)
    tenant.add_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    adopted = house.lease(
        cast.NORA,
        [
            membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
            app_role(connection_id, cast.TENANT, cast.ATELIER),
        ],
        takes_over=True,
    )
    await house.granted(adopted)
    delivery = await house.reached(adopted, pb.DELIVERY_STATE_DELIVERED)
    assert not house.changes() and not any(each.preexisting for each in delivery.targets)

    viewers = membership(connection_id, cast.TENANT, cast.ATELIER_VIEWERS)
    not_held = membership(connection_id, cast.TENANT, cast.PRODUCT_DESIGN)
    unmanaged = house.lease(cast.NORA, [viewers, not_held], takes_over=True)
    who = house.catalog.knows(tenant.id, cast.NORA)
    house.catalog.held.add((who, viewers.directory_entitlement_id))
    await house.ended(unmanaged)
    delivery = await house.reached(unmanaged, pb.DELIVERY_STATE_REMOVED)
    assert not tenant.is_member(cast.ATELIER_VIEWERS, cast.NORA)
    assert [bool(each.assignment_id) for each in delivery.targets] == [True, False]
    assert len(house.changes()) == 1
    assert await house.told(unmanaged) == ["AccessDeprovisioned"]

    await house.ended(adopted)
    await house.reached(adopted, pb.DELIVERY_STATE_REMOVED)
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
