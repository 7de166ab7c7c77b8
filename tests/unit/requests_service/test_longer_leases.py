"""Leases that last longer, are reminded of and are late, and who may end them."""

from datetime import timedelta

import pytest

from libs.domain.callers import AUDITOR, HELPDESK
from libs.domain.errors import (
    AlreadyExists,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    Unavailable,
    WrongState,
)
from libs.domain.fields import MAX_DURATION
from services.requests.domain import facts
from services.requests.domain.access_request import AccessRequestState
from services.requests.domain.delivery import DeliveryState
from services.requests.domain.lease import EndCause, Lease, LeaseState
from services.requests.domain.steps import Accept, Approval, Manager
from services.requests.domain.timeline import LeaseExtended
from services.requests.handlers.end_lease import Expirer
from services.requests.handlers.rule_on import ApproveAccessRequest
from services.requests.handlers.watch_over_leases import Alarm, Reminder
from services.requests.loops.watch import WatchLoop
from tests.fakes.requests_delegations import Taken
from tests.unit.requests_service.house import ADA, House, person

BEN, CLEO = person("Ben"), person("Cleo")
HOUR = timedelta(hours=1)


def _facts(house: House) -> list[str]:
    return [type(fact.body).__name__ for fact in house.last.facts]


def _lease(house: House, lease_id: str) -> Lease:
    return house.store.kept_leases[lease_id]


def _watch(house: House) -> WatchLoop:
    leases, clock = house.store.leases, house.clock
    return WatchLoop(house.writes, leases, Reminder(leases, clock), Alarm(leases, clock), clock)


async def test_a_lease_lasts_longer_and_nothing_is_delivered() -> None:
    """Its end moves by what was asked for; the connector hears of no new round. The wish is
    fulfilled at once."""
    house = House()
    house.catalog.max_duration = timedelta(days=1)
    lease = await house.active()
    house.catalog.max_duration = timedelta(days=2)
    made = await house.extend(lease.lease_id, 2)
    longer = _lease(house, lease.lease_id)
    assert lease.end_time is not None
    assert longer.end_time == lease.end_time + 2 * HOUR
    assert longer.duration == timedelta(hours=26)
    assert (longer.state, longer.round) == (LeaseState.ACTIVE, lease.round)
    assert (made.state, made.lease_id) == (AccessRequestState.FULFILLED, lease.lease_id)
    for found in (made, house.kept(lease.access_request_id)):
        (told,) = [it.what for it in found.timeline if isinstance(it.what, LeaseExtended)]
        assert told == LeaseExtended(lease.lease_id, longer.end_time)
    assert _facts(house) == [
        "AccessRequestCreated",
        "AccessRequestApproved",
        "LeaseExtended",
        "AccessRequestFulfilled",
    ]
    versions = [fact.resource_version for fact in house.last.facts]
    assert versions == [1, 2, longer.version, 3]
    assert len(house.store.kept_leases) == 1


async def test_a_lease_is_never_longer_than_the_limit_from_now() -> None:
    """What goes beyond it is cut off; where nothing is left, it is refused with the limit."""
    house = House()
    lease = await house.active()
    house.clock.advance(HOUR)
    await house.extend(lease.lease_id, 8)
    now = house.clock.now()
    assert _lease(house, lease.lease_id).end_time == now + timedelta(hours=8)
    with pytest.raises(Invalid) as refusal:
        await house.extend(lease.lease_id, 1)
    assert refusal.value.reason == "DURATION_TOO_LONG"
    assert refusal.value.facts == {"max_duration": "28800s"}
    with pytest.raises(Invalid) as longer:
        await house.extend(lease.lease_id, 9)
    assert longer.value.reason == "DURATION_TOO_LONG"
    for each in (refusal, longer):
        assert [violation.field for violation in each.value.violations] == ["duration"]


