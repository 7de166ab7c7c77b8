"""What becomes of access that somebody takes out of Entra by hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from libs.domain.callers import Service
from libs.domain.errors import LatchkeyError
from services.connector.domain import facts
from services.connector.domain.assignment import AssignmentState
from services.connector.domain.connection import RemovedAccessAction
from services.connector.domain.delivery import DeliveryState
from services.connector.domain.reconciliation import ReconciliationState
from services.connector.domain.target import Principal
from services.connector.domain.verdict import Already, Refused
from services.connector.handlers.reconciliations import SeeToReconciliations
from tests.unit.connector.provisioning_house import (
    CONNECTION,
    GROUP,
    PERSON,
    ROLE,
    TENANT,
    ProvisioningHouse,
)

END, RESTORE = RemovedAccessAction.END, RemovedAccessAction.RESTORE


async def _delivered(house: ProvisioningHouse, **leases: tuple[object, ...]) -> None:
    for lease_id, targets in leases.items():
        await house.granted(house.lease(lease_id, *targets))  # type: ignore[arg-type]
    await house.work()


def _restoring(house: ProvisioningHouse) -> None:
    house.connections.connection = replace(CONNECTION, removed_access_action=RESTORE)


def _state(house: ProvisioningHouse, target: object) -> AssignmentState:
    [found] = [
        each.state for each in house.store.assignments_by_id.values() if each.target == target
    ]
    return found


def _told(house: ProvisioningHouse) -> list[facts.AccessRemovedOutside]:
    bodies = [fact.body for fact in house.store.told]
    return [body for body in bodies if isinstance(body, facts.AccessRemovedOutside)]


async def test_what_is_lost_ends_its_leases_and_is_not_removed_again() -> None:
    """Each lease that held it hears of it; what else they brought goes, without a call for what
    is gone already."""
    house = ProvisioningHouse()
    await _delivered(house, lea_1=(GROUP, ROLE), lea_2=(GROUP,), lea_3=(ROLE,))
    house.removed_by_hand(GROUP)
    await house.look()
    assert (_state(house, GROUP), _state(house, ROLE)) == (
        AssignmentState.LOST,
        AssignmentState.PRESENT,
    )
    told = {body.lease_id: body for body in _told(house)}
    assert told.keys() == {"lea_1", "lea_2"}
    assert told["lea_1"].directory_entitlement_ids == ("den_group",)
    assert (told["lea_1"].action, told["lea_1"].round) == (END, 1)
    for lease_id in ("lea_1", "lea_2"):
        delivery = house.delivery(lease_id)
        assert delivery.state is DeliveryState.LOST and delivery.removed_outside_time is not None
        house.end(lease_id)
        await house.ended(lease_id)
        assert not await house.begin()
    assert _state(house, GROUP) is AssignmentState.ABSENT and house.holds(ROLE)
    assert house.delivery("lea_2").state is DeliveryState.REMOVED
    assert house.delivery("lea_3").state is DeliveryState.DELIVERED
    house.end("lea_3")
    await house.ended("lea_3")
    await house.work()
    assert not house.holds(ROLE)


async def test_what_is_lost_is_put_back_where_the_connection_says_so() -> None:
    """Its leases are under way again, and delivered once more; told of as that."""
    house = ProvisioningHouse()
    _restoring(house)
    await _delivered(house, lea_1=(GROUP, ROLE))
    house.removed_by_hand(GROUP)
    await house.look()
    assert house.delivery("lea_1").state is DeliveryState.PENDING
    assert [body.action for body in _told(house)] == [RESTORE]
    await house.work()
    assert house.holds(GROUP) and house.delivery("lea_1").state is DeliveryState.DELIVERED
    assert house.delivery("lea_1").removed_outside_time is not None
    assert isinstance(house.store.told[-1].body, facts.AccessProvisioned)
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    assert not house.holds(GROUP) and not house.holds(ROLE)


@pytest.mark.parametrize("action", [END, RESTORE])
async def test_the_second_look_writes_nothing(action: RemovedAccessAction) -> None:
    """Neither of what is as it should be, nor of what was seen to before."""
    house = ProvisioningHouse()
    house.connections.connection = replace(CONNECTION, removed_access_action=action)
    await _delivered(house, lea_1=(GROUP, ROLE))
    changes = len(house.store.changes)
    await house.look()
    await house.reconciler()
    assert len(house.store.changes) == changes and not house.store.reconciliations.found
    house.removed_by_hand(GROUP)
    await house.look()
    await house.work()
    [found] = house.store.reconciliations.found.values()
    assert found.state is ReconciliationState.DONE and found.missing_count == 1
    assert found.expected_count == 2
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    changes = len(house.store.changes)
    await house.look()
    await house.reconciler()
    assert len(house.store.changes) == changes


async def test_what_is_new_or_changed_since_is_not_missing() -> None:
    """Entra's lists may not show yet what was added just before the sync began; nor does a sync
    tell of what was ended, or granted anew, while it was looked at."""
    house = ProvisioningHouse()
    await _delivered(house, lea_1=(GROUP,))
    house.sync()
    house.clock.advance(timedelta(minutes=-4))
    assert house.syncs.last is not None
    early = replace(house.syncs.last, create_time=house.clock.now())
    house.syncs.last = early
    house.catalog.mirror.clear()
    await house.reconciler()
    assert house.delivery("lea_1").state is DeliveryState.DELIVERED

    house.catalog.on_asked = lambda: None
    house.removed_by_hand(GROUP)
    sync = house.sync()
    finding = await house.reconcile.look(sync)
    assert finding is not None and len(finding.missing_ids) == 1
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    await house.granted(house.lease("lea_2", GROUP))
    await house.work()
    house.store.commit(await house.lost.act(sorted(finding.missing_ids), sync, END))
    assert house.delivery("lea_2").state is DeliveryState.DELIVERED and house.holds(GROUP)


async def test_what_is_gone_altogether_is_not_missing() -> None:
    """A person or a group that left the directory is told of otherwise."""
    house = ProvisioningHouse()
    await _delivered(house, lea_1=(GROUP,), lea_2=(ROLE,))
    house.removed_by_hand(GROUP)
    house.catalog.gone = {"den_group"}
    await house.look()
    house.catalog.gone = {PERSON.user_id}
    house.removed_by_hand(ROLE)
    await house.look()
    assert not _told(house) and not house.store.reconciliations.found


async def test_a_look_during_a_sync_comes_to_nothing() -> None:
    """The catalog names another sync, or none, at any page: it is looked at after the next."""
    house = ProvisioningHouse()
    await _delivered(house, lea_1=(GROUP,))
    house.removed_by_hand(GROUP)
    sync = house.sync()
    house.catalog.sync_id = ""
    await house.reconciler()
    house.catalog.sync_id = "syn_other"
    await house.reconciler()
    assert not _told(house) and not house.store.reconciliations.found

    house.catalog.sync_id = sync.sync_id
    asked = 0

    def then_another() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            house.catalog.sync_id = ""

    # It changes between the look and the acting: what was found waits, and nothing is lost of it.
    house.catalog.on_asked = then_another
    await house.reconciler()
    [found] = house.store.reconciliations.found.values()
    assert found.state is ReconciliationState.CONFIRMED and not _told(house)
    house.given_by_hand(GROUP)
    house.sync()
    await house.reconciler()
    [found] = house.store.reconciliations.found.values()
    assert found.state is ReconciliationState.DONE and not _told(house)
    assert _state(house, GROUP) is AssignmentState.PRESENT


async def test_put_back_by_hand_before_it_is_restored_it_is_still_the_leases() -> None:
    """Entra says that it is there already; it goes when the lease ends, as it would have."""
    house = ProvisioningHouse()
    _restoring(house)
    await _delivered(house, lea_1=(GROUP,))
    house.removed_by_hand(GROUP)
    await house.look()
    house.given_by_hand(GROUP)
    [attempt] = await house.begin()
    await house.settle(attempt, Already("400 Request_BadRequest: already there"))
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.state is AssignmentState.PRESENT and not assignment.preexisting
    house.end("lea_1")
    await house.ended("lea_1")
    await house.work()
    assert not house.holds(GROUP)


async def test_what_was_there_before_and_is_gone_was_never_there() -> None:
    """It is forgotten as that: who brings it back brings it as their own."""
    house = ProvisioningHouse()
    house.had_before(GROUP)
    await _delivered(house, lea_1=(GROUP,))
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.preexisting
    house.removed_by_hand(GROUP)
    await house.look()
    [assignment] = house.store.assignments_by_id.values()
    assert assignment.state is AssignmentState.LOST and not assignment.preexisting
    # A second lease comes before the first has ended, and outlives it.
    await house.granted(house.lease("lea_2", GROUP))
    await house.work()
    house.end("lea_1")
    await house.ended("lea_1")
    assert house.holds(GROUP) and house.delivery("lea_1").state is DeliveryState.REMOVED
    assert house.delivery("lea_2").state is DeliveryState.DELIVERED
    house.end("lea_2")
    await house.ended("lea_2")
    await house.work()
    assert not house.holds(GROUP)


async def test_of_a_failed_delivery_the_rest_is_lost_and_a_retry_brings_all() -> None:
    """It waits for somebody as before."""
    house = ProvisioningHouse()
    await house.granted(house.lease("lea_1", GROUP, ROLE))
    attempts = {each.target: each for each in await house.begin()}
    await house.settle(attempts[GROUP], house.tenant.apply(attempts[GROUP]))
    await house.settle(attempts[ROLE], Refused("403", "permission_missing", "no"))
    house.removed_by_hand(GROUP)
    await house.look()
    delivery = house.delivery("lea_1")
    assert delivery.state is DeliveryState.FAILED and delivery.removed_outside_time is not None
    house.change("lea_1", round=2)
    await house.granted("lea_1")
    await house.work()
    assert house.holds(GROUP) and house.holds(ROLE)
    assert house.delivery("lea_1").state is DeliveryState.DELIVERED


async def test_a_lease_that_is_still_lost_is_told_of_again() -> None:
    """Five minutes on, so that a lost event costs only time; not before, and not once it ends."""
    house = ProvisioningHouse()
    await _delivered(house, lea_1=(GROUP,))
    house.removed_by_hand(GROUP)
    await house.look()
    await house.reconciler()
    assert len(_told(house)) == 1
    house.clock.advance(timedelta(minutes=6))
    await house.reconciler()
    await house.reconciler()
    assert len(_told(house)) == 2 and _told(house)[1] == _told(house)[0]
    versions = [fact.resource_version for fact in house.store.told]
    assert versions == sorted(set(versions))
    house.end("lea_1")
    await house.ended("lea_1")
    house.clock.advance(timedelta(minutes=6))
    await house.reconciler()
    assert len(_told(house)) == 2


def _crowd(house: ProvisioningHouse, count: int) -> list[Principal]:
    people = [Principal(f"usr_{n}", TENANT, f"object-{n}") for n in range(count)]
    house.catalog.people = {person.user_id: person for person in people}
    for person in people:
        house.lease(f"lea_{person.user_id}", GROUP, of=person)
    return people


async def test_too_much_is_held_until_confirmed() -> None:
    """Nothing changes until then; the same finding is kept once, another one takes its place, and
    what is confirmed is acted on as far as it is still missing."""
    house = ProvisioningHouse()
    people = _crowd(house, 30)
    for person in people:
        await house.granted(f"lea_{person.user_id}")
    await house.work()
    gone = {(each.entra_object_id, "den_group") for each in people[:21]}
    kept = set(house.tenant.present)

    house.tenant.present -= set(sorted(gone)[:20])
    house.sync()
    finding = await house.reconcile.look(house.syncs.last)  # type: ignore[arg-type]
    assert finding is not None and len(finding.missing_ids) == 20
    house.tenant.present = kept - gone
    await house.look()
    use = SeeToReconciliations(house.store.reconciliations)
    [found] = house.store.reconciliations.found.values()
    assert found.state is ReconciliationState.HELD
    assert (found.missing_count, found.expected_count) == (21, 30)
    assert not _told(house)
    assert isinstance(house.store.told[-1].body, facts.ReconciliationHeld)
    changes = len(house.store.changes)
    await house.look()
    assert len(house.store.changes) == changes

    back = sorted(gone)[0]
    more = (people[25].entra_object_id, "den_group")
    house.tenant.present = (kept - gone - {more}) | {back}
    await house.look()
    first, second = house.store.reconciliations.found.values()
    assert first.state is ReconciliationState.SUPERSEDED and first.finish_time is not None
    assert second.state is ReconciliationState.HELD
    with pytest.raises(LatchkeyError, match="SUPERSEDED"):
        await use.confirm(first.reconciliation_id, Service("x"))

    house.store.commit(await use.confirm(second.reconciliation_id, Service("x")))
    house.tenant.present.add(more)
    house.sync()
    await house.reconciler()
    [_, second] = house.store.reconciliations.found.values()
    assert second.state is ReconciliationState.DONE and second.confirmed_by == Service("x")
    lost = {body.lease_id for body in _told(house)}
    assert len(lost) == 20 and f"lea_{people[25].user_id}" not in lost


async def test_a_held_one_is_given_up_when_nothing_is_missing_any_more() -> None:
    """Somebody put it all back."""
    house = ProvisioningHouse()
    for person in _crowd(house, 22):
        await house.granted(f"lea_{person.user_id}")
    await house.work()
    kept = set(house.tenant.present)
    house.tenant.present.clear()
    await house.look()
    house.tenant.present = kept
    await house.look()
    [found] = house.store.reconciliations.found.values()
    assert found.state is ReconciliationState.SUPERSEDED and not _told(house)
