"""Leases that make what their subject holds already a part of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from libs.domain.errors import NotFound
from services.connector.domain import facts
from services.connector.domain.assignment import AssignmentState
from services.connector.domain.connection import ConnectionMode
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.target import GroupMembership
from services.connector.domain.verdict import Refused, Retriable
from tests.unit.connector.provisioning_house import (
    CONNECTION,
    GROUP,
    ROLE,
    ProvisioningHouse,
)

_REFUSED = Refused("403 Authorization_RequestDenied", "group_not_writable", "It is synced")


async def _ended(house: ProvisioningHouse, lease_id: str) -> None:
    house.end(lease_id)
    await house.ended(lease_id)
    await house.work()
    assert house.delivery(lease_id).state is DeliveryState.REMOVED


@pytest.mark.parametrize("in_mirror", [True, False])
async def test_what_was_there_goes_with_the_lease(in_mirror: bool) -> None:
    """Found at the first attempt or seen by the catalog before: it is ours."""
    house = ProvisioningHouse()
    house.had_before(GROUP, in_mirror=in_mirror)
    await house.granted(house.lease("lea_1", GROUP, takes_over=True))
    [attempt] = await house.begin()
    assert attempt.looks_first and attempt.takes_over
    await house.settle(attempt, house.tenant.apply(attempt))
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.state is AssignmentState.PRESENT and not assignment.preexisting
    house.end("lea_1")
    await house.ended("lea_1")
    [attempt] = await house.begin()
    assert attempt.takes_over, "also what somebody put there meanwhile"
    await house.settle(attempt, house.tenant.apply(attempt))
    assert house.delivery("lea_1").state is DeliveryState.REMOVED and not house.holds(GROUP)
    # The next one is as any: what is there then was there before it.
    house.given_by_hand(GROUP)
    await house.granted(house.lease("lea_2", GROUP))
    await house.work()
    await _ended(house, "lea_2")
    assert house.holds(GROUP)


async def test_what_another_lease_found_there_yields_to_a_takeover() -> None:
    """Whichever of them ends last, it goes."""
    for last in ("lea_before", "lea_over"):
        house = ProvisioningHouse()
        house.had_before(GROUP)
        await house.granted(house.lease("lea_before", GROUP))
        await house.work()
        await house.granted(house.lease("lea_over", GROUP, takes_over=True))
        assert house.delivery("lea_over").state is DeliveryState.DELIVERED
        [first] = {"lea_before", "lea_over"} - {last}
        await _ended(house, first)
        assert house.holds(GROUP)
        await _ended(house, last)
        assert not house.holds(GROUP)


async def test_a_takeover_that_ended_before_an_answer_is_on_record() -> None:
    """The other lease finds it there, and does not leave it behind."""
    house = ProvisioningHouse()
    house.had_before(GROUP, in_mirror=True)
    await house.granted(house.lease("lea_1", GROUP))
    await house.granted(house.lease("lea_over", GROUP, takes_over=True))
    house.end("lea_over")
    await house.ended("lea_over")
    await house.work()
    await _ended(house, "lea_1")
    assert not house.holds(GROUP)


async def test_one_that_ends_before_it_was_tried_takes_along_what_the_catalog_saw() -> None:
    """And nothing of what it saw nothing of."""
    house = ProvisioningHouse()
    house.had_before(GROUP, in_mirror=True)
    await house.granted(house.lease("lea_1", GROUP, ROLE, takes_over=True))
    house.end("lea_1")
    await house.ended("lea_1")
    [attempt] = await house.begin()
    assert attempt.target == GROUP
    await house.settle(attempt, house.tenant.apply(attempt))
    assert not house.holds(GROUP)
    assert house.delivery("lea_1").state is DeliveryState.REMOVED


async def test_one_that_ends_while_nobody_knows_takes_along_what_the_catalog_saw() -> None:
    """Whoever put it there: no answer came to the only attempt."""
    house = ProvisioningHouse()
    house.had_before(GROUP, in_mirror=True)
    await house.granted(house.lease("lea_1", GROUP, takes_over=True))
    [attempt] = await house.begin()
    await house.settle(attempt, Retriable("", "no answer", certain=False))
    await _ended(house, "lea_1")
    assert not house.holds(GROUP)


async def test_one_that_found_nothing_leaves_nothing_to_the_next() -> None:
    """What is there when another lease comes was there before that one."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP, takes_over=True))
    house.end("lea_1")
    await house.ended("lea_1")
    assert house.delivery("lea_1").state is DeliveryState.REMOVED
    house.given_by_hand(GROUP)
    await house.granted(house.lease("lea_2", GROUP))
    await house.work()
    await _ended(house, "lea_2")
    assert house.holds(GROUP)


