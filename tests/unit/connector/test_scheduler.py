"""The scheduler of a tenant, over stand-ins: who goes first, who waits, and for what."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.domain.errors import Conflict, Unavailable
from services.connector.domain.connection import ConnectionMode
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.operation import Lane, OperationKind
from services.connector.domain.target import GroupMembership, Principal, Target
from services.connector.domain.verdict import Remedy
from services.connector.domain.wave import SLOTS
from tests.support.eventually import eventually
from tests.unit.connector.provisioning_house import GROUP, ROLE, TENANT
from tests.unit.connector.scheduler_stage import Stage


async def test_what_is_due_is_done() -> None:
    """A person's two targets go side by side, and their answers are kept in one change."""
    stage = Stage()
    async with stage.running():
        await stage.grant(1, GROUP, ROLE)
        await stage.delivered(1)
    assert [len(some) for some in stage.entra.parcels] == [1, 1]
    assert stage.entra.most_under_way == 2 and stage.entra.the_gate.writes == 998
    ids = [each.client_request_id for some in stage.entra.parcels for each in some]
    assert len(set(ids)) == 2


async def test_joins_of_many_people_go_together() -> None:
    """One write, one id for the call, and everybody's lease is delivered."""
    stage = Stage()
    stage.entra.the_gate.writes = 0
    async with stage.running():
        for number in range(15):
            await stage.grant(number, GROUP)
        stage.entra.the_gate.writes = 1
        await stage.delivered(*range(15))
    [parcel] = stage.entra.parcels
    assert len(parcel) == 15 and len({each.client_request_id for each in parcel}) == 1


async def test_revocations_go_first_however_many_grants_wait() -> None:
    """What is issued while grants wait for the tenant's limits finds nothing in its way."""
    stage = Stage()
    async with stage.running():
        await stage.grant(0)
        await stage.delivered(0)
        stage.entra.the_gate.writes = 0
        for number in range(1, 40):
            await stage.grant(number)
        await stage.grant(50, emergency=True)
        await stage.end(0)
        stage.entra.the_gate.writes = 3
        await eventually(lambda: len(stage.entra.order()) == 4, 5, every=0.005)
        assert stage.entra.order()[1:] == [
            (OperationKind.REMOVE, "p-0"),
            (OperationKind.ADD, "p-50"),
            (OperationKind.ADD, "p-1"),
        ]
        waiting = stage.house.store.assignments_by_id.values()
        assert sum(each.operation.attempt_count for each in waiting if each.operation) == 0, (
            "what waits has no attempt yet"
        )


async def test_a_call_that_hangs_holds_back_nobody_else() -> None:
    """Others go on, also past the most that may be under way; the same person's work waits."""
    stage = Stage()
    stage.entra.hanging = {"p-0"}
    async with stage.running():
        await stage.grant(0)
        await eventually(lambda: len(stage.entra.parcels) == 1, 5, every=0.005)
        await stage.end(0)
        for number in range(1, 30):
            await stage.grant(number)
        await stage.delivered(*range(1, 30))
        assert [kind for kind, person in stage.entra.order() if person == "p-0"] == [
            OperationKind.ADD
        ], "its removal waits for its answer"
        stage.entra.go_on.set()
        await stage.reached(DeliveryState.REMOVED, 0)
    assert stage.house.tenant.present == {
        (f"p-{number}", ROLE.directory_entitlement_id) for number in range(1, 30)
    }


async def test_only_so_many_calls_are_under_way() -> None:
    """Calls that hang fill their lane's slots and no more; a revocation still has room."""
    stage = Stage()
    async with stage.running():
        await stage.grant(99)
        await stage.delivered(99)
        stage.entra.hanging = {f"p-{number}" for number in range(40)}
        for number in range(40):
            stage.entra.the_gate.writes = 1
            await stage.grant(number)
            if number < SLOTS[Lane.GRANT]:
                await eventually(lambda: not stage.entra.the_gate.writes, 5, every=0.005)
        stage.entra.the_gate.writes = 100
        await stage.end(99)
        await stage.reached(DeliveryState.REMOVED, 99)
        assert stage.entra.under_way == SLOTS[Lane.GRANT]
        stage.entra.hanging = set()
        stage.entra.go_on.set()
        await stage.delivered(*range(40))


