"""Leases, from the event to the simulator's tenant and back."""

import asyncio
from typing import Any

import pytest

from latchkey.connector.v1 import provisioning_pb2 as pb
from latchkey.connector.v1 import sync_pb2
from latchkey.requests.v1 import events_pb2, lease_pb2
from libs.domain.callers import ADMIN
from libs.domain.errors import Unavailable
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector.house import ConnectorHouse
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually


async def _operations(house: ConnectorHouse) -> list[pb.Operation]:
    response = await house.provisioning.ListOperations(
        pb.ListOperationsRequest(), metadata=house.as_person(ADMIN)
    )
    return list(response.operations)


async def _assignments(house: ConnectorHouse) -> list[pb.Assignment]:
    response = await house.provisioning.ListAssignments(
        pb.ListAssignmentsRequest(), metadata=house.as_person(ADMIN)
    )
    return list(response.assignments)


async def _told(house: ConnectorHouse, lease_id: str) -> list[str]:
    outbox = house.running.ledger.outbox
    query = outbox.select().where(outbox.c.resource_id == lease_id).order_by(outbox.c.position)
    rows = await house.running.database.read(lambda c: c.execute(query).all())
    return [row.type.rpartition(".")[2] for row in rows]


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
    by_kind = {a.target.WhichOneof("kind"): a for a in await _assignments(house)}
    assert by_kind["app_role_assignment"].entra_assignment_id == made["id"]
    assert by_kind["group_membership"].lease_ids == [lease_id]

    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)
    assert len(house.changes()) == 4
    assert cast.NORA in tenant.users, "the membership was removed, not the person"
    assert await _told(house, lease_id) == ["AccessProvisioned", "AccessDeprovisioned"]
    operations = await _operations(house)
    assert [operation.state for operation in operations] == [pb.OPERATION_STATE_SUCCEEDED] * 4
    assert all(operation.attempt_count == 1 for operation in operations)
    assert all(not assignment.lease_ids for assignment in await _assignments(house))


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
    return (await _told(house, lease_id)).count(name) >= least


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
    found = {a.entra_assignment_id for a in await _assignments(house)}
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
    [assignment] = await _assignments(house)
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


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        (cast.ENGINEERING, "group_not_writable"),
        (cast.CLOUD_ADMINISTRATORS, "group_not_writable"),
        (cast.WAREHOUSE_STAFF, "group_not_writable"),
        (cast.FINANCE_ANNOUNCEMENTS, "group_not_writable"),
    ],
)
async def test_groups_that_can_not_be_written_fail_visibly(
    small_house: ConnectorHouse, group: str, reason: str
) -> None:
    """Graph's 403 says nothing of the cause; the delivery does."""
    house = small_house
    connection_id = await house.connect()
    lease_id = house.lease(cast.NORA, [membership(connection_id, cast.TENANT, group)])
    await house.granted(lease_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_FAILED)
    assert delivery.failure_reason == reason and delivery.failure_message
    assert await _told(house, lease_id) == ["AccessProvisioningFailed"]
    [operation] = await _operations(house)
    assert operation.state == pb.OPERATION_STATE_FAILED and operation.problem


async def test_a_missing_permission_fails_and_a_retry_succeeds(house: ConnectorHouse) -> None:
    """After an administrator granted what was missing, the next round delivers."""
    registrations = house.simulator.tenant.app_registrations
    permissions = [list(registration["permissions"]) for registration in registrations]
    for registration in registrations:
        registration["permissions"] = ["User.Read.All", "GroupMember.Read.All"]
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA,
        [
            membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
            app_role(connection_id, cast.TENANT, cast.ATELIER),
        ],
    )
    await house.granted(lease_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_FAILED)
    assert delivery.failure_reason == "permission_missing"
    assert "Authorization_RequestDenied" in delivery.failure_message
    assert not house.changes()
    for registration, granted in zip(registrations, permissions, strict=True):
        registration["permissions"] = granted
    house.requests.leases[lease_id].round = 2
    await house.tell(events_pb2.LeaseGranted(lease_id=lease_id, round=2))
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert delivery.round == 2 and not delivery.failure_reason
    assert len(house.changes()) == 2


async def test_targets_that_the_catalog_does_not_list(house: ConnectorHouse) -> None:
    """Refused with a reason, and the tenant's journal shows no call at all."""
    connection_id = await house.connect()
    since = house.simulator.journal.last_number
    lease_id = house.lease(
        cast.NORA,
        [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)],
        listed=False,
    )
    await house.granted(lease_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_FAILED)
    assert delivery.failure_reason == "target_not_listed"
    assert "no binding leads there" in delivery.failure_message
    assert len(delivery.targets) == 1 and not delivery.targets[0].assignment_id
    assert house.simulator.journal.entries(since) == []