async def test_a_failed_delivery_finds_what_was_given_by_hand() -> None:
    """Once it is retried by a lease that takes over; while there is nothing it fails as before."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP, ROLE))
    for attempt in await house.begin():
        is_group = attempt.target == GROUP
        await house.settle(attempt, _REFUSED if is_group else house.tenant.apply(attempt))
    assert house.delivery("lea_1").state is DeliveryState.FAILED
    for round in (2, 3):
        house.change("lea_1", round=round, takes_over=True)
        if round == 3:
            house.given_by_hand(GROUP)
        await house.granted("lea_1")
        [attempt] = await house.begin()
        assert attempt.looks_first and attempt.target == GROUP
        found = house.tenant.apply(attempt) if house.holds(GROUP) else _REFUSED
        await house.settle(attempt, found)
        delivery = house.delivery("lea_1")
        assert delivery.round == round and delivery.takes_over
        expected = DeliveryState.FAILED if round == 2 else DeliveryState.DELIVERED
        assert delivery.state is expected
        assert delivery.failure_reason == ("group_not_writable" if round == 2 else "")
    await _ended(house, "lea_1")
    assert not house.holds(GROUP) and not house.holds(ROLE)


async def test_one_that_was_delivered_takes_over_when_it_is_retried_so() -> None:
    """Requests had not heard of the delivery."""
    house = ProvisioningHouse()
    house.had_before(GROUP)
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.change("lea_1", round=2, takes_over=True)
    await house.granted("lea_1")
    assert house.delivery("lea_1").state is DeliveryState.DELIVERED
    assert house.store.told[-1].body == facts.AccessProvisioned("lea_1", 2)
    await _ended(house, "lea_1")
    assert not house.holds(GROUP)


async def test_one_for_groups_only_looks_for_a_role() -> None:
    """It may have been given by hand; Microsoft's own is left alone all the same."""
    house = ProvisioningHouse()
    house.connections.connection = replace(CONNECTION, mode=ConnectionMode.GROUPS_ONLY)
    await house.granted(house.lease("lea_1", ROLE, takes_over=True))
    assert house.delivery("lea_1").state is DeliveryState.PENDING
    house.connections.protected_ids = frozenset({"sp-1"})
    await house.granted(house.lease("lea_2", ROLE, takes_over=True))
    assert house.delivery("lea_2").failure_reason == "target_protected"


async def test_one_that_is_born_ending_takes_out_what_is_held() -> None:
    """Listed, held, and nothing else; once, however often it is told; and it is told of at the
    end."""
    house = ProvisioningHouse()
    house.had_before(GROUP, in_mirror=True)
    house.lease("lea_1", GROUP, ROLE, takes_over=True)
    house.end("lea_1")
    await house.ended("lea_1")
    await house.ended("lea_1")
    assert house.delivery("lea_1").state is DeliveryState.REMOVING
    await house.work()
    assert not house.holds(GROUP)
    assert house.delivery("lea_1").state is DeliveryState.REMOVED
    assert [fact.body for fact in house.store.told] == [facts.AccessDeprovisioned("lea_1")]
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.state is AssignmentState.ABSENT and assignment.target == GROUP
    # Granted is too late, as for any lease that has ended.
    house.change("lea_1", is_wanted=True, is_ended=False, round=2)
    await house.granted("lea_1")
    assert house.delivery("lea_1").state is DeliveryState.REMOVED