async def test_the_budget_is_kept() -> None:
    """No more goes than the tenant lets through, and the rest goes when it lets more through."""
    stage = Stage()
    stage.entra.the_gate.writes = 5
    async with stage.running():
        for number in range(12):
            await stage.grant(number)
        await eventually(lambda: len(stage.entra.order()) == 5, 5, every=0.005)
        await asyncio.sleep(0.3)
        assert len(stage.entra.order()) == 5
        stage.entra.the_gate.writes = 100
        await stage.delivered(*range(12))


@pytest.mark.parametrize("reason", ["groups_only", "target_protected"])
async def test_what_may_not_be_written_since_it_was_intended_is_not_added(reason: str) -> None:
    """Those who wait are refused without a call; what was added before is removed all the same."""
    stage = Stage()
    connections = stage.house.connections
    async with stage.running():
        await stage.grant(0)
        await stage.delivered(0)
        stage.entra.the_gate.writes = 0
        await stage.grant(1)
        for number in range(2, 6):
            await stage.grant(number, GROUP, ROLE)
        if reason == "groups_only":
            mode = ConnectionMode.GROUPS_ONLY
            connections.connection = replace(connections.connection, mode=mode)
        else:
            connections.protected_ids = frozenset({"sp-1"})
        await stage.end(0)
        stage.entra.the_gate.writes = 1000
        await stage.reached(DeliveryState.FAILED, *range(1, 6))
        await stage.reached(DeliveryState.REMOVED, 0)
    refused = stage.house.delivery("lea_1")
    assert refused.failure_reason == reason
    remedy = Remedy.NEEDS_PERSON if reason == "groups_only" else Remedy.HOPELESS
    assert refused.remedy is remedy
    role = [each for some in stage.entra.parcels for each in some if each.target == ROLE]
    assert [(each.kind, each.principal.entra_object_id) for each in role] == [
        (OperationKind.ADD, "p-0"),
        (OperationKind.REMOVE, "p-0"),
    ]
    added = {principal for principal, target in stage.house.tenant.present}
    assert added == {f"p-{number}" for number in range(2, 6)}, "groups are joined"


async def test_what_is_taken_over_is_looked_for_where_nothing_may_be_added() -> None:
    """Found, it is delivered; not found, it is refused as it was; Microsoft's own is not called."""
    stage = Stage()
    connections = stage.house.connections
    async with stage.running():
        stage.entra.the_gate.writes = 0
        for number in range(2):
            await stage.grant(number, takes_over=True)
        mode = ConnectionMode.GROUPS_ONLY
        connections.connection = replace(connections.connection, mode=mode)
        stage.house.tenant.present.add(("p-0", ROLE.directory_entitlement_id))
        stage.entra.the_gate.writes = 1000
        await stage.delivered(0)
        await stage.reached(DeliveryState.FAILED, 1)
        assert stage.house.delivery("lea_1").failure_reason == "groups_only"
        calls = len(stage.entra.order())
        stage.entra.the_gate.writes = 0
        await stage.grant(2, takes_over=True)
        connections.protected_ids = frozenset({"sp-1"})
        stage.entra.the_gate.writes = 1000
        await stage.reached(DeliveryState.FAILED, 2)
        assert stage.house.delivery("lea_2").failure_reason == "target_protected"
        assert len(stage.entra.order()) == calls


async def test_a_lost_tenant_is_called_no_more() -> None:
    """What is under way is dropped at once; whoever has the tenant now finds out what it did."""
    stage = Stage()
    stage.entra.hanging = {"p-0"}
    async with stage.running():
        await stage.grant(0)
        await eventually(lambda: stage.entra.under_way == 1, 5, every=0.005)
        stage.serving.change()
        await eventually(lambda: stage.entra.under_way == 0, 5, every=0.005)
        await stage.grant(1)
        await asyncio.sleep(0.1)
        assert len(stage.entra.parcels) == 1
        stage.entra.go_on.set()
        stage.serving.change("con_1")
        await stage.delivered(0, 1)
    again = [each for some in stage.entra.parcels for each in some if each.number == 2]
    assert [each.principal.entra_object_id for each in again] == ["p-0"]
    assert again[0].looks_first


