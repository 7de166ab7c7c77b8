"""Events only make the connector look sooner: without NATS it looks by itself."""

import asyncio

from latchkey.connector.v1 import provisioning_pb2 as pb
from tests.fakes.connector_peers import membership
from tests.integration.connector.house import ConnectorHouse
from tests.integration.entra_simulator import cast
from tests.support.nats import NatsServer


async def test_access_comes_and_ends_while_nats_is_away(
    small_house: ConnectorHouse, nats_server: NatsServer
) -> None:
    """With no broker at all a granted lease is delivered, and an ended one taken out of Entra."""
    house, tenant = small_house, small_house.simulator.tenant
    connection_id = await house.connect()
    await asyncio.to_thread(nats_server.kill)

    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    lease_id = house.lease(cast.NORA, [target])
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)

    house.end(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert len(house.changes()) == 2
