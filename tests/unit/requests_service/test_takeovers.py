"""Access from outside becomes ours: adopted as policy says, or removed with a record."""

import pytest

from libs.domain.callers import Person
from libs.domain.errors import Unavailable
from services.requests.domain import facts
from services.requests.domain.access_request import REQUESTS, AccessRequestState
from services.requests.domain.delivery import Delivery, DeliveryState
from services.requests.domain.gone import Gone
from services.requests.domain.lease import EndCause, LeaseState
from services.requests.domain.states import EmergencyReview
from services.requests.domain.steps import Accept, Reject
from services.requests.domain.takeover import Fate, TakeoverState, UnmanagedAction
from services.requests.domain.timeline import Created, Denied, LeaseEnding
from services.requests.handlers.wish import Wish
from tests.fakes.requests_delegations import Taken
from tests.fakes.requests_neighbours import ENTITLEMENT, TARGET
from tests.unit.requests_service.cast import (
    ADA,
    BY_OWNER,
    EVERYBODY,
    GIL,
    GUS,
    MAX,
    OLA,
    SUE,
    happened,
    refused,
    told,
)
from tests.unit.requests_service.house import person
from tests.unit.requests_service.takings import ADOPT, HOUR, REMOVE, Takings


def crowd(count: int) -> list[Person]:
    """So many people."""
    return [person(f"Somebody {number:03}") for number in range(count)]


async def test_what_somebody_holds_can_be_asked_to_be_taken_over() -> None:
    """The lease takes over what they hold; who holds nothing of it is told so, and an extension
    takes nothing over."""
    takings = Takings()
    wish = Wish(ADA, ENTITLEMENT, takes_over=True)
    await refused(takings.house.ask(wish), "NOTHING_TO_TAKE_OVER", user_id=ADA.user_id)
    takings.gives(ADA)
    made = await takings.house.ask(wish)
    (lease,) = takings.leases(ADA)
    assert made.takes_over and lease.takes_over
    await takings.house.settle(lease.lease_id, DeliveryState.DELIVERED)
    takings.house.clock.advance(2 * HOUR)
    longer = await takings.house.extend(lease.lease_id, 1)
    assert not longer.takes_over
    # Without asking for it, what was there before stays where it is, as ever.
    takings.gives(SUE)
    await takings.house.ask(Wish(SUE, ENTITLEMENT))
    assert not takings.leases(SUE)[0].takes_over


async def test_to_adopt_asks_in_each_holders_name() -> None:
    """Policy decides as of any wish: approved, it is a lease that takes over; who manages them is
    asked, and nobody is asked about their own. Whoever has a lease, or may not ask, stays."""
    takings = Takings()
    house = takings.house
    house.policy.steps = (BY_OWNER,)
    takings.gives(ADA, OLA, GIL, GUS, MAX)
    takings.gives(SUE, unmanaged=False)
    house.catalog.audience = {each.user_id for each in EVERYBODY if each is not GUS}
    await house.create(GIL)
    await _leased(takings, MAX)
    made = await takings.start(ADOPT)
    assert told(house) == [
        facts.TakeoverStarted(made.takeover_id, made.app_id, ENTITLEMENT, "ADOPT", made.started_by)
    ]
    await takings.loop()
    done = takings.kept(made)
    assert (done.state, done.found_count, done.holder_count) == (TakeoverState.DONE, 5, 6)
    assert (done.taken_count, done.skipped_count) == (2, 3)
    assert told(house) == [facts.TakeoverFinished(made.takeover_id, 2)]

    (adas,) = takings.wishes(ADA)
    assert (adas.state, adas.takes_over) == (AccessRequestState.PENDING, True)
    assert adas.requester.user_id == adas.subject.user_id == ADA.user_id
    assert adas.timeline[0].actor == REQUESTS
    assert happened(adas, Created)[0].justification.startswith("Held since 2026-03-02 10:30 UTC, ")
    (olas,) = takings.wishes(OLA)
    assert OLA.user_id not in olas.awaiting
    assert takings.holder(done, ADA).access_request_id == adas.access_request_id
    assert takings.holder(done, GUS).reason == "They may not ask for it."
    assert len(takings.wishes(GIL)) == 1
    assert takings.wishes(SUE) == []
    await house.approve(adas, OLA)
    (lease,) = takings.leases(ADA)
    assert (lease.takes_over, lease.duration) == (True, house.catalog.max_duration)


async def _leased(takings: Takings, who: Person) -> None:
    """A lease of what they hold besides."""
    steps, takings.house.policy.steps = takings.house.policy.steps, (Accept(),)
    await takings.house.active(who)
    takings.house.policy.steps = steps


