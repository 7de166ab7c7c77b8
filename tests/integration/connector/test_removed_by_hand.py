"""Access that somebody takes out of Entra by hand, and what a sync makes of it."""

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from latchkey.connector.v1 import connection_pb2, reconciliation_pb2
from latchkey.connector.v1 import provisioning_pb2 as pb
from latchkey.requests.v1 import lease_pb2
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector.house import ConnectorHouse, refusal
from tests.integration.connector.whole import enlarge
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually

pytestmark = pytest.mark.usefixtures("short_lag")


async def _listed(
    house: ConnectorHouse,
    state: reconciliation_pb2.ReconciliationState.ValueType = 0,  # type: ignore[assignment]  # all
) -> list[reconciliation_pb2.Reconciliation]:
    response = await house.reconciliations.ListReconciliations(
        reconciliation_pb2.ListReconciliationsRequest(state=state), metadata=house.reader
    )
    return list(response.reconciliations)


async def _found(
    house: ConnectorHouse, state: reconciliation_pb2.ReconciliationState.ValueType
) -> reconciliation_pb2.Reconciliation:
    async def there() -> reconciliation_pb2.Reconciliation:
        found = await _listed(house, state)
        assert len(found) == 1, found
        return found[0]

    return await eventually(there, 10)


async def test_its_leases_end_and_a_second_look_writes_nothing(house: ConnectorHouse) -> None:
    """What else they brought goes; what is gone already is not called for."""
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    group = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    lease_id = house.lease(cast.NORA, [group, app_role(connection_id, cast.TENANT, cast.ATELIER)])
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    house.requests.leases[lease_id].state = lease_pb2.LEASE_STATE_ACTIVE
    await house.synced(connection_id)
    assert not await _listed(house)

    # What was written so far is signed when the service ends; after that there is nothing to sign.
    await house.stop()
    await house.start()
    rows, mark, checks = await house.rows(), house.simulator.journal.last_number, 0
    for _ in range(2):
        await house.stop()
        checks = house.catalog.checks
        await house.start()

        async def looked(before: int = checks) -> bool:
            return house.catalog.checks > before

        await eventually(looked, 10)
    assert await house.rows() == rows
    assert not house.writes(mark) and not house.changes(mark)

    tenant.remove_member(cast.ATELIER_EDITORS, cast.NORA)
    await house.synced(connection_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_LOST)
    states = [target.assignment_state for target in delivery.targets]
    assert states == [pb.ASSIGNMENT_STATE_LOST, pb.ASSIGNMENT_STATE_PRESENT]
    assert delivery.HasField("removed_outside_time")
    assert [each.HasField("removed_outside_time") for each in delivery.targets] == [True, False]
    found = await _found(house, reconciliation_pb2.RECONCILIATION_STATE_DONE)
    assert (found.missing_count, found.expected_count) == (1, 2)
    assert found.assignment_ids == [delivery.targets[0].assignment_id]
    assert found.connection_id == connection_id and not found.HasField("confirmed_by")
    shown = await house.reconciliations.GetReconciliation(
        reconciliation_pb2.GetReconciliationRequest(reconciliation_id=found.reconciliation_id),
        metadata=house.reader,
    )
    assert shown.reconciliation == found

    mark = house.simulator.journal.last_number
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert [method for method, path, _ in house.writes(mark)] == ["DELETE"]
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    told = await house.told(lease_id)
    assert told == ["AccessProvisioned", "AccessRemovedOutside", "AccessDeprovisioned"]


async def test_it_is_put_back_where_the_connection_says_so(house: ConnectorHouse) -> None:
    """By the next sync, and the leases go on; they say when it was."""
    connection_id = await house.connect()
    updated = await house.connections.UpdateConnection(
        connection_pb2.UpdateConnectionRequest(
            connection=connection_pb2.Connection(
                connection_id=connection_id,
                removed_access_action=connection_pb2.REMOVED_ACCESS_ACTION_RESTORE,
            ),
            update_mask=FieldMask(paths=["removed_access_action"]),
        ),
        metadata=house.admin,
    )
    restore = connection_pb2.REMOVED_ACCESS_ACTION_RESTORE
    assert updated.connection.removed_access_action == restore
    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    first, second = house.lease(cast.NORA, [target]), house.lease(cast.NORA, [target])
    await house.granted(first, second)
    for lease_id in (first, second):
        await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    house.simulator.tenant.remove_member(cast.ATELIER_EDITORS, cast.NORA)
    await house.synced(connection_id)
    await _found(house, reconciliation_pb2.RECONCILIATION_STATE_DONE)
    for lease_id in (first, second):
        delivery = await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
        assert delivery.HasField("removed_outside_time")
        assert await house.told(lease_id) == [
            "AccessProvisioned",
            "AccessRemovedOutside",
            "AccessProvisioned",
        ]
    assert house.simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)


async def test_too_much_waits_to_be_confirmed(small_house: ConnectorHouse) -> None:
    """A whole group emptied by mistake ends nobody's lease until somebody says so; who is back by
    then keeps theirs."""
    house = small_house
    enlarge(house, users=23)
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    people = [id for id, user in tenant.users.items() if user["displayName"].startswith("Person ")]
    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    leases = {who: house.lease(who, [target]) for who in people}
    await house.granted(*leases.values())
    for lease_id in leases.values():
        await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    for who in people[:22]:
        tenant.remove_member(cast.ATELIER_EDITORS, who)
    await house.synced(connection_id)
    held = await _found(house, reconciliation_pb2.RECONCILIATION_STATE_HELD)
    assert (held.missing_count, held.expected_count) == (22, 23)
    assert len(held.assignment_ids) == 22
    assert await house.told(held.reconciliation_id) == ["ReconciliationHeld"]
    await house.synced(connection_id)
    assert [each.state for each in await _listed(house)] == [held.state], "it is kept once"
    for lease_id in leases.values():
        assert (await house.delivery(lease_id)).state == pb.DELIVERY_STATE_DELIVERED

    tenant.add_member(cast.ATELIER_EDITORS, people[0])
    house.catalog.held.add(_held_by(house, people[0], target.directory_entitlement_id))
    request = reconciliation_pb2.ConfirmReconciliationRequest(
        reconciliation_id=held.reconciliation_id, idempotency_key="once"
    )
    for _ in range(2):
        response = await house.reconciliations.ConfirmReconciliation(request, metadata=house.admin)
        confirmed = response.reconciliation
        assert confirmed.state == reconciliation_pb2.RECONCILIATION_STATE_CONFIRMED
    done = await _found(house, reconciliation_pb2.RECONCILIATION_STATE_DONE)
    assert done.HasField("confirmed_by") and done.HasField("finish_time")
    for who in people[1:22]:
        assert (await house.delivery(leases[who])).state == pb.DELIVERY_STATE_LOST
    for who in (people[0], people[22]):
        assert (await house.delivery(leases[who])).state == pb.DELIVERY_STATE_DELIVERED
    again = reconciliation_pb2.ConfirmReconciliationRequest(
        reconciliation_id=held.reconciliation_id
    )
    facts = await refusal(
        house.reconciliations.ConfirmReconciliation(again, metadata=house.admin),
        grpc.StatusCode.FAILED_PRECONDITION,
        "RECONCILIATION_NOT_HELD",
    )
    assert facts["state"] == "DONE"


def _held_by(house: ConnectorHouse, who: str, directory_entitlement_id: str) -> tuple[str, str]:
    return house.catalog.knows(house.simulator.tenant.id, who), directory_entitlement_id
