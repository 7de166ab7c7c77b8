"""Leases, from the event to the simulator's tenant and back."""

from latchkey.connector.v1 import provisioning_pb2 as pb
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector.house import ConnectorHouse
from tests.integration.entra_simulator import cast


async def test_a_lease_comes_and_goes(house: ConnectorHouse) -> None:
    """Its membership and its app assignment are each made once, and each taken away once."""
    connection_id = await house.connect()
    targets = [
        membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
        app_role(connection_id, cast.TENANT, cast.ATELIER),
    ]
    lease_id = house.lease(cast.NORA, targets)
    await house.granted(lease_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert sorted(target.answer for target in delivery.targets) == [
        "201 Created",
        "204 No Content",
    ]
    tenant = house.simulator.tenant
    assert tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    assert len(house.changes()) == 2

    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    assert len(house.changes()) == 4
