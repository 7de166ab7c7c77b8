"""Leases, from the event to the simulator's tenant and back."""

import asyncio
import threading

import grpc
import pytest
from sqlalchemy import Connection, Engine, event, update

from latchkey.connector.v1 import provisioning_pb2 as pb
from latchkey.requests.v1 import events_pb2, lease_pb2
from libs.domain.ids import new_id
from libs.rpc.errors import field_violations
from services.connector.store import tables
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector.house import ConnectorHouse
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually
from tests.support.meanwhile import meanwhile


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
    assert [target.target for target in delivery.targets] == targets
    assert [target.answer for target in delivery.targets] == ["204 No Content", "201 Created"]
    assert all(target.HasField("answer_time") for target in delivery.targets)
    tenant = house.simulator.tenant
    assert tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    made = tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    assert made is not None and len(house.changes()) == 2
    by_kind = {a.target.WhichOneof("kind"): a for a in await house.assignments()}
    assert by_kind["app_role_assignment"].entra_assignment_id == made["id"]
    assert by_kind["group_membership"].lease_ids == [lease_id]

    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    assert len(house.changes()) == 4
    assert cast.NORA in tenant.users, "the membership was removed, not the person"
    assert await house.told(lease_id) == ["AccessProvisioned", "AccessDeprovisioned"]
    operations = await house.operations()
    assert [operation.state for operation in operations] == [pb.OPERATION_STATE_SUCCEEDED] * 4
    assert all(operation.attempt_count == 1 for operation in operations)
    assert all(not assignment.lease_ids for assignment in await house.assignments())


async def test_a_delivery_is_shown_as_of_one_moment(house: ConnectorHouse) -> None:
    """What is written while it is read is told of as a whole or not at all."""
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    database = house.running.database
    loop, changed = asyncio.get_running_loop(), threading.Event()

    async def everything_changes() -> None:
        def work(connection: Connection) -> None:
            connection.execute(update(tables.assignments).values(answer="409 changed"))
            connection.execute(update(tables.deliveries).values(state="FAILED"))

        await database.write(work)

    def between(_: object, __: object, statement: str, *___: object) -> None:
        if "FROM deliveries" in statement and not changed.is_set():
            changed.set()
            meanwhile(loop, everything_changes())

    event.listen(Engine, "before_cursor_execute", between)
    try:
        delivery = await house.delivery(lease_id)
    finally:
        event.remove(Engine, "before_cursor_execute", between)
    assert changed.is_set()
    (answer,) = (target.answer for target in delivery.targets)
    assert (delivery.state, answer) in {
        (pb.DELIVERY_STATE_DELIVERED, "204 No Content"),
        (pb.DELIVERY_STATE_FAILED, "409 changed"),
    }


async def test_deliveries_are_told_of_together(house: ConnectorHouse) -> None:
    """As one by one, in the order asked; of a lease that is not known nothing is told."""
    connection_id = await house.connect()
    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    leases = [house.lease(person, [target]) for person in (cast.NORA, cast.GRETA)]
    await house.granted(*leases)
    alone = [await house.reached(each, pb.DELIVERY_STATE_DELIVERED) for each in leases]
    several = pb.BatchGetDeliveriesRequest(lease_ids=[leases[1], new_id("lea"), leases[0]])
    by = house.as_service("requests")
    answer = await house.provisioning.BatchGetDeliveries(several, metadata=by)
    assert list(answer.deliveries) == [alone[1], alone[0]]
    for wrong, field in (([], "lease_ids"), (["lea_1", "req_1"], "lease_ids[1]")):
        request = pb.BatchGetDeliveriesRequest(lease_ids=wrong)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await house.provisioning.BatchGetDeliveries(request, metadata=by)
        assert [each.field for each in field_violations(raised.value)] == [field]


async def test_doubled_and_reordered_events(house: ConnectorHouse) -> None:
    """However often and in whatever order they come, each write is made once."""
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    granted = events_pb2.LeaseGranted(lease_id=lease_id, round=1)
    ended = events_pb2.LeaseEnded(lease_id=lease_id)
    await house.tell(ended, granted, granted, ended, granted)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    await house.tell(granted)
    await eventually(lambda: _has(house, lease_id, "AccessProvisioned", 2), 10)
    assert len(house.writes()) == 1, "it is told again, not done again"
    house.end(lease_id)
    await house.tell(ended, granted, ended)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert len(house.writes()) == 2


async def _has(house: ConnectorHouse, lease_id: str, name: str, least: int) -> bool:
    return (await house.told(lease_id)).count(name) >= least


async def test_was_there_before_and_stays(house: ConnectorHouse) -> None:
    """Who was a member and assigned already is still both after the lease."""
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    tenant.add_member(cast.ATELIER_EDITORS, cast.NORA)
    before = tenant.add_assignment(cast.NORA, cast.ATELIER)
    lease_id = house.lease(
        cast.NORA,
        [
            membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
            app_role(connection_id, cast.TENANT, cast.ATELIER),
        ],
    )
    await house.granted(lease_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert all(target.preexisting for target in delivery.targets)
    assert {target.answer for target in delivery.targets} == {
        "400 Request_BadRequest: already there"
    }
    found = {a.entra_assignment_id for a in await house.assignments()}
    assert found == {"", before["id"]}, "the assignment's id is looked up"
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE) == before
    assert not house.changes()


