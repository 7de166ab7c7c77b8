"""What an assignment does next."""

from datetime import timedelta

import pytest

from services.connector.domain.assignment import AssignmentState
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.operation import Lane, OperationKind, OperationState
from services.connector.domain.verdict import Done, Refused, Retriable
from tests.unit.connector.provisioning_house import GROUP, ROLE, ProvisioningHouse

_NEVER_SENT = Retriable("", "no connection", certain=True)
_LOST = Retriable("", "no answer", certain=False)
_REFUSED = Refused("403 Authorization_RequestDenied", "permission_missing", "Insufficient")


def _only(house: ProvisioningHouse) -> AssignmentState:
    [assignment] = house.store.assignments_by_id.values()
    return assignment.state


async def test_a_lease_that_ends_after_a_crash_does_not_wait_for_what_is_given() -> None:
    """The attempt whose answer nobody kept moves to the lane of revocations, and back."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.begin()
    house.end("lea_1")
    await house.ended("lea_1")
    [due] = await house.store.due("con_1", house.clock.now(), 100, frozenset())
    assert due.lane is Lane.REVOKE
    await house.granted(house.lease("lea_2", GROUP))
    [due] = await house.store.due("con_1", house.clock.now(), 100, frozenset())
    assert due.lane is Lane.GRANT


async def test_a_second_lease_leaves_no_gap() -> None:
    """While another lease holds it, the end of one touches nothing in Entra."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.granted(house.lease("lea_2", GROUP))
    await house.work()
    assert len(house.store.finished) == 1, "two leases, one operation"
    house.end("lea_1")
    await house.ended("lea_1")
    assert await house.begin() == []
    assert house.delivery("lea_1").state is DeliveryState.REMOVED
    assert house.holds(GROUP)


async def test_a_lease_that_ends_before_the_call_needs_none() -> None:
    """End beats start: what was not attempted yet is withdrawn."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP, ROLE))
    house.end("lea_1")
    await house.ended("lea_1")
    assert await house.begin() == []
    assert house.delivery("lea_1").state is DeliveryState.REMOVED
    assert {found.state for found in house.store.finished} == {OperationState.FAILED}


async def test_a_lease_that_ends_during_the_call_is_taken_out_after_it() -> None:
    """The removal waits until Entra has answered, and then comes."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    house.end("lea_1")
    await house.ended("lea_1")
    assert _only(house) is AssignmentState.REMOVING
    assert house.delivery("lea_1").state is DeliveryState.REMOVING
    await house.settle(attempt, house.tenant.apply(attempt))
    [removal] = await house.begin()
    assert removal.kind is OperationKind.REMOVE
    await house.settle(removal, house.tenant.apply(removal))
    assert house.delivery("lea_1").state is DeliveryState.REMOVED
    assert not house.holds(GROUP)


async def test_an_attempt_cut_off_by_a_crash_is_not_made_again_after_the_end() -> None:
    """What may have come is taken out; nothing late brings the access back."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    house.tenant.apply(attempt)
    house.end("lea_1")
    await house.ended("lea_1")
    [next_attempt] = await house.begin()  # the process starts anew
    assert next_attempt.kind is OperationKind.REMOVE
    await house.settle(next_attempt, house.tenant.apply(next_attempt))
    assert not house.holds(GROUP)
    assert house.delivery("lea_1").state is DeliveryState.REMOVED


async def test_a_new_lease_during_the_removal_brings_it_back() -> None:
    """It is added again after the removal under way is answered, and is ours."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    [removal] = await house.begin()
    await house.granted(house.lease("lea_2", GROUP))
    assert _only(house) is AssignmentState.ADDING
    assert house.delivery("lea_1").state is DeliveryState.REMOVED, "another lease has it now"
    await house.settle(removal, house.tenant.apply(removal))
    await house.work()
    assert house.holds(GROUP)
    assert house.delivery("lea_2").state is DeliveryState.DELIVERED
    house.end("lea_2")
    await house.ended("lea_2")
    await house.work()
    assert not house.holds(GROUP)


async def test_a_new_lease_before_the_removal_is_called_leaves_no_gap() -> None:
    """A removal that was not called yet is withdrawn."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    await house.granted(house.lease("lea_2", GROUP))
    [attempt] = await house.begin()
    assert attempt.kind is OperationKind.ADD
    await house.settle(attempt, house.tenant.apply(attempt))
    [assignment] = house.store.assignments_by_id.values()
    assert not assignment.preexisting, "what we put there is ours, whatever Entra calls it"


async def test_refusals_fail_the_lease_with_a_reason() -> None:
    """One refused target fails the delivery; the reason is in the fact."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP, ROLE))
    for attempt in await house.begin():
        refuse = attempt.target == GROUP
        await house.settle(attempt, _REFUSED if refuse else house.tenant.apply(attempt))
    delivery = house.delivery("lea_1")
    assert delivery.state is DeliveryState.FAILED
    assert delivery.failure_reason == "permission_missing"
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    assert not house.holds(ROLE)
    assert house.delivery("lea_1").state is DeliveryState.REMOVED


