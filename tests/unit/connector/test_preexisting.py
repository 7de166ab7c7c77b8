"""Whose an assignment is: when it counts as there before us, and when as gone."""

from datetime import timedelta

import pytest

from services.connector.domain.delivery import DeliveryState
from services.connector.domain.sync import Progress, Sync, SyncState
from services.connector.domain.verdict import Already, Refused, Retriable
from tests.unit.connector.provisioning_house import GROUP, PERSON, ProvisioningHouse

_NEVER_SENT = Retriable("", "no connection", certain=True)
_LOST = Retriable("", "no answer", certain=False)
_ALREADY = Already("400 Request_BadRequest: already there")
_REFUSED = Refused("403 Authorization_RequestDenied", "permission_missing", "Insufficient")


async def test_there_before_us_stays_when_the_lease_ends() -> None:
    """ "Already exists" to the very first attempt means that it was there before."""
    house = ProvisioningHouse()
    house.had_before(GROUP)
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.preexisting and house.delivery("lea_1").state is DeliveryState.DELIVERED
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    assert house.holds(GROUP)
    assert house.delivery("lea_1").state is DeliveryState.REMOVED


async def test_a_call_that_never_left_does_not_make_it_ours() -> None:
    """After an attempt that certainly had no effect, "already exists" still speaks of others."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    await house.settle(attempt, _NEVER_SENT)
    house.clock.advance(timedelta(seconds=1))
    [attempt] = await house.begin()
    await house.settle(attempt, _ALREADY)
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.preexisting


async def test_a_lost_answer_makes_it_ours_unless_the_catalog_saw_it() -> None:
    """After an attempt of unknown outcome the catalog's mirror decides."""
    for in_mirror in (False, True):
        house = ProvisioningHouse()
        if in_mirror:
            house.had_before(GROUP, in_mirror=True)
        await house.granted(house.lease("lea_1", GROUP))
        [attempt] = await house.begin()
        await house.settle(attempt, _LOST)
        house.clock.advance(timedelta(seconds=1))
        [attempt] = await house.begin()
        assert attempt.number == 2
        await house.settle(attempt, _ALREADY)
        [assignment] = house.store.assignments_by_id.values()
        assert assignment.preexisting == in_mirror


async def test_what_we_put_there_ourselves_does_not_count_as_seen() -> None:
    """A mirror from before our own removal is no witness that others put it there."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.catalog.mirror.add((PERSON.user_id, GROUP.directory_entitlement_id))
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    await house.granted(house.lease("lea_2", GROUP))
    [attempt] = await house.begin()
    house.tenant.apply(attempt)
    await house.settle(attempt, _LOST)
    await house.work_later()
    house.end("lea_2")
    await house.ended("lea_2")
    await house.work()
    assert not house.holds(GROUP)


async def test_a_mirror_from_after_our_removal_counts() -> None:
    """Once a sync was begun after our removal, what the catalog saw is somebody else's."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    _synced_later(house, timedelta(minutes=4))
    house.had_before(GROUP, in_mirror=True)
    await house.granted(house.lease("lea_2", GROUP))
    [attempt] = await house.begin()
    await house.settle(attempt, _LOST)
    await house.work_later()
    house.end("lea_2")
    await house.ended("lea_2")
    await house.work()
    assert house.holds(GROUP)


async def test_a_mirror_from_right_after_our_removal_does_not_count() -> None:
    """Lists lag behind writes: what such a sync saw may be what we had put there."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    _synced_later(house, timedelta(seconds=20))
    house.catalog.mirror.add((PERSON.user_id, GROUP.directory_entitlement_id))
    await house.granted(house.lease("lea_2", GROUP))
    [attempt] = await house.begin()
    house.tenant.apply(attempt)
    await house.settle(attempt, _LOST)
    await house.work_later()
    house.end("lea_2")
    await house.ended("lea_2")
    await house.work()
    assert not house.holds(GROUP)


async def test_what_somebody_gave_after_a_refusal_stays() -> None:
    """Entra refused us, somebody gave it by hand, a sync saw that: it is not ours to take."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    [attempt] = await house.begin()
    await house.settle(attempt, _REFUSED)
    house.had_before(GROUP, in_mirror=True)
    house.change("lea_1", round=2)
    await house.granted("lea_1")
    [attempt] = await house.begin()
    await house.settle(attempt, _LOST)
    await house.work_later()
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    assert house.holds(GROUP)


