"""The tables of the connector."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from libs.db.engine import Database
from libs.db.guarded import Culprit, Stale, run_all
from libs.domain.changes import Write
from services.connector.domain.assignment import Assignment
from services.connector.domain.attempt import AttemptOutcome, AttemptRecord
from services.connector.domain.delivery import Delivery, DeliveryState, Picture
from services.connector.domain.lease import Lease
from services.connector.domain.operation import Lane
from services.connector.domain.settling import settled
from services.connector.domain.sync import Progress, Sync, SyncState
from services.connector.domain.verdict import Done, Exchange
from services.connector.store import MIGRATIONS
from services.connector.store.connections import ConnectionStore
from services.connector.store.provisioning import ProvisioningStore
from services.connector.store.syncs import SyncStore
from services.connector.store.tables import metadata
from services.connector.store.throttles import ThrottleStore
from tests.fakes.clock import FakeClock
from tests.support.migrated import migrated
from tests.unit.connector.provisioning_house import CONNECTION, GROUP, PERSON, ROLE


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the connector's tables."""
    async with migrated(database_url, MIGRATIONS) as database:
        yield database


async def _keep(database: Database, writes: tuple[Write, ...]) -> None:
    """Writes as the committer does, in one transaction."""

    def work(connection: Connection) -> None:
        try:
            run_all(connection, [writes])
        except Culprit as found:
            raise found.error from found

    await database.write(work)


def _first(now: FakeClock) -> Picture:
    """A delivery of two targets, just begun."""
    lease = Lease("lea_1", True, False, False, "ent_1", PERSON, (GROUP, ROLE), 1)
    assignments = [
        Assignment.new(PERSON, target, now.now()).held_by("lea_1", in_mirror=True, now=now.now())
        for target in lease.targets
    ]
    by_id = {assignment.assignment_id: assignment for assignment in assignments}
    delivery = Delivery.of(lease, DeliveryState.PENDING, now.now())
    return Picture(by_id, {"lea_1": delivery.pending(1, by_id, now.now())})


async def test_migrations_make_the_tables(database: Database) -> None:
    """Migrations and table definitions are the same, and applying them again is harmless."""
    await MIGRATIONS.apply(database)
    await MIGRATIONS.check(database)
    differences = await database.read(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": False}), metadata
        )
    )
    assert differences == []


async def test_what_is_saved_is_read_back(database: Database) -> None:
    """Deliveries, assignments, holds and operations, by lease, by operation and by what is due."""
    clock, store = FakeClock(), ProvisioningStore(database)
    saved = _first(clock)
    await _keep(database, store.saved(Picture({}, {}), saved))
    read = await store.around_lease("lea_1")
    [delivery] = read.deliveries.values()
    assert delivery.version == 1 and delivery.targets == (GROUP, ROLE)
    assert set(delivery.assignment_ids) == set(saved.assignments)
    for assignment_id, assignment in read.assignments.items():
        assert assignment.lease_ids == {"lea_1"} and assignment.in_mirror
        assert assignment.operation is not None
        assert assignment.target == saved.assignments[assignment_id].target
        by_operation = await store.around_operations([assignment.operation.operation_id])
        assert by_operation == read
    due = await store.due("con_1", clock.now(), 10, frozenset())
    assert {found.entra_principal_id for found in due} == {PERSON.entra_object_id}
    assert {found.joins for found in due} == {None, ("g-1", "")}
    busy = frozenset({PERSON.entra_object_id})
    assert await store.due("con_1", clock.now(), 10, busy) == due, "what was passed over is told"
    begun = {id: each.attempted("call", clock.now()) for id, each in read.assignments.items()}
    await _keep(database, store.saved(read, Picture(begun, {})))
    assert await store.due("con_1", clock.now(), 10, frozenset()) == due
    assert not await store.due("con_1", clock.now(), 10, busy), "it is under way"
    assert not await store.due("con_2", clock.now(), 10, frozenset())
    assert await store.open_deliveries(10) == ["lea_1"]
    assert (await store.around_lease("lea_2", PERSON, [GROUP])).find(PERSON, GROUP) is not None
    assert await store.delivery("lea_2") is None