async def test_what_the_tenant_asked_for_is_kept_and_obeyed() -> None:
    """A pause is kept when it begins; who takes over later obeys what is left of it."""
    stage = Stage()
    async with stage.running():
        await stage.pauses.obey("con_1")
        stage.entra.the_gate.close_for(timedelta(seconds=40))
        await eventually(lambda: bool(stage.throttles.kept), 5, every=0.005)
    assert stage.throttles.kept["con_1"] - stage.house.clock.now() == timedelta(seconds=40)

    other = Stage()
    other.throttles = stage.throttles
    other.pauses.throttles = stage.throttles
    other.house.clock.advance(timedelta(seconds=15))
    await other.pauses.obey("con_1")
    async with other.running():
        await other.grant(1)
        assert other.entra.the_gate.closed_for == 25
        await asyncio.sleep(0.05)
        assert not other.entra.parcels
        other.entra.the_gate.closed_for = 0.0
        await other.delivered(1)


@pytest.mark.parametrize(
    "failure", [Unavailable("the database", "it is away"), Conflict("CONFLICT", "again")]
)
async def test_an_intent_that_can_not_be_kept_is_not_called_for(failure: Exception) -> None:
    """Nothing is called that is not on record; it is tried again."""
    stage = Stage()
    stage.writes.failures = [failure]
    async with stage.running():
        await stage.grant(1)
        await stage.delivered(1)
    assert len(stage.entra.order()) == 1


async def test_answers_that_can_not_be_kept_do_not_make_it_call_again_and_again() -> None:
    """A fault of ours in keeping what Entra said: that it is unknown is kept, and is waited for."""
    stage = Stage()
    async with stage.running():
        stage.entra.hanging = {"p-0"}
        await stage.grant(0, GROUP)
        await eventually(lambda: stage.entra.under_way == 1, 5, every=0.005)
        stage.writes.failures = [ValueError("surrogates not allowed")]
        stage.entra.go_on.set()
        await eventually(lambda: _waits(stage), 5, every=0.005)
    [assignment] = stage.house.store.assignments_by_id.values()
    assert assignment.operation is not None and len(stage.entra.order()) == 1
    assert assignment.operation.problem == "a fault of ours: ValueError"
    [attempt] = await stage.house.begin_together([assignment.operation.operation_id])
    assert attempt.looks_first, "what came of it is not known"


def _waits(stage: Stage) -> bool:
    [assignment] = stage.house.store.assignments_by_id.values()
    operation = assignment.operation
    return operation is not None and operation.next_attempt_time > stage.house.clock.now()


async def test_what_happens_during_the_call_is_seen_when_its_answer_is_kept() -> None:
    """A lease that ends while Entra works: what was known at the beginning is not written over."""
    stage = Stage()
    stage.entra.hanging = {"p-0"}
    async with stage.running():
        await stage.grant(0, GROUP, ROLE)
        await eventually(lambda: stage.entra.under_way == 2, 5, every=0.005)
        await stage.end(0)
        stage.entra.go_on.set()
        await stage.reached(DeliveryState.REMOVED, 0)
    assert stage.writes.stale >= 1 and not stage.house.tenant.present


async def test_other_processes_commits_are_seen_by_themselves() -> None:
    """Nobody tells of them, and half a second later they are found."""
    stage = Stage()
    async with stage.running():
        await asyncio.sleep(0.02)
        person = Principal("usr_1", TENANT, "p-1")
        stage.house.catalog.people["usr_1"] = person
        await stage.house.granted(stage.house.lease("lea_1", ROLE, of=person))
        await stage.delivered(1)


async def test_groups_of_different_targets_are_not_mixed() -> None:
    """Who joins what is decided by the group, not by who came together."""
    other = Target("den_other", "con_1", "member of Viewers", GroupMembership("g-2"))
    stage = Stage()
    stage.house.catalog.listed.append(other)
    stage.entra.the_gate.writes = 0
    async with stage.running():
        for number in range(6):
            await stage.grant(number, GROUP if number % 2 else other)
        stage.entra.the_gate.writes = 2
        await stage.delivered(*range(6))
    assert sorted(len(some) for some in stage.entra.parcels) == [3, 3]
    for some in stage.entra.parcels:
        assert len({each.target.directory_entitlement_id for each in some}) == 1