async def test_who_was_denied_is_not_asked_about_again() -> None:
    """For the same access: not when it is found again, and not by another takeover that adopts.
    What is given anew is other access; and what was denied can be removed."""
    takings = Takings()
    takings.house.policy.steps = (Reject("no"),)
    takings.gives(ADA)
    first = await takings.taken(ADOPT)
    assert takings.wishes(ADA)[0].state is AccessRequestState.DENIED
    assert takings.leases(ADA) == []
    again = await takings.taken(ADOPT)
    assert (again.taken_count, again.skipped_count) == (0, 1)
    assert len(takings.wishes(ADA)) == 1 and first.taken_count == 1

    takings.takes(ADA)
    takings.gives(ADA)
    assert (await takings.taken(ADOPT)).taken_count == 1
    assert (await takings.taken(REMOVE)).taken_count == 1
    assert [each.state for each in takings.leases(ADA)] == [LeaseState.ENDING]
    # Until a sync has seen that it is gone.
    (lease,) = takings.leases(ADA)
    await _removed(takings, lease.lease_id)
    assert (await takings.taken(REMOVE)).taken_count == 0
    assert len(takings.wishes(ADA)) == 3


async def _removed(takings: Takings, lease_id: str) -> None:
    deliveries = takings.house.connector.deliveries
    deliveries[lease_id] = Delivery(DeliveryState.REMOVED, 1, ())
    await takings.house.settle(lease_id)


async def test_to_remove_leaves_a_record_and_a_lease_that_only_ends() -> None:
    """A denied access request with why, and a lease that is ending from its first moment and takes
    over, in one change; it ends as any, once the connector says so. No policy is asked."""
    takings = Takings()
    house = takings.house
    takings.says(REMOVE)
    takings.gives(GUS)
    house.catalog.audience = set()
    made = await takings.found()
    assert made is not None and made.started_by == REQUESTS
    await takings.loop()
    done = takings.kept(made)
    assert (done.state, done.taken_count, done.skipped_count) == (TakeoverState.DONE, 1, 0)
    assert house.policy.calls == 0
    (wish,), (lease,) = takings.wishes(GUS), takings.leases(GUS)
    message = "The app's setting says that access from outside Latchkey is removed."
    assert (wish.state, wish.lease_id) == (AccessRequestState.DENIED, lease.lease_id)
    assert wish.takes_over and not wish.is_open and wish.review is EmergencyReview.UNSPECIFIED
    assert happened(wish, Denied) == [Denied(message)]
    assert happened(wish, LeaseEnding) == [LeaseEnding("unmanaged", message)]
    assert (lease.state, lease.live, lease.takes_over) == (LeaseState.ENDING, True, True)
    assert (lease.end_cause, lease.end_reason) == (EndCause.UNMANAGED, message)
    assert (lease.start_time, lease.end_time) == (None, takings.now)
    assert lease.targets == (TARGET,)
    change = next(each for each in house.store.changes if each.also)
    assert [type(fact.body).__name__ for fact in change.facts] == [
        "AccessRequestCreated",
        "AccessRequestDenied",
        "LeaseEnded",
    ]
    records = (change.audit, *change.also)
    assert [each.action for each in records] == ["access_request.created", "lease.taken_out"]
    # While it is on its way out, nobody asks for it.
    house.catalog.audience = None
    await refused(house.create(GUS), "ALREADY_LEASED")
    await _removed(takings, lease.lease_id)
    (ended,) = takings.leases(GUS)
    assert (ended.state, ended.live) == (LeaseState.ENDED, False)
    assert (await house.create(GUS)).state is AccessRequestState.APPROVED


@pytest.mark.parametrize(
    ("others", "outside", "held"),
    [(0, 20, False), (0, 21, True), (189, 21, False), (188, 21, True), (0, 0, False)],
)
async def test_many_are_removed_only_when_somebody_agrees(
    others: int, outside: int, held: bool
) -> None:
    """More than 20, and more than 10 % of those who hold it, wait; as many do not."""
    takings = Takings()
    people = crowd(outside + others)
    takings.gives(*people[:outside])
    takings.gives(*people[outside:], unmanaged=False)
    made = await takings.taken(REMOVE)
    assert (made.state is TakeoverState.HELD) == held
    assert made.taken_count == (0 if held else outside)
    assert (made.found_count, made.holder_count) == (outside, outside + others)
    if not held:
        await refused(takings.confirm(made), "TAKEOVER_STATE", state="DONE")
        return
    assert told(takings.house) == [facts.TakeoverHeld(made.takeover_id, 21, made.holder_count)]
    await refused(takings.start(ADOPT), "TAKEOVER_OPEN", takeover_id=made.takeover_id)
    await takings.loop()
    assert takings.kept(made) == made
    running = await takings.confirm(made)
    assert (running.state, running.confirmed_by is not None) == (TakeoverState.RUNNING, True)
    await takings.loop()
    assert takings.kept(made).taken_count == outside
    (wish,) = takings.wishes(people[0])
    assert happened(wish, Denied)[0].message == "Root has access from outside Latchkey removed."