async def test_two_changes_from_one_state(database: Database) -> None:
    """The second one fails, whole: neither a hold nor an operation of it is left."""
    clock, store = FakeClock(), ProvisioningStore(database)
    await _keep(database, store.saved(Picture({}, {}), _first(clock)))
    seen = await store.around_lease("lea_1")
    released = [found.released_by("lea_1", clock.now()) for found in seen.assignments.values()]
    ended = seen.deliveries["lea_1"].removing(clock.now())
    after, _ = seen.changed(released, [ended], clock.now())
    await _keep(database, store.saved(seen, after))
    attempted = [found.attempted("call", clock.now()) for found in seen.assignments.values()]
    late, _ = seen.changed(attempted, (), clock.now())
    with pytest.raises(Stale):
        await _keep(database, store.saved(seen, late))
    now = await store.around_lease("lea_1")
    assert now.deliveries["lea_1"].state is DeliveryState.REMOVED
    assert not any(found.lease_ids or found.operation for found in now.assignments.values())


async def test_lanes_the_oldest_first(database: Database) -> None:
    """Removals, then emergencies, then the rest; within a lane by when they were intended."""
    clock, store = FakeClock(), ProvisioningStore(database)
    expected: list[str] = []
    for number, (emergency, leaving) in enumerate(
        [(False, False), (False, True), (True, False), (False, False)]
    ):
        person = replace(PERSON, entra_object_id=f"p-{number}", user_id=f"usr_{number}")
        lease_id = f"lea_{number}"
        lease = Lease(lease_id, True, False, False, "ent_1", person, (ROLE,), 1, emergency)
        held = Assignment.new(person, ROLE, clock.now()).held_by(
            lease_id, in_mirror=False, now=clock.now(), emergency=emergency
        )
        if leaving:
            attempted = held.attempted("call", clock.now())
            assert attempted.operation is not None
            made = settled(attempted, attempted.operation.operation_id, 1, Done("ok"), clock.now())
            held = made.released_by(lease_id, clock.now())
        delivery = Delivery.of(lease, DeliveryState.PENDING, clock.now()).pending(
            1, [held.assignment_id], clock.now()
        )
        after = Picture({held.assignment_id: held}, {lease_id: delivery})
        await _keep(database, store.saved(Picture({}, {}), after))
        assert held.operation is not None
        expected.append(held.operation.operation_id)
        clock.advance(timedelta(seconds=1))
    due = await store.due("con_1", clock.now(), 10, frozenset())
    assert [found.operation_id for found in due] == [expected[i] for i in (1, 2, 0, 3)]
    assert [found.lane for found in due] == [Lane.REVOKE, Lane.EMERGENCY, Lane.GRANT, Lane.GRANT]
    again = await store.around_operations([expected[2]])
    [emergency_one] = again.assignments.values()
    assert emergency_one.emergency_lease_ids == {"lea_2"}


async def test_attempts_are_kept(database: Database) -> None:
    """The beginning with the intent, the end with the answer; one that was cut off says so."""
    clock, store = FakeClock(), ProvisioningStore(database)
    await _keep(database, store.saved(Picture({}, {}), _first(clock)))
    seen = await store.around_lease("lea_1")
    [assignment] = [found for found in seen.assignments.values() if found.target == ROLE]
    assert assignment.operation is not None
    operation_id = assignment.operation.operation_id

    async def save(changed: Assignment) -> Assignment:
        nonlocal seen
        after, _ = seen.changed([changed], (), clock.now())
        await _keep(database, store.saved(seen, after))
        now = await store.around_lease("lea_1")
        kept = seen.after(after)
        assert kept.assignments == now.assignments, "what is known needs no reading"
        seen = now
        return now.assignments[changed.assignment_id]

    assignment = await save(assignment.attempted("call-1", clock.now()))
    found = await store.operation(operation_id)
    assert found is not None
    assert found.attempts == (AttemptRecord(1, clock.now(), "call-1", exchange=_sent("call-1")),)
    clock.advance(timedelta(seconds=1))
    assignment = await save(assignment.attempted("call-2", clock.now()))
    exchange = Exchange("POST /x", 201, "", "", "request-2", "call-2")
    assignment = await save(
        settled(assignment, operation_id, 2, Done("201 Created", "id-1", exchange), clock.now())
    )
    found = await store.operation(operation_id)
    assert found is not None
    first, second = found.attempts
    assert first.outcome is AttemptOutcome.UNKNOWN and first.finish_time is None
    assert second.outcome is AttemptOutcome.DONE and second.exchange == exchange
    assert second.finish_time == clock.now()
    assert await store.operation("opr_none") is None


