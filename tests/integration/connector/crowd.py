"""Many people and groups in the simulator's tenant, and leases for them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from latchkey.catalog.v1 import target_pb2
from latchkey.connector.v1 import provisioning_pb2 as pb
from libs.db.locks import Locks
from tests.integration.connector.house import ConnectorHouse
from tests.support.eventually import eventually


def people(house: ConnectorHouse, count: int) -> list[str]:
    """So many new people; their object ids."""
    tenant = house.simulator.tenant
    return [
        tenant.add_object(
            "user",
            {
                "displayName": f"Person {number}",
                "userPrincipalName": f"person{number}@crowd.example",
                "accountEnabled": True,
            },
        )["id"]
        for number in range(count)
    ]


def groups(house: ConnectorHouse, count: int) -> list[str]:
    """So many new security groups; their object ids."""
    tenant = house.simulator.tenant
    return [
        tenant.add_object(
            "group",
            {
                "displayName": f"Crowd {number}",
                "groupTypes": [],
                "mailEnabled": False,
                "securityEnabled": True,
                "members": [],
            },
        )["id"]
        for number in range(count)
    ]


async def restarted(house: ConnectorHouse, **settings: Any) -> None:
    """The connector again, with other settings."""
    await house.stop()
    house.settings = replace(house.settings, **settings)
    await house.start()


@asynccontextmanager
async def gathering(house: ConnectorHouse, connection_id: str) -> AsyncIterator[None]:
    """Nobody works on the tenant meanwhile: what comes to be due then goes to Entra together."""
    await house.stop()
    locks = Locks.of(house.settings.database_url)
    try:
        assert await locks.acquire(f"tenant {connection_id}")
        await house.start()
        yield
    finally:
        await locks.close()


async def gathered(house: ConnectorHouse, count: int) -> None:
    """Waits until so many operations wait to be attempted."""

    async def there() -> bool:
        operations = await house.operations()
        assert not any(found.attempt_count for found in operations)
        return len(operations) == count

    await eventually(there, 20, every=0.02)


def leases(
    house: ConnectorHouse, principals: Iterable[str], targets: Iterable[target_pb2.Target]
) -> list[str]:
    """A lease of the same targets for each of these people; their ids."""
    wanted = list(targets)
    return [house.lease(principal, wanted) for principal in principals]


async def all_reached(
    house: ConnectorHouse,
    lease_ids: Iterable[str],
    state: pb.DeliveryState.ValueType,
    *,
    within: float = 30,
) -> None:
    """Waits until all of them have come to a state."""
    for lease_id in lease_ids:
        await house.reached(lease_id, state, within=within)


def graph_writes(house: ConnectorHouse, since: int = 0) -> list[dict[str, Any]]:
    """The journal's entries of writing calls, those within batches one by one."""
    return [
        entry
        for entry in house.simulator.journal.entries(since)
        if entry["source"] == "graph"
        and entry["method"] != "GET"
        and not entry["path"].endswith("/$batch")
    ]


async def operation(house: ConnectorHouse, operation_id: str) -> pb.Operation:
    """An operation with its attempts."""
    response = await house.provisioning.GetOperation(
        pb.GetOperationRequest(operation_id=operation_id), metadata=house.reader
    )
    found: pb.Operation = response.operation
    return found


async def attempted(house: ConnectorHouse, least: int) -> pb.Operation:
    """The only operation, once it was attempted so often."""

    async def there() -> pb.Operation | None:
        operations = await house.operations()
        enough = operations and operations[0].attempt_count >= least
        return operations[0] if enough and operations[0].answer else None

    found = await eventually(there, 20, every=0.02)
    assert found is not None
    return await operation(house, found.operation_id)