async def test_without_a_limit_a_lease_still_has_an_end_that_can_be_told() -> None:
    """However often it is extended, it lasts the longest that can be asked for at most."""
    house = House()
    lease = await house.active()
    house.catalog.max_duration = None
    for _ in range(2):
        await house.extend(lease.lease_id, 3649 * 24)
    assert _lease(house, lease.lease_id).end_time == house.clock.now() + MAX_DURATION
    with pytest.raises(Invalid, match="315360000s") as refusal:
        await house.extend(lease.lease_id, 1)
    assert refusal.value.reason == "DURATION_TOO_LONG"


async def test_people_decide_about_more_time_and_the_first_end_holds_when_they_deny() -> None:
    """While they have not decided nothing changes, and only one wish is open at a time."""
    house = House()
    house.catalog.max_duration = timedelta(days=2)
    house.catalog.line[ADA.user_id] = [BEN.user_id]
    lease = await house.active()
    lease = _lease(house, lease.lease_id)
    house.catalog.max_duration = timedelta(days=4)
    house.policy.steps = (Approval(Manager()),)
    made = await house.extend(lease.lease_id, 1)
    assert made.state is AccessRequestState.PENDING
    assert _lease(house, lease.lease_id) == lease
    with pytest.raises(AlreadyExists):
        await house.extend(lease.lease_id, 1)
    await house.deny(made, BEN)
    assert _lease(house, lease.lease_id) == lease

    again = await house.extend(lease.lease_id, 3)
    approved = await house.approve(again, BEN, duration=HOUR)
    assert approved.state is AccessRequestState.FULFILLED
    assert house.last.audit.action == "access_request.approved"
    assert house.last.audit.details["lease_id"] == lease.lease_id
    (record,) = house.last.also
    assert (record.action, record.resource_id) == ("lease.extended", lease.lease_id)
    assert record.details["access_request_id"] == again.access_request_id
    assert record.details["end_time"] > record.details["end_time_before"]
    assert lease.end_time is not None
    assert _lease(house, lease.lease_id).end_time == lease.end_time + HOUR


async def test_what_policy_accepts_later_is_on_record_as_approved() -> None:
    """As it is of any other wish that waited for policy."""
    house = House()
    lease = await house.active()
    house.catalog.max_duration = timedelta(days=2)
    house.policy.steps = ()
    made = await house.extend(lease.lease_id, 1)
    assert made.state is AccessRequestState.EVALUATING
    house.policy.steps = (Accept(),)
    assert await house.decide(made.access_request_id)
    assert house.kept(made.access_request_id).state is AccessRequestState.FULFILLED
    assert house.last.audit.action == "access_request.approved"
    assert [entry.action for entry in house.last.also] == ["lease.extended"]


async def test_a_lease_that_ends_takes_the_wish_for_more_with_it() -> None:
    """In the same change, by its time and by a revocation; with both in the audit."""
    for by in ("expired", "revoked"):
        house = House()
        house.catalog.line[ADA.user_id] = [BEN.user_id]
        lease = await house.active()
        house.catalog.max_duration = timedelta(days=4)
        house.policy.steps = (Approval(Manager()),)
        made = await house.extend(lease.lease_id, 1)
        if by == "expired":
            house.clock.advance(timedelta(hours=8))
            await house.expire(lease.lease_id)
        else:
            await house.revoke(lease.lease_id)
        assert _lease(house, lease.lease_id).state is LeaseState.ENDING
        found = house.kept(made.access_request_id)
        assert found.state is AccessRequestState.CANCELLED
        assert _facts(house) == ["LeaseEnded", "AccessRequestCancelled"]
        assert [entry.action for entry in house.last.also] == ["access_request.cancelled"]
        with pytest.raises(WrongState):
            await house.approve(made_now := found, BEN)
        assert house.kept(made.access_request_id) == made_now