async def test_what_is_given_up_is_left_alone() -> None:
    """Nobody loses anything, nothing begins by itself for the same people, and whoever starts
    another one is asked again. To adopt many is never held."""
    takings = Takings()
    takings.says(REMOVE)
    takings.gives(*crowd(21))
    made = await takings.found()
    assert made is not None
    await takings.loop()
    over = await takings.cancel(takings.kept(made))
    assert (over.state, over.skipped_count) == (TakeoverState.CANCELLED, 21)
    assert takings.holder(over, crowd(1)[0]).fate is Fate.SKIPPED
    await takings.loop()
    await takings.outside()
    assert await takings.found() is None
    assert takings.all() == [over]
    assert (await takings.taken(ADOPT)).taken_count == 21


async def test_only_what_was_seen_since_the_setting_is_begun_by_itself() -> None:
    """A word of the catalog is only a hint: where the app says nothing, or said it later, nothing
    begins; a lost word, and one during another takeover, is made up for by the rounds."""
    takings = Takings()
    takings.gives(ADA)
    assert await takings.found() is None
    takings.says(ADOPT)
    assert await takings.found() is None
    await takings.outside()
    assert takings.all() == []
    takings.gives(SUE)
    takings.house.catalog.left_alone = "The group is synced from on-premises."
    assert await takings.found() is None
    takings.house.catalog.left_alone = ""
    first = await takings.found()
    assert first is not None and await takings.found() is None
    await takings.loop()
    # Both: who holds it at that moment.
    assert takings.kept(first).taken_count == 2
    second = await takings.start(ADOPT)
    await takings.look(second)
    takings.gives(GIL)
    assert await takings.found() is None
    await takings.loop()
    assert takings.kept(second).state is TakeoverState.DONE
    assert takings.wishes(GIL) == []
    await takings.outside()
    await takings.loop()
    assert len(takings.wishes(GIL)) == 1
    takings.house.catalog.away = True
    await takings.outside()
    takings.house.catalog.away = False
    await takings.outside()
    assert len(takings.all()) == 3


async def test_what_changed_since_the_look_counts() -> None:
    """Who has lost it, or has come to a lease, is left alone; and so is everybody once the app says
    so no longer, unless a person wants it."""
    takings = Takings()
    takings.says(REMOVE)
    takings.gives(ADA, SUE, GIL)
    made = await takings.found()
    assert made is not None
    await takings.look(made)
    takings.takes(ADA)
    await takings.house.create(SUE)
    takings.says(UnmanagedAction.REPORT)
    await takings.loop()
    done = takings.kept(made)
    assert (done.taken_count, done.skipped_count) == (0, 3)
    assert takings.holder(done, GIL).reason == "The app no longer says so."
    takings.gives(ADA)
    again = await takings.start(REMOVE)
    await takings.look(again)
    takings.takes(ADA)
    await takings.loop()
    assert takings.holder(again, ADA).reason == "They no longer hold it from outside."
    assert takings.holder(again, SUE).fate is Fate.SKIPPED
    assert [each.state for each in takings.leases(GIL)] == [LeaseState.ENDING]
    assert takings.kept(again).state is TakeoverState.DONE


async def test_what_stops_in_the_middle_goes_on() -> None:
    """While the catalog is away nobody is passed over; each is seen to once, however often."""
    takings = Takings()
    house = takings.house
    takings.gives(*crowd(3))
    made = await takings.start(ADOPT)
    house.catalog.away = True
    await takings.loop()
    assert takings.kept(made).look_time is None
    with pytest.raises(Unavailable):
        await takings.start(REMOVE)
    house.catalog.away = False
    await takings.look(made)
    first, second, third = crowd(3)
    offered = await takings.taker.offered(ENTITLEMENT)
    for _ in range(2):
        house.keep(await takings.taker(made.takeover_id, first.user_id, offered))
    assert takings.kept(made).taken_count == 1
    # Two who saw the same: the second is too late.
    outcomes = [await takings.taker(made.takeover_id, second.user_id, offered) for _ in range(2)]
    house.keep(outcomes[0])
    with pytest.raises(Taken):
        house.keep(outcomes[1])
    house.catalog.away = True
    await takings.loop()
    assert takings.kept(made).state is TakeoverState.RUNNING
    house.catalog.away = False
    house.clock.advance(HOUR)
    await takings.loop()
    assert takings.kept(made).state is TakeoverState.DONE
    assert [len(takings.wishes(each)) for each in (first, second, third)] == [1, 1, 1]


async def test_what_is_gone_is_nobodys() -> None:
    """A takeover of an entitlement that the app no longer offers ends with nobody seen to."""
    takings = Takings()
    house = takings.house
    takings.says(REMOVE)
    takings.gives(ADA)
    made = await takings.start(REMOVE)
    await takings.look(made)
    house.catalog.gone[ENTITLEMENT] = Gone("It is gone.", unknown=True)
    assert await takings.found() is None
    await takings.loop()
    assert takings.holder(made, ADA).reason == "The app no longer offers it."
    await refused(takings.start(REMOVE), "ENTITLEMENT_NOT_FOUND")
    house.catalog.gone[ENTITLEMENT] = Gone("Its role is gone.")
    again = await takings.taken(REMOVE)
    assert takings.holder(again, ADA).reason == "Its role is gone."
