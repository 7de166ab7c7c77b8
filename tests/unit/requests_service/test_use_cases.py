"""What each use case writes: one audit record, the facts, and nothing half."""

from datetime import timedelta

import pytest

from libs.domain.callers import ADMIN, AUDITOR, Person
from libs.domain.errors import (
    AlreadyExists,
    Invalid,
    LatchkeyError,
    NotAllowed,
    NotFound,
    Unavailable,
    WrongState,
)
from libs.domain.ids import new_id
from services.requests.domain import facts, timeline
from services.requests.domain.access_request import AccessRequestState
from services.requests.domain.delivery import DeliveryState
from services.requests.domain.lease import EndCause, LeaseState
from services.requests.domain.steps import Approval, Manager, Reject
from services.requests.handlers.settle_lease import Settled
from services.requests.handlers.wish import Wish
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.unit.requests_service.house import ADA, House, person


def _facts(house: House) -> list[object]:
    return [fact.body for fact in house.last.facts]


async def test_an_accepted_wish_is_one_change() -> None:
    """The access request, the lease, both decisions and the events are committed together."""
    house = House()
    made = await house.create()
    assert len(house.store.changes) == 1
    assert made.state is AccessRequestState.APPROVED
    assert made.version == 2
    assert made.requested_duration == timedelta(hours=8)
    assert len(house.last.writes) == 2
    assert [type(body) for body in _facts(house)] == [
        facts.AccessRequestCreated,
        facts.AccessRequestApproved,
        facts.LeaseGranted,
    ]
    assert [fact.resource_version for fact in house.last.facts] == [1, 2, 1]
    audit = house.last.audit
    assert (audit.actor, audit.action, audit.reason) == (ADA, "access_request.created", "I draw")
    assert audit.details["state"] == "APPROVED"
    assert audit.details["policy_version"] == 1
    assert audit.details["lease_id"] == made.lease_id


async def test_a_denied_wish_brings_no_lease() -> None:
    """The denial is in the same change, with the policy that said no."""
    house = House()
    house.policy.steps = (Reject("no"),)
    made = await house.create()
    assert made.state is AccessRequestState.DENIED
    assert house.store.kept_leases == {}
    assert isinstance(_facts(house)[1], facts.AccessRequestDenied)


async def test_whom_the_catalog_has_named_it_is_not_asked_for() -> None:
    """Who may decide the first step is known with the entitlement where the catalog says so; it is
    asked for the others, and for all when somebody looks again."""
    house = House()
    ben, cleo = "usr_ben", "usr_cleo"
    house.catalog.line[ADA.user_id] = [ben, cleo]
    house.policy.steps = (Approval(Manager(3), fallback=Manager()),)
    made = await house.create()
    assert made.progress is not None and made.progress.user_ids == {ben}
    assert house.catalog.asked_of == [Manager(3)]
    house.catalog.line[ADA.user_id] = [cleo]
    await house.decide(made.access_request_id)
    kept = house.kept(made.access_request_id)
    assert kept.progress is not None and kept.progress.user_ids == {cleo}
    assert house.catalog.asked_of == [Manager(3), Manager(3), Manager()]


async def test_the_same_problem_is_noted_once() -> None:
    """Trying again without luck writes nothing; another problem is noted, once."""
    house = House()
    house.policy.problem = "away"
    made = await house.create()
    assert not await house.decide(made.access_request_id)
    assert len(house.store.changes) == 1
    house.policy.problem = "broken"
    assert not await house.decide(made.access_request_id)
    assert not await house.decide(made.access_request_id)
    assert len(house.store.changes) == 2
    assert house.last.audit.action == "access_request.evaluation_failed"
    house.policy.problem = ""
    assert await house.decide(made.access_request_id)
    assert house.last.audit.action == "access_request.approved"
    assert await house.decide(made.access_request_id)
    assert len(house.store.changes) == 3


async def test_a_late_decision_takes_the_limit_of_then() -> None:
    """A limit that came meanwhile: kept to when none was asked for, else the wish is denied."""
    house = House()
    house.catalog.max_duration = None
    house.policy.problem = "away"
    made = await house.create()
    house.policy.problem = ""
    house.catalog.max_duration = timedelta(hours=1)
    assert await house.decide(made.access_request_id)
    lease = next(iter(house.store.kept_leases.values()))
    assert lease.duration == timedelta(hours=1)

    ben = person("Ben")
    house.policy.problem = "away"
    made = await house.ask(Wish(ben, ENTITLEMENT, timedelta(hours=1)))
    house.policy.problem = ""
    house.catalog.max_duration = timedelta(minutes=30)
    assert await house.decide(made.access_request_id)
    denied = house.store.kept_access_requests[made.access_request_id]
    assert denied.state is AccessRequestState.DENIED
    assert "1800s" in str(denied.timeline[-1].what)


