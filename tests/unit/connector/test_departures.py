"""First attempts that are noted with their intent and go when that is committed, over stand-ins."""

from datetime import timedelta

import pytest

from libs.domain.changes import Outcome
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.operation import Lane, OperationKind
from services.connector.domain.wave import SLOTS
from tests.support.eventually import eventually
from tests.unit.connector.provisioning_house import GROUP, ROLE
from tests.unit.connector.scheduler_stage import Stage


def _actions(stage: Stage) -> list[str]:
    return [change.audit.action for change in stage.house.store.changes]


async def test_what_is_committed_together_goes_together_at_once() -> None:
    """Two changes a lease: intent with first attempt, and answers. Joins are one call of one id,
    that was on record before; each person's answers are kept, and the budget is counted."""
    stage = Stage()
    async with stage.running():
        await stage.calm()
        with stage.boarding() as granted:
            for number in range(15):
                stage.lease(number, GROUP, ROLE)
            changes = [await granted(number) for number in range(15)]
            assert not stage.entra.parcels, "nothing goes before it is on record"
            stage.commit(*changes)
        noted = [
            record.client_request_id
            for assignment in stage.house.store.assignments_by_id.values()
            if assignment.operation is not None and assignment.target == GROUP
            for record in stage.house.store.records(assignment.operation.operation_id)
        ]
        await stage.delivered(*range(15))
    joins, roles = sorted(stage.entra.parcels, key=lambda some: some[0].target == ROLE)
    assert len(joins) == len(roles) == 15 and stage.entra.the_gate.writes == 1000 - 16
    assert {each.client_request_id for each in joins} == set(noted) and len(set(noted)) == 1
    assert len({each.client_request_id for each in roles}) == 15
    assert _actions(stage) == ["delivery.begun"] * 15 + ["operations.settled"] * 15
    assert all(len(change.audit.details["attempted"]) == 2 for change in changes)


async def test_what_is_not_committed_does_not_go() -> None:
    """Its room is given back, and the person waits for nothing."""
    stage = Stage()
    async with stage.running():
        await stage.calm()
        stage.lease(1)
        with stage.boarding() as granted:
            await granted(1)
            await granted(1)  # decided once more, since the first was made from an old state
        assert not stage.entra.parcels and stage.entra.the_gate.writes == 1000
        await stage.grant(1)
        await stage.delivered(1)
    assert len(stage.entra.order()) == 1


@pytest.mark.parametrize("called", [False, True])
async def test_what_a_crash_leaves_of_it_is_looked_for(called: bool) -> None:
    """Committed, and then nobody knows whether Entra was called: the next attempt looks first."""
    stage = Stage()
    async with stage.running():
        await stage.calm()
        stage.lease(1, GROUP)
        with stage.boarding() as granted:
            change = await granted(1)
        # Of this commit nobody is told.
        stage.house.store.commit(Outcome(None, change))
        if called:
            stage.house.tenant.present.add(("p-1", GROUP.directory_entitlement_id))
        await stage.delivered(1)
    [attempt] = [each for some in stage.entra.parcels for each in some]
    assert attempt.number == 2 and attempt.looks_first
    [assignment] = stage.house.store.assignments_by_id.values()
    assert not assignment.preexisting, "it is ours, whichever of our calls put it there"


async def test_a_tenant_that_was_lost_meanwhile_is_not_called() -> None:
    """Who works on it next finds the attempt, and looks what came of it."""
    stage = Stage()
    async with stage.running():
        await stage.calm()
        stage.lease(1)
        with stage.boarding() as granted:
            change = await granted(1)
            stage.serving.change()
            await stage.calm()
            stage.commit(change)
        await stage.calm()
        assert not stage.entra.parcels
        stage.serving.change("con_1")
        await stage.delivered(1)
    [attempt] = [each for some in stage.entra.parcels for each in some]
    assert attempt.number == 2 and attempt.looks_first


async def test_there_is_no_room_where_anything_waits() -> None:
    """Neither with a small budget, nor while something is kept back, nor beside the same person:
    no attempt is noted before it may go, and what takes access away finds nothing in its way."""
    stage = Stage()
    async with stage.running():
        await stage.grant(0)
        await stage.delivered(0)
        await stage.calm()
        for number in range(1, 6):
            stage.lease(number)
        stage.entra.the_gate.writes = 3
        with stage.boarding() as granted:
            first, second = await granted(1), await granted(2)
            assert first.audit.details["attempted"] and not second.audit.details["attempted"]
        stage.entra.the_gate.writes = 0
        await stage.grant(3)
        await stage.end(0)
        await stage.calm()
        stage.entra.the_gate.writes = 1
        with stage.boarding() as granted:
            kept_back = await granted(4)
            assert not kept_back.audit.details["attempted"]
            stage.commit(kept_back)
        await eventually(lambda: len(stage.entra.order()) == 2, 5, every=0.005)
        assert stage.entra.order()[1] == (OperationKind.REMOVE, "p-0")
        stage.entra.the_gate.writes = 1000
        await stage.delivered(3, 4)

        stage.entra.hanging = {"p-5"}
        await stage.grant(5)
        await eventually(lambda: stage.entra.under_way == 1, 5, every=0.005)
        await stage.calm()
        stage.house.lease("lea_6", GROUP, of=stage.house.catalog.people["usr_5"])
        with stage.boarding() as granted:
            beside = await granted(6)
            assert not beside.audit.details["attempted"]
            stage.commit(beside)
        stage.entra.go_on.set()
        await stage.delivered(5, 6)


async def test_calls_that_hang_leave_room_for_revocations() -> None:
    """What goes at once fills the slots of its lane and no more."""
    stage = Stage()
    async with stage.running():
        await stage.grant(99)
        await stage.delivered(99)
        stage.entra.hanging = {f"p-{number}" for number in range(20)}
        for number in range(20):
            await stage.calm()
            stage.lease(number)
            with stage.boarding() as granted:
                stage.commit(await granted(number))
        await stage.end(99)
        await stage.reached(DeliveryState.REMOVED, 99)
        assert stage.entra.under_way == SLOTS[Lane.GRANT]
        stage.entra.hanging = set()
        stage.entra.go_on.set()
        await stage.delivered(*range(20))


async def test_what_finds_no_slot_any_more_is_not_made_and_goes_later() -> None:
    """Boarded while there was room, committed in other groups than was thought."""
    stage = Stage()
    async with stage.running():
        await stage.calm()
        stage.entra.hanging = {f"p-{number}" for number in range(8)}
        with stage.boarding() as granted:
            for number in range(8):
                stage.lease(number)
            changes = [await granted(number) for number in range(8)]
            for change in changes:
                assert change.audit.details["attempted"]
                stage.commit(change)
        await eventually(lambda: stage.entra.under_way == SLOTS[Lane.GRANT], 5, every=0.005)
        await stage.calm()
        assert len(stage.entra.order()) == SLOTS[Lane.GRANT]
        stage.entra.hanging = set()
        stage.entra.go_on.set()
        await stage.delivered(*range(SLOTS[Lane.GRANT]))
        stage.house.clock.advance(timedelta(minutes=1))
        await stage.delivered(*range(8))