@pytest.mark.parametrize("before", [False, True], ids=["ours", "there_before_us"])
async def test_what_a_sync_found_gone_is_put_there_for_the_next_lease(before: bool) -> None:
    """A lease is not delivered by what an earlier one brought and somebody took away; what is
    brought anew is ours, also where it had been there before us."""
    house = ProvisioningHouse()
    if before:
        house.had_before(GROUP, in_mirror=True)
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.tenant.present.clear()
    house.catalog.mirror.clear()
    _synced_later(house, timedelta(minutes=4))
    await house.granted(house.lease("lea_2", GROUP))
    assert house.delivery("lea_2").state is DeliveryState.PENDING
    await house.work()
    assert house.delivery("lea_2").state is DeliveryState.DELIVERED and house.holds(GROUP)
    for lease_id in ("lea_1", "lea_2"):
        house.end(lease_id)
        await house.ended(lease_id)
    await house.work()
    assert not house.holds(GROUP)


@pytest.mark.parametrize("before", [False, True], ids=["ours", "there_before_us"])
async def test_what_a_sync_wrongly_found_gone_stays_whose_it_is(before: bool) -> None:
    """The mirror was behind: ours is removed with its last lease, what was there before stays."""
    house = ProvisioningHouse()
    if before:
        house.had_before(GROUP, in_mirror=True)
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.catalog.mirror.clear()
    _synced_later(house, timedelta(minutes=4))
    await house.granted(house.lease("lea_2", GROUP))
    await house.work()
    assert house.delivery("lea_2").state is DeliveryState.DELIVERED
    for lease_id in ("lea_1", "lea_2"):
        house.end(lease_id)
        await house.ended(lease_id)
    await house.work()
    assert house.holds(GROUP) == before


async def test_a_sync_that_lags_does_not_make_a_second_lease_write() -> None:
    """What was added a moment ago need not be in Entra's lists yet."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    _synced_later(house, timedelta(seconds=20))
    await house.granted(house.lease("lea_2", GROUP))
    assert house.delivery("lea_2").state is DeliveryState.DELIVERED
    assert await house.begin() == []


async def test_gone_is_not_believed_before_everybody_knows_that_it_was_there() -> None:
    """A replica that has not heard of the addition says "not there" of what is there."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    gone = Already("404", patience=timedelta(minutes=3))
    for _ in range(5):
        house.clock.advance(timedelta(seconds=20))
        [attempt] = await house.begin()
        await house.settle(attempt, gone)
        assert house.delivery("lea_1").state is DeliveryState.REMOVING
    house.clock.advance(timedelta(minutes=2))
    await house.work()
    assert house.delivery("lea_1").state is DeliveryState.REMOVED and not house.holds(GROUP)


async def test_gone_is_believed_of_what_was_added_long_ago() -> None:
    """Somebody took it away by hand: three looks are enough."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.clock.advance(timedelta(minutes=5))
    house.end("lea_1")
    await house.ended("lea_1")
    for _ in range(3):
        [attempt] = await house.begin()
        await house.settle(attempt, Already("404", patience=timedelta(minutes=3)))
        house.clock.advance(timedelta(seconds=2))
    assert house.delivery("lea_1").state is DeliveryState.REMOVED


def _synced_later(house: ProvisioningHouse, after: timedelta) -> None:
    """So much later a sync begins, and succeeds."""
    house.clock.advance(after)
    house.syncs.last = Sync(
        "syn_1", "con_1", SyncState.SUCCEEDED, Progress("done"), "", house.clock.now()
    )
    house.clock.advance(timedelta(seconds=1))
