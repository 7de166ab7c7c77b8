"""What is refused, what has to wait, and what a crash leaves behind."""

import asyncio
from typing import Any

import pytest

from latchkey.connector.v1 import provisioning_pb2 as pb
from latchkey.connector.v1 import sync_pb2
from latchkey.requests.v1 import events_pb2
from libs.domain.errors import Unavailable
from services.connector.entra import token
from tests.fakes.connector_peers import app_role, membership
from tests.integration.connector.house import ConnectorHouse
from tests.integration.entra_simulator import cast
from tests.support.eventually import eventually

pytestmark = pytest.mark.either_database


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
    assert await house.told(lease_id) == ["AccessProvisioningFailed"]
    [operation] = await house.operations()
    assert operation.state == pb.OPERATION_STATE_FAILED and operation.problem


async def test_a_missing_permission_fails_and_a_retry_succeeds(
    house: ConnectorHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an administrator granted what was missing, the next round delivers."""
    # Nobody is so quick but a test.
    monkeypatch.setattr(token, "_JUST_ISSUED_SECONDS", 0.0)
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
    for operation in await house.operations():
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
        operations = await house.operations()
        return bool(operations) and operations[0].attempt_count >= 2

    await eventually(postponed, 10)
    [operation] = await house.operations()
    assert operation.state == pb.OPERATION_STATE_INTENDED
    assert "the secrets folder has no contoso" in operation.problem
    secret.write_text(kept)
    await house.reached(lease_id, pb.DELIVERY_STATE_DELIVERED)
    assert len(house.writes()) == 1
