"""What becomes of what was approved, and what never happens, for the machine in `test_ways`."""

from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from libs.domain.callers import Person
from libs.domain.errors import LatchkeyError
from services.requests.domain import timeline
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.access_request import AccessRequestState as Request
from services.requests.domain.delivery import DeliveryState
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.steps import Accept, Approval
from tests.unit.requests_service.cast import ADA, ROOT, SUE
from tests.unit.requests_service.ways_town import WaysTown, one_of, run

# From the contract's comments, not from the code.
_UNDECIDED = (Request.EVALUATING, Request.PENDING, Request.NO_APPROVER)
_REQUEST_EDGES = {
    *((None, to) for to in (*_UNDECIDED, Request.APPROVED, Request.DENIED)),
    *(
        (seen, to)
        for seen in _UNDECIDED
        for to in (*_UNDECIDED, Request.APPROVED, Request.DENIED, Request.CANCELLED)
    ),
    (Request.APPROVED, Request.FULFILLED),
    (Request.APPROVED, Request.FAILED),
    (Request.APPROVED, Request.CANCELLED),
    (Request.FAILED, Request.APPROVED),
}
_LEASE_EDGES = {
    (None, LeaseState.GRANTED),
    (LeaseState.GRANTED, LeaseState.ACTIVE),
    (LeaseState.GRANTED, LeaseState.FAILED),
    (LeaseState.GRANTED, LeaseState.ENDING),
    (LeaseState.ACTIVE, LeaseState.ENDING),
    (LeaseState.FAILED, LeaseState.GRANTED),
    (LeaseState.FAILED, LeaseState.ENDING),
    (LeaseState.ENDING, LeaseState.ENDED),
}
_APPROVED = (Request.APPROVED, Request.FULFILLED, Request.FAILED)


class WaysEnds(WaysTown):
    """Leases are delivered, expire and are revoked; and what holds of everything at every time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, AccessRequest | Lease] = {}

    @precondition(lambda self: self.house.store.kept_leases)
    @rule(data=st.data(), state=st.sampled_from(DeliveryState), round=st.integers(1, 2))
    def settle(self, data: Any, state: DeliveryState, round: int) -> None:
        self._try(self.house.settle(self._lease(data), state, round))

    @precondition(lambda self: self.house.store.kept_leases)
    @rule(data=st.data(), what=st.sampled_from(["expire", "repeat", "revoke", "retry"]))
    def end_or_begin_anew(self, data: Any, what: str) -> None:
        lease_id, who = self._lease(data), data.draw(st.sampled_from((ADA, SUE, ROOT)))
        self._try(self._attempt(what, lease_id, who))

    @precondition(lambda self: self.house.store.kept_leases)
    @rule(data=st.data())
    def it_is_over_and_out(self, data: Any) -> None:
        lease_id = self._lease(data)
        self._try(self.house.revoke(lease_id, ROOT))
        self._try(self.house.settle(lease_id, DeliveryState.REMOVED))

    def _attempt(self, what: str, lease_id: str, who: Person) -> Coroutine[Any, Any, object]:
        house = self.house
        if what == "retry":
            return house.retry(house.store.kept_leases[lease_id].access_request_id, who)
        if what == "revoke":
            return house.revoke(lease_id, who)
        return house.expire(lease_id) if what == "expire" else house.repeat(lease_id)

    def _try(self, attempt: Coroutine[Any, Any, object]) -> None:
        """Does it; a refusal leaves everything as it was."""
        count = len(self.house.store.changes)
        try:
            run(attempt)
        except LatchkeyError:
            assert len(self.house.store.changes) == count
        assert len(self.house.store.changes) <= count + 1
        for key, way in self.ways.items():
            way.state = self.house.kept(key).state.value
        self.only_allowed_steps_are_taken()

    def _lease(self, data: Any) -> str:
        return one_of(data, self.house.store.kept_leases)

    @invariant()
    def only_allowed_steps_are_taken(self) -> None:
        store = self.house.store
        for kept, edges in (
            (store.kept_access_requests, _REQUEST_EDGES),
            (store.kept_leases, _LEASE_EDGES),
        ):
            for key, it in kept.items():
                before = self.seen.get(key)
                was = before.state if before is not None else None
                assert was is it.state or (was, it.state) in edges
                assert before is None or before == it or it.version > before.version
                self.seen[key] = it

    @invariant()
    def a_lease_and_its_access_request_agree(self) -> None:
        store = self.house.store
        for lease in store.kept_leases.values():
            request = store.kept_access_requests[lease.access_request_id]
            assert request.lease_id == lease.lease_id
            assert (lease.state is LeaseState.GRANTED) == (request.state is Request.APPROVED)
            assert lease.duration == request.requested_duration
            if lease.state is LeaseState.ACTIVE:
                assert request.state is Request.FULFILLED
                assert lease.start_time is not None
                assert (lease.end_time is None) == (lease.duration is None)
        for request in store.kept_access_requests.values():
            assert bool(request.lease_id) == any(
                isinstance(entry.what, timeline.Approved) for entry in request.timeline
            )
            assert request.state not in _APPROVED or request.lease_id in store.kept_leases

    @invariant()
    def nothing_is_approved_that_nobody_allowed(self) -> None:
        """By the timeline alone: since policy answered last, every step up to its acceptance or its
        end was approved by as many as it needs, who are not those whose own it is."""
        for request in self.house.store.kept_access_requests.values():
            if not request.lease_id:
                continue
            entries = request.timeline
            answered = max(
                at for at, it in enumerate(entries) if isinstance(it.what, timeline.Evaluated)
            )
            assert request.plan is not None
            steps = request.plan.steps
            last = next((at for at, it in enumerate(steps) if isinstance(it, Accept)), len(steps))
            assert last < len(steps) or isinstance(steps[-1], Approval)
            for number, step in enumerate(steps[:last]):
                said = [
                    {entry.actor.user_id, *_place(entry.what)}  # type: ignore[union-attr]
                    for entry in entries[answered:]
                    if isinstance(entry.what, timeline.StepApproved) and entry.what.step == number
                ]
                everybody = set().union(*said)
                assert len(everybody) == sum(map(len, said)), "nobody counts twice"
                assert not everybody & request.own_user_ids.keys()
                if isinstance(step, Approval):
                    assert len(said) >= (1 if step.all_of_them else step.needed)
                else:
                    overs = [it.what for it in entries[answered:]]
                    assert timeline.WaitOver(number) in overs

    @invariant()
    def it_is_never_for_longer_than_was_asked_or_than_is_allowed(self) -> None:
        for key, way in self.ways.items():
            length, asked = self.house.kept(key).requested_duration, way.asked
            assert asked is None or (length is not None and length <= asked)
            assert length is None or length > timedelta()

    @invariant()
    def one_emergency_a_subject(self) -> None:
        kept = self.house.store.kept_access_requests.values()
        blocking = [it.subject.user_id for it in kept if it.blocks_emergency]
        assert len(blocking) == len(set(blocking))


def _place(what: timeline.StepApproved) -> tuple[str, ...]:
    return () if what.on_behalf_of is None else (what.on_behalf_of.user_id,)
