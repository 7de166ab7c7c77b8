"""What somebody takes out of Entra by hand: the lease ends, or it is told that it is put back."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.requests.domain import facts, timeline
from services.requests.domain.access_request import REQUESTS, AccessRequestState
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.lease import EndCause, LeaseState
from services.requests.handlers.settle_lease import Seen, Settled
from tests.fakes.requests_neighbours import TARGET
from tests.unit.requests_service.cast import happened, told
from tests.unit.requests_service.house import House
from tests.unit.requests_service.test_tasks import ROLE, THERE

DEN = TARGET.directory_entitlement_id


def _gone(
    house: House, lease_id: str, state: DeliveryState, time: datetime, round: int = 1
) -> None:
    """The connector has found that somebody took the membership out."""
    gone = TargetAnswer(TARGET, "204", False, time, removed_outside_time=time)
    house.connector.deliveries[lease_id] = Delivery(
        state, round, (THERE, gone), "", "It is full.", removed_outside_time=time
    )


async def test_access_that_stays_out_ends_its_lease_with_the_names_of_what_is_missing() -> None:
    """By the one way in which leases end: one change with its record and its facts. The access
    request stays fulfilled, and looks that follow change nothing."""
    house = House()
    lease = await house.active()
    found_at = house.clock.now() + timedelta(minutes=5)
    house.clock.advance(timedelta(minutes=6))
    _gone(house, lease.lease_id, DeliveryState.LOST, found_at)
    assert await house.settle(lease.lease_id) is Settled.DONE
    ended = house.store.kept_leases[lease.lease_id]
    assert (ended.state, ended.end_cause) == (LeaseState.ENDING, EndCause.REMOVED_OUTSIDE)
    assert (ended.end_time, ended.removed_outside_time) == (house.clock.now(), found_at)
    assert TARGET.display_name in ended.end_reason
    assert house.last.audit.action == "lease.removed_outside"
    assert told(house) == [
        facts.LeaseRemovedOutside(lease.lease_id, (DEN,), False),
        facts.LeaseEnded(lease.lease_id),
    ]
    request = house.kept(lease.access_request_id)
    assert request.state is AccessRequestState.FULFILLED
    removed, ending = request.timeline[-2:]
    assert removed.what == timeline.RemovedOutside(TARGET, found_at, False)
    assert (ending.actor, ending.what) == (
        REQUESTS,
        timeline.LeaseEnding("removed_outside", ended.end_reason),
    )
    count = len(house.store.changes)
    assert await house.settle(lease.lease_id) is Settled.UNHEARD
    assert len(house.store.changes) == count


async def test_access_that_is_put_back_is_told_of_once_each_time() -> None:
    """While it is missing, or there again: the lease and its end stay. A second time is told of,
    and only what is new."""
    house = House()
    lease = await house.active()
    first = house.clock.now() + timedelta(minutes=5)
    for state in (DeliveryState.PENDING, DeliveryState.PENDING, DeliveryState.DELIVERED):
        _gone(house, lease.lease_id, state, first)
        assert await house.settle(lease.lease_id) is Settled.DONE
    kept = house.store.kept_leases[lease.lease_id]
    assert (kept.state, kept.end_time) == (LeaseState.ACTIVE, lease.end_time)
    assert (kept.version, kept.removed_outside_time) == (lease.version + 1, first)
    assert told(house) == [facts.LeaseRemovedOutside(lease.lease_id, (DEN,), True)]
    assert house.last.audit.action == "lease.restored"
    _gone(house, lease.lease_id, DeliveryState.DELIVERED, first + timedelta(hours=1))
    await house.settle(lease.lease_id)
    request = house.kept(lease.access_request_id)
    assert happened(request, timeline.RemovedOutside) == [
        timeline.RemovedOutside(TARGET, first, True),
        timeline.RemovedOutside(TARGET, first + timedelta(hours=1), True),
    ]
    assert request.state is AccessRequestState.FULFILLED


async def test_an_answer_from_before_the_lease_was_read_undoes_nothing() -> None:
    """The connector is asked while the lease is read. What it said then of one that is in Entra is
    asked again: it may be older than what the lease knows."""
    house = House()
    lease = await house.active()
    there = house.connector.deliveries[lease.lease_id]
    _gone(house, lease.lease_id, DeliveryState.LOST, house.clock.now())
    seen = await house.settler.look(lease.lease_id)
    assert seen.delivery is None
    old = Seen(seen.found, house.connector.deliveries[lease.lease_id])
    house.connector.deliveries[lease.lease_id] = there
    outcome = await house.settler(lease.lease_id, old)
    assert (outcome.result, outcome.change) == (Settled.DONE, None)


async def test_an_answer_for_a_lease_that_waits_for_it_is_taken() -> None:
    """The lease is read and the connector asked side by side, once each."""
    house = House()
    made = await house.create()
    await house.settle(made.lease_id, DeliveryState.PENDING)
    delivered = replace(house.connector.deliveries[made.lease_id], state=DeliveryState.DELIVERED)
    house.connector.deliveries[made.lease_id] = delivered
    seen = await house.settler.look(made.lease_id)
    house.connector.deliveries.clear()
    house.keep(await house.settler(made.lease_id, seen))
    assert house.store.kept_leases[made.lease_id].state is LeaseState.ACTIVE


async def test_what_can_not_be_put_back_ends_its_lease() -> None:
    """It is never shown as active while it is not there."""
    house = House()
    lease = await house.active()
    house.clock.advance(timedelta(minutes=5))
    time = house.clock.now()
    _gone(house, lease.lease_id, DeliveryState.PENDING, time)
    await house.settle(lease.lease_id)
    _gone(house, lease.lease_id, DeliveryState.FAILED, time)
    await house.settle(lease.lease_id)
    ended = house.store.kept_leases[lease.lease_id]
    assert (ended.state, ended.end_cause) == (LeaseState.ENDING, EndCause.REMOVED_OUTSIDE)
    assert ended.end_reason.endswith("It can't be put back: It is full.")


async def test_what_is_lost_before_it_was_heard_of_takes_the_wish_with_it() -> None:
    """It was never shown as delivered: the access request is cancelled with the lease's end."""
    house = House()
    made = await house.create()
    _gone(house, made.lease_id, DeliveryState.LOST, house.clock.now())
    await house.settle(made.lease_id)
    assert house.store.kept_leases[made.lease_id].end_cause is EndCause.REMOVED_OUTSIDE
    assert house.kept(made.access_request_id).state is AccessRequestState.CANCELLED
    assert facts.AccessRequestCancelled(made.access_request_id, REQUESTS) in told(house)