async def test_without_the_catalog_a_late_decision_waits() -> None:
    """The catalog's silence is no denial."""
    house = House()
    house.policy.problem = "away"
    made = await house.create()
    house.catalog.refusal = Unavailable("the catalog service", "unavailable")
    with pytest.raises(Unavailable):
        await house.decide(made.access_request_id)
    assert len(house.store.changes) == 1


async def test_a_duration_beyond_the_limit_is_refused_before_policy_is_asked() -> None:
    """DURATION_TOO_LONG, and nothing is written."""
    house = House()
    store = house.store
    with pytest.raises(Invalid) as refusal:
        await house.ask(Wish(ADA, ENTITLEMENT, timedelta(days=1)))
    assert refusal.value.reason == "DURATION_TOO_LONG"
    assert house.policy.calls == 0
    assert store.changes == []


async def test_one_open_one_live() -> None:
    """ACCESS_REQUEST_OPEN on the way, ALREADY_LEASED afterwards, neither after the end."""
    house = House()
    made = await house.create()
    with pytest.raises(AlreadyExists, match=made.access_request_id):
        await house.create()
    await house.settle(made.lease_id, DeliveryState.DELIVERED)
    with pytest.raises(AlreadyExists, match=made.lease_id):
        await house.create()
    await house.revoke(made.lease_id)
    with pytest.raises(AlreadyExists, match=made.lease_id):
        await house.create()
    await house.settle(made.lease_id, DeliveryState.REMOVED)
    await house.create()


async def test_who_waits_for_access_is_told_without_a_read() -> None:
    """The change that fulfils an access request says what it is then."""
    house = House()
    made = await house.create()
    await house.settle(made.lease_id, DeliveryState.DELIVERED)
    assert house.last.after == {made.access_request_id: house.kept(made.access_request_id)}


async def test_the_clock_of_a_lease_starts_at_delivery() -> None:
    """However long the delivery took, the lease lasts as long as was approved."""
    house = House()
    made = await house.create()
    house.clock.advance(timedelta(days=2))
    assert await house.settle(made.lease_id, DeliveryState.DELIVERED) is Settled.DONE
    lease = house.store.kept_leases[made.lease_id]
    assert lease.start_time == house.clock.time
    assert lease.end_time == house.clock.time + timedelta(hours=8)
    assert _facts(house) == [
        facts.AccessRequestFulfilled(made.access_request_id, made.lease_id, lease.end_time)
    ]
    assert house.last.audit.action == "access_request.fulfilled"


async def test_expiry_is_one_change_at_the_end_time_and_not_before() -> None:
    """A lease ends when its time is over; asked once more, nothing happens."""
    house = House()
    made = await house.create()
    await house.settle(made.lease_id, DeliveryState.DELIVERED)
    house.clock.advance(timedelta(hours=8, microseconds=-1))
    await house.expire(made.lease_id)
    assert house.store.kept_leases[made.lease_id].state is LeaseState.ACTIVE
    house.clock.advance(timedelta(microseconds=1))
    await house.expire(made.lease_id)
    lease = house.store.kept_leases[made.lease_id]
    assert (lease.state, lease.end_cause) == (LeaseState.ENDING, EndCause.EXPIRED)
    assert _facts(house) == [facts.LeaseEnded(made.lease_id)]
    count = len(house.store.changes)
    await house.expire(made.lease_id)
    await house.expire(new_id("lea"))
    assert len(house.store.changes) == count


async def test_what_a_failed_lease_brought_does_not_outlast_it() -> None:
    """A failed lease ends too when its time is over, counted from the failure."""
    house = House()
    made = await house.create()
    await house.settle(made.lease_id, DeliveryState.FAILED)
    house.clock.advance(timedelta(hours=8))
    await house.expire(made.lease_id)
    assert house.store.kept_leases[made.lease_id].state is LeaseState.ENDING
    request = house.store.kept_access_requests[made.access_request_id]
    assert request.state is AccessRequestState.FAILED
    with pytest.raises(WrongState) as refusal:
        await house.retry(made.access_request_id)
    assert refusal.value.reason == "LEASE_STATE"


async def test_a_failed_lease_ends_when_the_same_is_granted_anew() -> None:
    """It may hold a part of what it was to bring, and would after the new one has ended."""
    house = House()
    first = await house.create()
    await house.settle(first.lease_id, DeliveryState.FAILED)
    second = await house.create()
    assert second.state is AccessRequestState.APPROVED
    over = house.store.kept_leases[first.lease_id]
    assert over.state is LeaseState.ENDING
    assert over.end_reason == f"superseded by {second.lease_id}"
    assert ("lease.revoked", over.lease_id) in [
        (each.action, each.resource_id) for change in house.store.changes for each in change.also
    ], "its end has an audit record of its own"
    assert facts.LeaseEnded(first.lease_id) in _facts(house)
    request = house.store.kept_access_requests[first.access_request_id]
    assert request.state is AccessRequestState.FAILED