async def test_patience_ends_in_the_refusal_it_stands_for() -> None:
    """What may be a matter of replication is tried again for a while, and then refused."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    verdict = Retriable("404", "not there", True, None, _REFUSED, patience=timedelta(seconds=30))
    for pause in (1, 1, 2, 4, 30):
        [attempt] = await house.begin()
        await house.settle(attempt, verdict)
        assert _only(house) is AssignmentState.ADDING
        house.clock.advance(timedelta(seconds=pause))
    [attempt] = await house.begin()
    await house.settle(attempt, verdict)
    assert _only(house) is AssignmentState.FAILED


async def test_waiting_long_for_its_turn_uses_up_no_patience() -> None:
    """Behind others, or behind a Retry-After, an operation gets old before its first attempt."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    verdict = Retriable("404", "not there", True, None, _REFUSED, patience=timedelta(seconds=30))
    house.clock.advance(timedelta(hours=1))
    [attempt] = await house.begin()
    await house.settle(attempt, verdict)
    assert _only(house) is AssignmentState.ADDING


async def test_after_a_removal_of_unknown_outcome_adding_asks_no_replica() -> None:
    """One that lags would still show what Entra may have removed: the write's answer decides."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    [removal] = await house.begin()
    await house.granted(house.lease("lea_2", GROUP))
    await house.settle(removal, Retriable("504", "no answer", certain=False))
    house.clock.advance(timedelta(minutes=1))
    [adding] = await house.begin()
    assert adding.kind is OperationKind.ADD and not adding.looks_first
    await house.settle(adding, Retriable("504", "no answer", certain=False))
    house.clock.advance(timedelta(minutes=1))
    [again] = await house.begin()
    assert again.looks_first


@pytest.mark.parametrize("ended", [False, True])
async def test_pauses_grow_and_obey_entra(ended: bool) -> None:
    """Each failure waits longer, up to a minute, and as long as Entra asks for: on the way in, and
    on the way out, which is tried for ever; the lease is not said to have ended before."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    if ended:
        await house.work()
        house.end("lea_1")
        await house.ended("lea_1")
    pauses = []
    for _ in range(10):
        [attempt] = await house.begin()
        await house.settle(attempt, _LOST)
        [assignment] = house.store.assignments_by_id.values()
        assert assignment.operation is not None
        pauses.append(assignment.operation.next_attempt_time - house.clock.now())
        house.clock.time = assignment.operation.next_attempt_time
    assert pauses[0] == timedelta(seconds=0.5) and pauses[-1] == timedelta(minutes=1)
    assert pauses == sorted(pauses)
    [attempt] = await house.begin()
    await house.settle(attempt, Retriable("429", "later", False, timedelta(seconds=90)))
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.operation is not None
    assert assignment.operation.next_attempt_time - house.clock.now() == timedelta(seconds=90)
    state = DeliveryState.REMOVING if ended else DeliveryState.PENDING
    assert house.delivery("lea_1").state is state
    await house.work_later()
    assert house.holds(GROUP) is not ended
    assert house.delivery("lea_1").state is not state


async def test_a_lease_that_ends_in_a_long_pause_is_not_kept_waiting() -> None:
    """The pause is for the addition, not for its withdrawal."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    await house.settle(attempt, Retriable("429", "later", False, timedelta(minutes=10)))
    house.end("lea_1")
    await house.ended("lea_1")
    [removal] = await house.begin()
    assert removal.kind is OperationKind.REMOVE


async def test_a_refused_removal_is_never_given_up() -> None:
    """Somebody still has what they should not: it stays under way, visibly, with a long pause."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    [removal] = await house.begin()
    await house.settle(removal, _REFUSED)
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.operation is not None and assignment.operation.problem == "Insufficient"
    assert house.delivery("lea_1").state is DeliveryState.REMOVING
    await house.work()
    assert not house.holds(GROUP)


async def test_an_answer_counts_once() -> None:
    """An answer that is noted twice, or that comes late, changes nothing the second time."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    await house.settle(attempt, _NEVER_SENT)
    before = dict(house.store.assignments_by_id)
    await house.settle(attempt, _NEVER_SENT)
    assert house.store.assignments_by_id == before
    house.clock.advance(timedelta(seconds=1))
    [again] = await house.begin()
    await house.settle(again, Done("204 No Content"))
    told = list(house.store.told)
    await house.settle(again, _REFUSED)
    assert house.store.told == told


async def test_a_delivery_without_work_is_mended() -> None:
    """The net: an assignment on its way without an operation gets one."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    outcome = await house.mend_delivery("lea_1")
    assert outcome.result is False and outcome.change is None, "nothing to mend"
    house.store.lose_operations()
    outcome = await house.mend_delivery("lea_1")
    assert outcome.result is True
    house.store.commit(outcome)
    await house.work()
    assert house.delivery("lea_1").state is DeliveryState.DELIVERED
