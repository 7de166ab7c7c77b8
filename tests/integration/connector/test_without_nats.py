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


async def test_the_longest_overdue_is_seen_to_first(
    small_house: ConnectorHouse, nats_server: NatsServer
) -> None:
    """Whatever the order in which requests lists those that are to end."""
    house = small_house
    connection_id = await house.connect()
    await asyncio.to_thread(nats_server.kill)
    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    people = (cast.NORA, cast.GRETA, cast.INGRID)
    leases = [house.lease(who, [target]) for who in people]
    for lease_id in leases:
        await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)

    # All at once, so that one look finds them.
    for lease_id, seconds in zip(leases, (2, 3, 1), strict=True):
        house.requests.leases[lease_id].end_time.seconds = seconds
        house.end(lease_id)
    for lease_id in leases:
        await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    whose = {each.assignment_id: each.entra_principal_id for each in await house.assignments()}
    begun = [
        whose[operation.assignment_id]
        for operation in await house.operations()
        if operation.kind == pb.OPERATION_KIND_REMOVE
    ]
    assert begun == [cast.INGRID, cast.NORA, cast.GRETA]
