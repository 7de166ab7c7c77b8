"""Attempts on record, lanes, and what may be hurried."""

from datetime import timedelta

import pytest

from libs.domain.errors import NotFound, WrongState
from services.connector.domain.assignment import AssignmentState
from services.connector.domain.attempt import AttemptOutcome
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.operation import Lane, OperationState
from services.connector.domain.verdict import (
    Already,
    Done,
    Exchange,
    Refused,
    Remedy,
    Retriable,
)
from services.connector.handlers.retry_operation import RetryOperation
from services.connector.handlers.run_operations import CONNECTOR
from tests.unit.connector.provisioning_house import GROUP, ProvisioningHouse

_NEVER_SENT = Retriable("", "no connection", certain=True)
_LOST = Retriable("", "no answer", certain=False)
_REFUSED = Refused("403 Authorization_RequestDenied", "permission_missing", "Insufficient")


async def test_every_attempt_is_on_record() -> None:
    """Its beginning with the id of the call, its end with the answer, and what came of it."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    for verdict in (_LOST, _NEVER_SENT, Done("204 No Content", exchange=Exchange("POST /x", 204))):
        [attempt] = await house.begin()
        operation_id = attempt.operation_id
        assert house.store.records(operation_id)[-1].outcome is None
        await house.settle(attempt, verdict)
        house.clock.advance(timedelta(minutes=2))
    records = house.store.records(operation_id)
    assert [(record.number, record.outcome) for record in records] == [
        (1, AttemptOutcome.UNKNOWN),
        (2, AttemptOutcome.NOT_DONE),
        (3, AttemptOutcome.DONE),
    ]
    assert records[2].exchange.call == "POST /x" and records[2].finish_time is not None
    assert all(record.client_request_id == f"call of {operation_id}" for record in records)


async def test_an_attempt_that_was_cut_off_is_unknown_once_the_next_begins() -> None:
    """After a crash nobody knows what it did: the next one looks first, and finds it there."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    assert not attempt.looks_first
    house.tenant.apply(attempt)
    [again] = await house.begin()  # the process starts anew
    assert (again.number, again.looks_first) == (2, True)
    first, second = house.store.records(attempt.operation_id)
    assert first.outcome is AttemptOutcome.UNKNOWN and first.finish_time is None
    assert second.outcome is None
    await house.settle(again, house.tenant.apply(again))
    [operation] = house.store.finished
    assert operation.state is OperationState.SUCCEEDED and operation.attempt_count == 2
    assert house.store.records(attempt.operation_id)[1].outcome is AttemptOutcome.ALREADY
    [assignment] = house.store.assignments_by_id.values()
    assert not assignment.preexisting


async def test_a_late_answer_is_not_taken_for_the_next_attempts() -> None:
    """Of two processes the first may still answer when the second has begun the next attempt."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [first] = await house.begin()
    [second] = await house.begin()
    await house.settle(first, _REFUSED)
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.state is AssignmentState.ADDING
    await house.settle(second, Done("204 No Content"))
    assert house.delivery("lea_1").state is DeliveryState.DELIVERED


async def test_not_there_is_believed_when_it_is_said_again() -> None:
    """A replica that has not heard of an addition says "not there" of what is there: two such
    answers postpone a removal, the third one ends it, and not before some seconds have passed."""
    gone = Already("404 Request_ResourceNotFound: already gone")
    for seconds, needed in ((2, 3), (1, 5)):
        house = ProvisioningHouse()
        await house.granted(house.lease("lea_1", GROUP))
        await house.work()
        house.end("lea_1")
        await house.ended("lea_1")
        number = 0
        while house.delivery("lea_1").state is DeliveryState.REMOVING:
            [attempt] = await house.begin()
            await house.settle(attempt, gone)
            number += 1
            if (
                operation := next(iter(house.store.assignments_by_id.values())).operation
            ) is not None:
                retry = RetryOperation(house.store, house.clock)
                house.clock.advance(timedelta(seconds=seconds))
                house.store.commit(await retry(operation.operation_id, CONNECTOR))
        assert number >= 3 and (number - 1) * seconds >= 4 and number == needed
        [*doubted, believed] = house.store.records(attempt.operation_id)
        assert all(record.outcome is AttemptOutcome.NOT_DONE for record in doubted)
        assert believed.outcome is AttemptOutcome.ALREADY


async def test_lanes() -> None:
    """Any lease of an emergency puts the assignment into its lane; removals have their own."""
    house = ProvisioningHouse()

    def lane() -> Lane:
        [assignment] = house.store.assignments_by_id.values()
        assert assignment.operation is not None
        return assignment.operation.lane

    await house.granted(house.lease("lea_1", GROUP))
    assert lane() is Lane.GRANT
    await house.granted(house.lease("lea_2", GROUP, emergency=True))
    assert lane() is Lane.EMERGENCY
    [attempt] = await house.begin()
    await house.settle(attempt, _REFUSED)
    house.change("lea_2", round=2)
    await house.granted("lea_2")
    assert lane() is Lane.EMERGENCY, "also when it is tried anew"
    await house.work()
    for lease_id in ("lea_2", "lea_1"):
        house.end(lease_id)
        await house.ended(lease_id)
    assert lane() is Lane.REVOKE


async def test_a_refused_removal_says_that_it_needs_a_person() -> None:
    """It is tried again all the same, and what stands in its way is gone from the record then."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    [removal] = await house.begin()
    await house.settle(removal, _REFUSED)
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.operation is not None
    assert assignment.operation.remedy is Remedy.NEEDS_PERSON
    await house.work()
    assert house.store.finished[-1].remedy is None


async def test_retried_at_once() -> None:
    """Who waits is due now; who is being attempted is left alone; who is over is refused."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    retry = RetryOperation(house.store, house.clock)
    outcome = await retry(attempt.operation_id, CONNECTOR)
    assert outcome.change is None and outcome.result.operation.awaits
    await house.settle(attempt, Retriable("429", "later", False, timedelta(minutes=10)))
    assert await house.begin() == []
    outcome = await retry(attempt.operation_id, CONNECTOR)
    house.store.commit(outcome)
    assert outcome.result.operation.next_attempt_time == house.clock.now()
    assert (await retry(attempt.operation_id, CONNECTOR)).change is None, "it is due already"
    await house.work()
    with pytest.raises(WrongState):
        await retry(attempt.operation_id, CONNECTOR)
    with pytest.raises(NotFound):
        await retry("opr_none", CONNECTOR)