async def test_two_leases_share_one_assignment(house: ConnectorHouse) -> None:
    """The last hold to go removes it; until then there is no gap."""
    connection_id = await house.connect()
    target = membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)
    first, second = house.lease(cast.NORA, [target]), house.lease(cast.NORA, [target])
    await house.granted(first, second)
    await house.reached(first, pb.DELIVERY_STATE_DELIVERED)
    await house.reached(second, pb.DELIVERY_STATE_DELIVERED)
    [assignment] = await house.assignments()
    assert set(assignment.lease_ids) == {first, second}
    await house.ended(first)
    await house.reached(first, pb.DELIVERY_STATE_REMOVED)
    assert house.simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    await house.ended(second)
    await house.reached(second, pb.DELIVERY_STATE_REMOVED)
    assert [change["action"] for change in house.changes()] == ["added", "removed"]


async def test_another_persons_assignment_is_not_touched(small_house: ConnectorHouse) -> None:
    """Ending one person's lease leaves everybody else's access to the same role alone."""
    house = small_house
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    other = tenant.add_assignment(cast.PRIYA, cast.ATELIER)
    lease_id = house.lease(cast.NORA, [app_role(connection_id, cast.TENANT, cast.ATELIER)])
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert other["id"] in tenant.assignments


@pytest.mark.usefixtures("short_lag")
async def test_somebody_else_took_it_away_before_us(small_house: ConnectorHouse) -> None:
    """What is gone already counts as removed."""
    house = small_house
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA,
        [
            membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
            app_role(connection_id, cast.TENANT, cast.ATELIER),
        ],
    )
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    tenant = house.simulator.tenant
    tenant.remove_member(cast.ATELIER_EDITORS, cast.NORA)
    found = tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    assert found is not None
    tenant.remove_assignment(found["id"])
    await house.ended(lease_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert {target.answer for target in delivery.targets} == {
        "404 Request_ResourceNotFound: already gone"
    }


async def test_ends_before_it_was_delivered(house: ConnectorHouse) -> None:
    """End beats start: the lease is answered as removed, and Entra is not called."""
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    house.requests.leases[lease_id].state = lease_pb2.LEASE_STATE_GRANTED
    await house.granted(lease_id)
    other = house.lease(cast.PRIYA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)])
    await house.granted(other)
    await house.reached(other, pb.DELIVERY_STATE_DELIVERED)
    assert (await house.delivery(lease_id)).state == pb.DELIVERY_STATE_REMOVED
    assert not house.simulator.tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)


async def test_many_leases_of_many_targets_at_once(house: ConnectorHouse) -> None:
    """What is decided for one lease in many places at once still comes together."""
    connection_id = await house.connect()
    tenant = house.simulator.tenant
    groups = [
        tenant.add_object(
            "group",
            {
                "displayName": f"Group {number}",
                "groupTypes": [],
                "mailEnabled": False,
                "securityEnabled": True,
                "members": [],
            },
        )["id"]
        for number in range(12)
    ]
    targets = [membership(connection_id, cast.TENANT, group) for group in groups]
    people = [cast.NORA, cast.PRIYA, cast.JONAS, cast.GRETA]
    leases = [house.lease(person, targets) for person in people for _ in range(2)]
    await house.granted(*leases)
    for lease_id in leases:
        await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED, within=40)
    assert len(house.changes()) == len(groups) * len(people)
    await house.ended(*leases)
    for lease_id in leases:
        await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED, within=40)
    assert not any(tenant.members_of(group) for group in groups)
    assert len(house.changes()) == 2 * len(groups) * len(people)


async def test_lists_page_by_page(small_house: ConnectorHouse) -> None:
    """Assignments by person, operations by assignment, oldest first."""
    house = small_house
    connection_id = await house.connect()
    groups = [cast.ATELIER_EDITORS, cast.ATELIER_VIEWERS, cast.PRODUCT_DESIGN]
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, group) for group in groups]
    )
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    everything = await house.assignments()
    user_id = everything[0].user_id
    first = await house.provisioning.ListAssignments(
        pb.ListAssignmentsRequest(page_size=2, user_id=user_id), metadata=house.reader
    )
    rest = await house.provisioning.ListAssignments(
        pb.ListAssignmentsRequest(page_size=2, user_id=user_id, page_token=first.next_page_token),
        metadata=house.reader,
    )
    assert [*first.assignments, *rest.assignments] == everything
    nobody = await house.provisioning.ListAssignments(
        pb.ListAssignmentsRequest(user_id="usr_nobody"), metadata=house.reader
    )
    assert not nobody.assignments
    [operation] = (
        await house.provisioning.ListOperations(
            pb.ListOperationsRequest(assignment_id=everything[0].assignment_id),
            metadata=house.reader,
        )
    ).operations
    assert operation.assignment_id == everything[0].assignment_id
    paged = await house.provisioning.ListOperations(
        pb.ListOperationsRequest(page_size=1), metadata=house.reader
    )
    assert paged.next_page_token and len(paged.operations) == 1
