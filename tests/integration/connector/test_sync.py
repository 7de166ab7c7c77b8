"""Syncs, from the simulator's tenant into the catalog."""

from latchkey.connector.v1 import sync_pb2
from tests.integration.connector.house import ConnectorHouse


async def test_brings_the_whole_tenant(house: ConnectorHouse) -> None:
    """Everything in scope reaches the catalog exactly once, and then the sync succeeds."""
    connection_id = await house.connect()
    sync_id = await house.start_sync(connection_id)
    sync = await house.finished(sync_id)
    assert sync.state == sync_pb2.SYNC_STATE_SUCCEEDED, sync.problem
    found = house.catalog.syncs[sync_id]
    assert found.completed
    tenant = house.simulator.tenant
    users = found.objects("users", "users")
    assert sorted(user.entra_object_id for user in users) == sorted(tenant.users)