async def test_what_was_removed_before_a_lease_is_none_of_its_matters() -> None:
    """The connector remembers it of the membership, which other leases may have held."""
    house = House()
    before = house.clock.now()
    house.clock.advance(timedelta(minutes=5))
    lease = await house.active()
    count = len(house.store.changes)
    _gone(house, lease.lease_id, DeliveryState.DELIVERED, before)
    await house.settle(lease.lease_id)
    assert len(house.store.changes) == count
    lost = TargetAnswer(ROLE, "201", False, before, lost=True)
    there = TargetAnswer(TARGET, "204", False, before, True, removed_outside_time=before)
    house.connector.deliveries[lease.lease_id] = Delivery(DeliveryState.LOST, 1, (there, lost))
    await house.settle(lease.lease_id)
    request = house.kept(lease.access_request_id)
    assert [each.target for each in happened(request, timeline.RemovedOutside)] == [ROLE]


@pytest.mark.parametrize("state", [*DeliveryState, None])
async def test_a_word_that_is_not_true_does_nothing(state: DeliveryState | None) -> None:
    """What the connector does not say itself, or says of another round, leaves a lease alone."""
    house = House()
    lease = await house.active()
    count = len(house.store.changes)
    if state is None:
        house.connector.deliveries.clear()
    else:
        _gone(house, lease.lease_id, state, house.clock.now(), round=2)
    assert await house.settle(lease.lease_id) is Settled.DONE
    if state not in (None, DeliveryState.LOST):
        await house.settle(lease.lease_id, state)
    assert len(house.store.changes) == count