async def test_what_can_not_last_longer_is_not_asked_for() -> None:
    """One on its way, one that is ending, one without an end, one of somebody else."""
    house = House()
    made = await house.create()
    with pytest.raises(WrongState, match="GRANTED"):
        await house.extend(made.lease_id, 1)
    await house.settle(made.lease_id, DeliveryState.DELIVERED)
    with pytest.raises(NotFound):
        await house.extend(made.lease_id, 1, BEN)
    with pytest.raises(NotAllowed):
        await house.extend(made.lease_id, 1, person("Auditor", AUDITOR))
    with pytest.raises(NotFound):
        await house.extend("lea_none", 1)
    await house.revoke(made.lease_id)
    with pytest.raises(WrongState, match="ENDING"):
        await house.extend(made.lease_id, 1)
    house.catalog.max_duration = None
    lease = await house.active(BEN)
    with pytest.raises(WrongState) as refusal:
        await house.extend(lease.lease_id, 1, BEN)
    assert refusal.value.reason == "LEASE_WITHOUT_END"


async def test_a_lease_whose_time_is_over_is_not_extended_though_nobody_has_ended_it() -> None:
    """The end is the end, also while the sweep is late."""
    house = House()
    lease = await house.active()
    house.catalog.max_duration = timedelta(days=4)
    house.clock.advance(timedelta(hours=8))
    with pytest.raises(WrongState):
        await house.extend(lease.lease_id, 1)


async def test_a_manager_asks_for_more_time_and_does_not_decide_it() -> None:
    """Who may ask for the subject may ask for this too."""
    house = House()
    house.catalog.line[ADA.user_id] = [BEN.user_id]
    lease = await house.active()
    house.catalog.max_duration = timedelta(days=4)
    house.policy.steps = (Approval(Manager()),)
    made = await house.extend(lease.lease_id, 1, BEN)
    assert made.state is AccessRequestState.NO_APPROVER


async def test_people_are_reminded_once_and_not_of_very_short_leases() -> None:
    """A tenth before the end, within a quarter of an hour and three days; anew when it lasts
    longer."""
    house = House()
    lease = await house.active()
    assert lease.end_time is not None
    assert lease.remind_time == lease.end_time - timedelta(minutes=48)
    watch = _watch(house)
    before = len(house.store.changes)
    await watch()
    assert len(house.store.changes) == before
    house.clock.advance(timedelta(hours=7, minutes=12))
    await watch()
    await watch()
    assert _facts(house) == ["LeaseEndNear"]
    assert len(house.store.changes) == before + 1
    house.catalog.max_duration = timedelta(days=90)
    await house.extend(lease.lease_id, 24 * 60)
    longer = _lease(house, lease.lease_id)
    assert longer.end_time is not None
    assert longer.remind_time == longer.end_time - timedelta(days=3)

    house.catalog.max_duration = timedelta(minutes=59)
    assert (await house.active(BEN)).remind_time is None
    house.catalog.max_duration = None
    assert (await house.active(CLEO)).remind_time is None


async def test_who_has_given_it_back_is_not_reminded() -> None:
    """The time passes, and nobody is told."""
    house = House()
    lease = await house.active()
    await house.revoke(lease.lease_id)
    house.clock.advance(timedelta(hours=7, minutes=50))
    outcome = await Reminder(house.store.leases, house.clock)(lease.lease_id)
    assert outcome.change is None
    assert _lease(house, lease.lease_id).remind_time is None


async def test_an_end_that_is_late_is_told_of_once() -> None:
    """Five minutes after a lease was to be out of Entra; it stays ENDING until it is."""
    house = House()
    lease = await house.active()
    house.clock.advance(timedelta(hours=8))
    await house.expire(lease.lease_id)
    watch = _watch(house)
    house.clock.advance(timedelta(minutes=4, seconds=59))
    await watch()
    assert _facts(house) == ["LeaseEnded"]
    house.clock.advance(timedelta(seconds=1))
    await watch()
    await watch()
    assert _facts(house) == ["LeaseEndLate"]
    assert _lease(house, lease.lease_id).state is LeaseState.ENDING
    assert _lease(house, lease.lease_id).alarm_time == house.clock.now()
    await house.settle(lease.lease_id, DeliveryState.REMOVED)
    ended = _lease(house, lease.lease_id)
    assert (ended.state, ended.alarm_time) == (LeaseState.ENDED, None)