async def test_a_retry_is_a_new_round_with_the_old_approval() -> None:
    """Policy is not asked; the old round's word does nothing, the new one's does."""
    house = House()
    made = await house.create()
    await house.settle(made.lease_id, DeliveryState.FAILED)
    house.clock.advance(timedelta(hours=1))
    retried = await house.retry(made.access_request_id)
    assert retried.state is AccessRequestState.APPROVED
    assert house.policy.calls == 1
    assert _facts(house) == [
        facts.AccessRequestRetried(made.access_request_id, made.lease_id, ADA),
        facts.LeaseGranted(made.lease_id, 2),
        *(facts.TaskClosed(each, made.lease_id) for each in house.store.kept_tasks),
    ]
    lease = house.store.kept_leases[made.lease_id]
    assert (lease.end_time, lease.takes_over) == (None, False)
    assert await house.settle(made.lease_id) is Settled.UNHEARD
    assert await house.settle(made.lease_id, DeliveryState.DELIVERED, 2) is Settled.DONE


@pytest.mark.parametrize(
    ("state", "settled"),
    [
        (None, Settled.UNHEARD),
        (DeliveryState.PENDING, Settled.UNDER_WAY),
        (DeliveryState.REMOVING, Settled.UNDER_WAY),
        (DeliveryState.REMOVED, Settled.UNDER_WAY),
    ],
)
async def test_a_lease_that_is_not_there_yet_stays(
    state: DeliveryState | None, settled: Settled
) -> None:
    """On its way in, only DELIVERED and FAILED move it."""
    house = House()
    made = await house.create()
    assert await house.settle(made.lease_id, state) is settled
    assert len(house.store.changes) == 1


@pytest.mark.parametrize(
    ("state", "settled"),
    [
        (DeliveryState.PENDING, Settled.UNHEARD),
        (DeliveryState.DELIVERED, Settled.UNHEARD),
        (DeliveryState.FAILED, Settled.UNHEARD),
        (DeliveryState.REMOVING, Settled.UNDER_WAY),
    ],
)
async def test_a_lease_that_is_not_out_yet_stays(state: DeliveryState, settled: Settled) -> None:
    """On its way out, only REMOVED moves it: nothing late brings the access back."""
    house = House()
    made = await house.create()
    await house.revoke(made.lease_id)
    assert await house.settle(made.lease_id, state) is settled
    assert house.store.kept_leases[made.lease_id].state is LeaseState.ENDING


async def test_a_word_is_repeated_only_once_it_has_gone_out() -> None:
    """While the first is still on its way there is nothing to repeat; then the same is said."""
    house = House()
    made = await house.create()
    house.store.announced = False
    await house.repeat(made.lease_id)
    assert len(house.store.changes) == 1
    house.store.announced = True
    await house.repeat(made.lease_id)
    assert _facts(house) == [facts.LeaseGranted(made.lease_id, 1)]
    assert house.last.audit.action == "lease.event_repeated"
    await house.revoke(made.lease_id)
    await house.repeat(made.lease_id)
    assert _facts(house) == [facts.LeaseEnded(made.lease_id)]
    await house.settle(made.lease_id, DeliveryState.REMOVED)
    count = len(house.store.changes)
    await house.repeat(made.lease_id)
    assert len(house.store.changes) == count


async def test_revoking_needs_nobody() -> None:
    """With everybody away, a lease is revoked; its access request goes with it."""
    house = House()
    made = await house.create()
    house.connector.away = True
    house.policy.problem = "away"
    house.catalog.refusal = Unavailable("the catalog service", "unavailable")
    lease = await house.revoke(made.lease_id, person("Admin", ADMIN))
    assert lease.state is LeaseState.ENDING
    request = house.store.kept_access_requests[made.access_request_id]
    assert request.state is AccessRequestState.CANCELLED
    assert isinstance(request.timeline[-1].what, timeline.Cancelled)
    with pytest.raises(Unavailable):
        await house.settle(made.lease_id)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [(person("Mallory"), NotFound), (person("Auditor", AUDITOR), NotAllowed)],
)
async def test_others_change_nothing(who: Person, refusal: type[LatchkeyError]) -> None:
    """A stranger finds nothing; who may look may not touch."""
    house = House()
    house.policy.problem = "away"
    made = await house.create()
    for attempt in (house.cancel, house.retry):
        with pytest.raises(refusal):
            await attempt(made.access_request_id, who)
    assert len(house.store.changes) == 1
