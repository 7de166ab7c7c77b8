"""A lease from its first minute to its last, in whatever order things happen to it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.domain.callers import ADMIN
from libs.domain.errors import LatchkeyError
from services.requests.domain import facts
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.access_request import AccessRequestState as Request
from services.requests.domain.delivery import DeliveryState
from services.requests.domain.lease import LATE, Lease, LeaseState
from services.requests.domain.steps import Accept, Approval, Manager, Reject
from services.requests.handlers.watch_over_leases import Alarm, Reminder
from services.requests.handlers.wish import Wish
from services.requests.loops.watch import WatchLoop
from tests.fakes.requests_neighbours import ENTITLEMENT
from tests.support.examples import examples
from tests.unit.requests_service.house import ADA, House, person

T = TypeVar("T")
BEN, EVE, ROOT = person("Ben"), person("Eve"), person("Root", ADMIN)
HOUR = timedelta(hours=1)
_PLANS: dict[str, tuple[Any, ...]] = {
    "accept": (Accept(),),
    "manager": (Approval(Manager()),),
    "reject": (Reject("no"),),
    "away": (),
}
_DECISIONS = st.tuples(
    st.sampled_from([BEN, BEN, BEN, ADA, EVE, ROOT]),
    st.sampled_from(["approve", "shorten", "deny", "cancel", "look", "restart", "ask"]),
    st.sampled_from(list(_PLANS)),
)
_WHO = st.sampled_from([ADA, ADA, BEN, EVE, ROOT])


class LeaseWays(RuleBasedStateMachine):
    """One lease, and what the contract says of its end: `end` is what it must be."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.loop = asyncio.new_event_loop()
        self.end: datetime | None = None
        self.extended = 0

    def teardown(self) -> None:
        self.loop.close()

    @initialize(hours=st.sampled_from([0.5, 1, 8, 100]))
    def it_begins(self, hours: float) -> None:
        house = self.house
        house.catalog.max_duration = timedelta(hours=100)
        house.catalog.line[ADA.user_id] = [BEN.user_id]
        made = self.run(house.ask(Wish(ADA, ENTITLEMENT, timedelta(hours=hours))))
        self.run(house.settle(made.lease_id, DeliveryState.DELIVERED))
        self.lease_id, self.first = made.lease_id, made.access_request_id
        self.end = house.clock.now() + timedelta(hours=hours)

    def run(self, attempt: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(attempt)

    def attempt(self, attempt: Coroutine[Any, Any, T]) -> T | None:
        """Does it; a refusal leaves everything as it was."""
        count = len(self.house.store.changes)
        try:
            return self.run(attempt)
        except LatchkeyError as error:
            noted = error.reason in ("SELF_DECISION", "NOT_AN_APPROVER")
            assert len(self.house.store.changes) == count + noted
            return None

    @property
    def lease(self) -> Lease:
        return self.house.store.kept_leases[self.lease_id]

    @property
    def wishes(self) -> list[AccessRequest]:
        """Those for more."""
        kept = self.house.store.kept_access_requests.values()
        return [each for each in kept if each.extends_lease_id]

    @property
    def undecided(self) -> AccessRequest | None:
        return next((each for each in self.wishes if each.is_undecided), None)

    @precondition(lambda self: self.undecided is None)
    @rule(
        who=_WHO,
        hours=st.sampled_from([0.1, 1, 1, 5, 50]),
        plan=st.sampled_from(["manager", "manager", *_PLANS]),
        limit=st.sampled_from([2, 8, 100, None]),
        then=st.lists(_DECISIONS, max_size=3),
    )
    def more_is_asked_for(
        self, who: Any, hours: float, plan: str, limit: int | None, then: list[Any]
    ) -> None:
        self.house.policy.steps = _PLANS[plan]
        self.house.catalog.max_duration = None if limit is None else timedelta(hours=limit)
        lease = self.lease
        made = self.attempt(self.house.extend(self.lease_id, hours, who))
        if made is None:
            return
        assert who is not EVE
        assert lease.state is LeaseState.ACTIVE and not lease.is_overdue(self.house.clock.now())
        self._follow(made, timedelta(hours=hours))
        for decision in then:
            if self.undecided is not None:
                self.it_goes_on(decision)

    def _follow(self, found: AccessRequest, asked: timedelta) -> None:
        """The end moves when it is approved, and with nothing else."""
        if found.state is Request.FULFILLED:
            most, now = self.house.catalog.max_duration, self.house.clock.now()
            assert self.end is not None and self.end > now
            longer = self.end + asked
            self.end = longer if most is None else min(longer, now + most)
            self.extended += 1

    @precondition(lambda self: self.undecided)
    @rule(decision=_DECISIONS)
    def it_goes_on(self, decision: tuple[Any, str, str]) -> None:
        who, what, plan = decision
        wish, house = self.undecided, self.house
        assert wish is not None and wish.requested_duration is not None
        house.policy.steps = _PLANS[plan]
        key, length = wish.access_request_id, wish.requested_duration
        if what == "shorten":
            length = length / 2
        attempts: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "approve": lambda: house.approve(wish, who),
            "shorten": lambda: house.approve(wish, who, duration=length),
            "deny": lambda: house.deny(wish, who),
            "cancel": lambda: house.cancel(key, who),
            "look": lambda: house.decide(key),
            "restart": lambda: house.restart(wish, who),
            "ask": lambda: house.extend(self.lease_id, 1, who),
        }
        self.attempt(attempts[what]())
        self._follow(house.kept(key), length)

    @rule(minutes=st.sampled_from([1, 5, 5, 20, 59, 300]), looks=st.booleans())
    def time_passes(self, minutes: int, looks: bool) -> None:
        self.house.clock.advance(timedelta(minutes=minutes))
        if looks:
            self._the_service_looks()

    def _the_service_looks(self) -> None:
        leases, clock = self.house.store.leases, self.house.clock
        watch = WatchLoop(
            self.house.writes, leases, Reminder(leases, clock), Alarm(leases, clock), clock
        )
        over = self.lease.is_overdue(clock.now())
        self.run(self.house.expire(self.lease_id))
        assert self.lease.is_over or not over
        self.run(watch())
        assert self.lease.remind_time is None or self.lease.remind_time > clock.now()

    @rule(who=_WHO, seldom=st.sampled_from([False, False, False, True]))
    def somebody_ends_it(self, who: Any, seldom: bool) -> None:
        if not seldom:
            return
        was_over = self.lease.is_over
        if self.attempt(self.house.revoke(self.lease_id, who)) is not None:
            assert who is not EVE
            self.end = self.end if was_over else self.house.clock.now()

    @rule(state=st.sampled_from(DeliveryState))
    def the_connector_says(self, state: DeliveryState) -> None:
        was = self.lease.state
        self.run(self.house.settle(self.lease_id, state))
        found = was
        if was is LeaseState.ENDING and state is DeliveryState.REMOVED:
            found = LeaseState.ENDED
        if was is LeaseState.ACTIVE and state is DeliveryState.LOST:
            found, self.end = LeaseState.ENDING, self.house.clock.now()
        assert self.lease.state is found

    @invariant()
    def its_end_is_the_one_that_was_decided(self) -> None:
        if self.end is None:
            return
        assert self.lease.end_time == self.end
        told = self._told(facts.LeaseExtended)
        assert len(told) == self.extended
        done = [each for each in self.wishes if each.state is Request.FULFILLED]
        assert {each.access_request_id for each in done} == {it.access_request_id for it in told}
        assert all(each.lease_id == self.lease_id for each in done)

    @invariant()
    def nothing_is_extended_that_is_over(self) -> None:
        if self.end is None:
            return
        assert not self.lease.is_over or self.undecided is None
        assert sum(each.is_undecided for each in self.wishes) <= 1
        assert self.house.kept(self.first).state is Request.FULFILLED
        assert len(self.house.store.kept_leases) == 1

    @invariant()
    def the_connector_hears_of_its_beginning_and_end_alone(self) -> None:
        if self.end is None:
            return
        assert len(self._told(facts.LeaseGranted)) == 1
        assert len(self._told(facts.LeaseEnded)) == int(self.lease.is_over)

    @invariant()
    def people_are_told_once_of_each_end(self) -> None:
        if self.end is None:
            return
        near = [each.end_time for each in self._told(facts.LeaseEndNear)]
        assert len(near) == len(set(near)) <= 1 + self.extended
        assert self.lease.remind_time is None or self.lease.state is LeaseState.ACTIVE
        late = self._told(facts.LeaseEndLate)
        assert len(late) <= 1
        assert not late or (self.lease.is_over and self.end + LATE <= self.house.clock.now())
        assert self.lease.alarm_time is None or self.lease.state is LeaseState.ENDING

    def _told(self, kind: type[T]) -> list[T]:
        changes = self.house.store.changes
        return [it.body for change in changes for it in change.facts if isinstance(it.body, kind)]


TestLeaseWays = LeaseWays.TestCase
TestLeaseWays.settings = settings(max_examples=examples(80), stateful_step_count=30, deadline=None)