async def test_a_lease_that_is_ended_after_downtime_says_how_late() -> None:
    """In the event and in the audit; one ended in time says nothing."""
    house = House()
    lease, other = await house.active(), await house.active(BEN)
    house.clock.advance(timedelta(hours=8, seconds=5))
    await house.expire(other.lease_id)
    body = house.last.facts[0].body
    assert isinstance(body, facts.LeaseEnded)
    assert body.overdue is None
    house.clock.advance(timedelta(minutes=3))
    await house.expire(lease.lease_id)
    body = house.last.facts[0].body
    assert isinstance(body, facts.LeaseEnded)
    assert body.overdue == timedelta(minutes=3, seconds=5)
    assert house.last.audit.details["overdue_seconds"] == 185.0


@pytest.mark.parametrize("who", ["manager", "owner", "helpdesk"])
async def test_who_answers_for_it_ends_a_lease(who: str) -> None:
    """The subject's manager, an owner of the app, the helpdesk."""
    house = House()
    house.catalog.line[ADA.user_id] = [BEN.user_id]
    house.catalog.owners = [CLEO.user_id]
    lease = await house.active()
    actor = {"manager": BEN, "owner": CLEO, "helpdesk": person("Hana", HELPDESK)}[who]
    ended = await house.revoke(lease.lease_id, actor)
    assert (ended.state, ended.end_cause) == (LeaseState.ENDING, EndCause.REVOKED)
    assert house.last.audit.actor == actor


async def test_nobody_else_learns_that_there_is_a_lease() -> None:
    """Of others it is not found; who may look only is refused; without the catalog managers and
    owners wait, and the subject does not."""
    house = House()
    lease = await house.active()
    with pytest.raises(NotFound):
        await house.revoke(lease.lease_id, BEN)
    with pytest.raises(NotAllowed):
        await house.revoke(lease.lease_id, person("Auditor", AUDITOR))
    house.catalog.away = True
    with pytest.raises(Unavailable):
        await house.revoke(lease.lease_id, BEN)
    ended = await house.revoke(lease.lease_id)
    assert ended.state is LeaseState.ENDING


async def test_an_extension_that_policy_accepts_by_itself_needs_nobody() -> None:
    """The policy decides about more time as about any other wish, with the same inputs."""
    house = House()
    lease = await house.active()
    house.catalog.max_duration = timedelta(days=4)
    house.policy.steps = (Accept(),)
    made = await house.extend(lease.lease_id, 1)
    assert made.inputs is not None
    assert made.inputs.requested_duration == HOUR
    assert made.extends_lease_id == lease.lease_id


async def test_an_end_and_an_extension_at_once() -> None:
    """Whichever is kept first holds: the other, made from what it was before, is not kept, and
    finds nothing to do when it looks again."""
    for first in ("end", "extension"):
        house = House()
        house.catalog.line[ADA.user_id] = [BEN.user_id]
        lease = await house.active()
        house.catalog.max_duration = timedelta(days=4)
        house.policy.steps = (Approval(Manager()),)
        made = await house.extend(lease.lease_id, 1)
        expirer = Expirer(house.store.access_requests, house.store.leases, house.clock)
        command = ApproveAccessRequest(BEN, made.access_request_id, str(made.version))
        late, early = timedelta(hours=8), timedelta(hours=7, minutes=59)
        if first == "end":
            house.clock.advance(early)
            approval = await house.ruler.approve(command)
            house.clock.advance(late - early)
            await house.expire(lease.lease_id)
            with pytest.raises(Taken):
                house.keep(approval)
            with pytest.raises(Conflict):
                await house.ruler.approve(command)
            assert _lease(house, lease.lease_id).state is LeaseState.ENDING
            assert house.kept(made.access_request_id).state is AccessRequestState.CANCELLED
        else:
            house.clock.advance(late)
            end = await expirer(lease.lease_id)
            house.clock.time -= late - early
            await house.approve(made, BEN)
            with pytest.raises(Taken):
                house.keep(end)
            house.clock.advance(late - early)
            assert (await expirer(lease.lease_id)).change is None
            assert _lease(house, lease.lease_id).state is LeaseState.ACTIVE
            assert house.kept(made.access_request_id).state is AccessRequestState.FULFILLED