async def test_microsofts_own_is_never_written_to(small_house: ConnectorHouse) -> None:
    """Even when the catalog lists it: a sync has seen whose it is."""
    house = small_house
    connection_id = await house.connect()
    sync = await house.finished(await house.start_sync(connection_id))
    assert sync.state == sync_pb2.SYNC_STATE_SUCCEEDED
    target = app_role(connection_id, cast.TENANT, cast.MICROSOFT_GRAPH)
    lease_id = house.lease(cast.NORA, [target])
    await house.granted(lease_id)
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_FAILED)
    assert delivery.failure_reason == "target_protected"
    assert not house.writes()


async def test_forged_events_do_nothing(small_house: ConnectorHouse) -> None:
    """An event of a lease that requests does not know is put aside, and others go on."""
    house = small_house
    connection_id = await house.connect()
    await house.tell(
        events_pb2.LeaseGranted(lease_id="lea_forged", round=1),
        events_pb2.LeaseEnded(lease_id="lea_forged"),
        events_pb2.LeaseGranted(),
    )
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    quarantine = house.running.ledger.quarantine

    async def put_aside() -> bool:
        rows = await house.running.database.read(lambda c: c.execute(quarantine.select()).all())
        return len(rows) == 3

    await eventually(put_aside, 10)


async def test_waits_for_requests_and_the_catalog(house: ConnectorHouse) -> None:
    """An event that can't be looked into yet is looked into later."""
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    await house.catalog.stop()
    await house.requests.stop()
    await house.granted(lease_id)
    await asyncio.sleep(0.5)
    assert not house.writes()
    await house.requests.start()
    await house.catalog.start()
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED, within=30)


async def test_killed_between_entras_answer_and_our_commit(house: ConnectorHouse) -> None:
    """After the restart there is one membership, it is ours, and the end of the lease takes it."""
    connection_id = await house.connect()
    targets = [
        membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS),
        app_role(connection_id, cast.TENANT, cast.ATELIER),
    ]
    lease_id = house.lease(cast.NORA, targets)
    commit = house.running.committer.commit

    async def hang(change: Any, **more: Any) -> None:
        if change.audit.action == "operations.settled":
            await asyncio.Event().wait()
        await commit(change, **more)

    house.running.committer.commit = hang  # type: ignore[method-assign]
    await house.granted(lease_id)
    await eventually(lambda: len(house.changes()) == 2, 10)
    assert (await house.delivery(lease_id)).state == pb.DELIVERY_STATE_PENDING
    await house.stop()

    await house.start()
    delivery = await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert len(house.changes()) == 2, "nothing was made twice"
    assert not any(target.preexisting for target in delivery.targets)
    for operation in await _operations(house):
        assert operation.attempt_count == 2
    await house.ended(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_REMOVED)
    tenant = house.simulator.tenant
    assert not tenant.is_member(cast.ATELIER_EDITORS, cast.NORA)
    assert not tenant.find_assignment(cast.NORA, cast.ATELIER, cast.NO_ROLE)


async def test_the_database_fails_once_after_entras_answer(house: ConnectorHouse) -> None:
    """The answer is kept in hand until it can be committed; Entra is not asked again."""
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    commit = house.running.committer.commit
    failures: list[Any] = []

    async def fail_once(change: Any, **more: Any) -> None:
        if change.audit.action == "operations.settled" and not failures:
            failures.append(change)
            raise Unavailable("the database", "it is away")
        await commit(change, **more)

    house.running.committer.commit = fail_once  # type: ignore[method-assign]
    await house.granted(lease_id)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert failures and len(house.writes()) == 1


async def test_waits_for_entra(small_house: ConnectorHouse) -> None:
    """While Entra does not answer the lease stays pending; it is delivered when it does."""
    house = small_house
    connection_id = await house.connect()
    lease_id = house.lease(
        cast.NORA, [membership(connection_id, cast.TENANT, cast.ATELIER_EDITORS)]
    )
    secret = house.settings.secrets_dir / "contoso"
    kept = secret.read_text()
    secret.unlink()
    await house.granted(lease_id)

    async def postponed() -> bool:
        operations = await _operations(house)
        return bool(operations) and operations[0].attempt_count >= 2

    await eventually(postponed, 10)
    [operation] = await _operations(house)
    assert operation.state == pb.OPERATION_STATE_INTENDED
    assert "the secrets folder has no contoso" in operation.problem
    secret.write_text(kept)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert len(house.writes()) == 1


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
    everything = await _assignments(house)
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