@pytest.mark.parametrize("case", ["not held", "unlisted", "otherwise", "protected", "unknown"])
async def test_one_that_is_born_ending_touches_nothing_else(case: str) -> None:
    """What the person does not hold, the catalog does not list or has otherwise, or is
    Microsoft's own."""
    house = ProvisioningHouse()
    house.had_before(ROLE, in_mirror=case != "not held")
    if case == "unlisted":
        house.catalog.listed = [GROUP]
    if case == "otherwise":
        house.catalog.listed = [replace(ROLE, kind=GroupMembership("g-9"))]
    if case == "protected":
        house.connections.protected_ids = frozenset({"sp-1"})
    if case == "unknown":
        house.catalog.missing = NotFound("USER_NOT_FOUND", "gone")
    house.lease("lea_1", ROLE, takes_over=True)
    await _ended(house, "lea_1")
    assert house.holds(ROLE) and not house.store.assignments_by_id


async def test_one_that_is_born_ending_leaves_what_another_lease_holds() -> None:
    """It goes when that one ends, though it was there before both."""
    house = ProvisioningHouse()
    house.had_before(GROUP)
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.sync()
    house.lease("lea_2", GROUP, takes_over=True)
    await _ended(house, "lea_2")
    assert house.holds(GROUP) and house.delivery("lea_1").state is DeliveryState.DELIVERED
    await _ended(house, "lea_1")
    assert not house.holds(GROUP)


async def test_one_that_is_born_ending_gives_nothing_to_leases_that_wait() -> None:
    """What a failed or a lost lease holds is not tried for it; but it goes when that one ends."""
    for lost in (True, False):
        house = ProvisioningHouse()
        await house.granted(house.lease("lea_1", GROUP))
        [attempt] = await house.begin()
        if lost:
            await house.settle(attempt, house.tenant.apply(attempt))
            house.removed_by_hand(GROUP)
            await house.look()
        else:
            await house.settle(attempt, _REFUSED)
        house.given_by_hand(GROUP)
        house.sync()
        house.lease("lea_2", GROUP, takes_over=True)
        house.end("lea_2")
        await house.ended("lea_2")
        assert not await house.begin()
        assert house.delivery("lea_2").state is DeliveryState.REMOVED
        await _ended(house, "lea_1")
        assert not house.holds(GROUP)


async def test_the_end_of_what_was_delivered_needs_no_catalog() -> None:
    """Though it takes over."""
    house = ProvisioningHouse()
    house.had_before(GROUP)
    await house.granted(house.lease("lea_1", GROUP, takes_over=True))
    await house.work()
    house.catalog.subject = None
    await _ended(house, "lea_1")
    assert not house.holds(GROUP)


async def test_a_lease_that_does_not_take_over_asks_the_catalog_nothing_at_its_end() -> None:
    """Ending access needs requests alone."""
    house = ProvisioningHouse()
    house.catalog.subject = None
    house.had_before(GROUP, in_mirror=True)
    house.lease("lea_1", GROUP)
    await _ended(house, "lea_1")
    assert house.holds(GROUP)


async def test_a_refused_removal_says_why_until_it_is_done() -> None:
    """On the assignment, for whoever looks at the lease; an event that tells of the end once more
    has it looked at now."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    for _ in range(3):
        [attempt] = await house.begin()
        await house.settle(attempt, _REFUSED)
        house.clock.advance(timedelta(minutes=5))
    [attempt] = await house.begin()
    await house.settle(attempt, Retriable("503", "busy", certain=True))
    [assignment] = house.store.assignments_by_id.values()
    assert (assignment.failure_reason, assignment.remedy) == (
        "group_not_writable",
        _REFUSED.remedy,
    )
    house.clock.advance(timedelta(minutes=5))
    [attempt] = await house.begin()
    await house.settle(attempt, _REFUSED)
    house.clock.advance(timedelta(minutes=1))
    await house.ended("lea_1")
    assert not await house.begin()
    house.removed_by_hand(GROUP)
    house.store.commit(await house.end_lease("lea_1", hurry=True))
    house.store.commit(await house.end_lease("lea_1", hurry=True))
    [attempt] = await house.begin()
    await house.settle(attempt, house.tenant.apply(attempt))
    [assignment] = house.store.assignments_by_id.values()
    assert (assignment.state, assignment.failure_reason) == (AssignmentState.ABSENT, "")
    assert house.delivery("lea_1").state is DeliveryState.REMOVED