def _sent(client_request_id: str) -> Exchange:
    return Exchange(client_request_id=client_request_id)


async def test_throttles_are_kept(database: Database) -> None:
    """The latest time counts, in whichever order two notes arrive."""
    clock, store = FakeClock(), ThrottleStore(database)
    await _keep(database, ConnectionStore(database).added(CONNECTION))
    assert await store.until("con_1") is None
    for seconds, latest in ((5, 5), (30, 30), (10, 30)):
        await store.note("con_1", clock.now() + timedelta(seconds=seconds))
        assert await store.until("con_1") == clock.now() + timedelta(seconds=latest)


async def test_one_assignment_for_one_thing(database: Database) -> None:
    """Two leases that both believe to be the first to need it: one of them fails."""
    clock, store = FakeClock(), ProvisioningStore(database)
    await _keep(database, store.saved(Picture({}, {}), _first(clock)))
    lease = Lease("lea_2", True, False, False, "ent_1", PERSON, (GROUP,), 1)
    second = Assignment.new(PERSON, GROUP, clock.now()).held_by(
        "lea_2", in_mirror=False, now=clock.now()
    )
    delivery = Delivery.of(lease, DeliveryState.PENDING, clock.now()).pending(
        1, [second.assignment_id], clock.now()
    )
    after = Picture({second.assignment_id: second}, {"lea_2": delivery})
    with pytest.raises(IntegrityError):
        await _keep(database, store.saved(Picture({}, {}), after))


async def test_one_sync_at_a_time(database: Database) -> None:
    """A second running sync of a connection fails; after the end of the first there is room."""
    clock, syncs = FakeClock(), SyncStore(database)
    await _keep(database, ConnectionStore(database).added(CONNECTION))

    def sync(sync_id: str) -> Sync:
        return Sync(
            sync_id, CONNECTION.connection_id, SyncState.RUNNING, Progress("users"), "", clock.now()
        )

    await _keep(database, syncs.added(sync("syn_1")))
    with pytest.raises(IntegrityError):
        await _keep(database, syncs.added(sync("syn_2")))
    first = await syncs.running_of(CONNECTION.connection_id)
    assert first == sync("syn_1") and await syncs.running() == [first]
    done = first.succeeded(0, Progress("completing", 3, 4, 5), 6, clock.now())
    await _keep(database, syncs.updated(done))
    with pytest.raises(Stale):
        await _keep(database, syncs.updated(done))
    await _keep(database, syncs.added(sync("syn_2")))
    last = await syncs.last_succeeded_of(CONNECTION.connection_id)
    assert last is not None and last.progress == Progress("done", 3, 4, 5)
    assert last.removed_count == 6


async def test_a_tenant_is_connected_once(database: Database) -> None:
    """Also when two administrators do it in the same moment."""
    store = ConnectionStore(database)
    await _keep(database, store.added(CONNECTION))
    with pytest.raises(IntegrityError):
        await _keep(database, store.added(CONNECTION))
    await _keep(database, store.protecting(CONNECTION.connection_id, ["b", "a"]))
    assert await store.protected(CONNECTION.connection_id) == {"a", "b"}
    assert await store.protected("con_other") == frozenset()
