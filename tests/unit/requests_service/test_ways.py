"""Whatever happens, in whatever order: only allowed steps are taken, and the end is the end."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.domain.errors import LatchkeyError
from services.requests.domain.access_request import AccessRequestState as Request
from services.requests.domain.delivery import DeliveryState
from services.requests.domain.lease import LeaseState
from services.requests.domain.plan import Accept, Reject, Step, UnknownStep
from tests.unit.requests_service.house import House, person

T = TypeVar("T")

# From the contract's comments, not from the code.
_REQUEST_EDGES = {
    (None, Request.EVALUATING),
    (None, Request.APPROVED),
    (None, Request.DENIED),
    (Request.EVALUATING, Request.APPROVED),
    (Request.EVALUATING, Request.DENIED),
    (Request.EVALUATING, Request.CANCELLED),
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
_PEOPLE = [person("Ada"), person("Ben")]
_PLANS: list[tuple[Step, ...]] = [
    (),
    (UnknownStep(), Accept()),
    (Accept(),),
    (Reject("no"),),
    (Reject("no"), Accept()),
]


class Ways(RuleBasedStateMachine):
    """Two people, one entitlement, and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.requests: dict[str, Request] = {}
        self.leases: dict[str, LeaseState] = {}
        self.versions: dict[str, int] = {}

    def _try(self, attempt: Coroutine[Any, Any, T]) -> T | None:
        """Does it; a refusal must leave everything as it was."""
        before = len(self.house.store.changes)
        try:
            return asyncio.run(attempt)
        except LatchkeyError:
            assert len(self.house.store.changes) == before
            return None

    @rule(who=st.sampled_from(_PEOPLE), steps=st.sampled_from(_PLANS), away=st.booleans())
    def create(self, who: Any, steps: tuple[Step, ...], away: bool) -> None:
        self.house.policy.steps, self.house.policy.problem = steps, "away" if away else ""
        self._try(self.house.create(who))

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), steps=st.sampled_from(_PLANS), away=st.booleans())
    def decide(self, data: Any, steps: tuple[Step, ...], away: bool) -> None:
        self.house.policy.steps, self.house.policy.problem = steps, "away" if away else ""
        self._try(self.house.decide(self._request(data)))

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), who=st.sampled_from(_PEOPLE))
    def cancel(self, data: Any, who: Any) -> None:
        self._try(self.house.cancel(self._request(data), who))

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), who=st.sampled_from(_PEOPLE))
    def retry(self, data: Any, who: Any) -> None:
        self._try(self.house.retry(self._request(data), who))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), who=st.sampled_from(_PEOPLE))
    def revoke(self, data: Any, who: Any) -> None:
        self._try(self.house.revoke(self._lease(data), who))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), hours=st.integers(0, 9))
    def expire(self, data: Any, hours: int) -> None:
        self.house.clock.advance(timedelta(hours=hours))
        self._try(self.house.expire(self._lease(data)))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), state=st.sampled_from(DeliveryState), round=st.integers(1, 3))
    def settle(self, data: Any, state: DeliveryState, round: int) -> None:
        self._try(self.house.settle(self._lease(data), state, round))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def repeat(self, data: Any) -> None:
        self._try(self.house.repeat(self._lease(data)))

    def _request(self, data: Any) -> str:
        return str(data.draw(st.sampled_from(sorted(self.requests))))

    def _lease(self, data: Any) -> str:
        return str(data.draw(st.sampled_from(sorted(self.leases))))

    @invariant()
    def only_allowed_steps_are_taken(self) -> None:
        for key, request in self.house.store.kept_access_requests.items():
            before = self.requests.get(key)
            assert before is request.state or (before, request.state) in _REQUEST_EDGES
            self.requests[key] = request.state
            self._versions_grow(key, request.version)
        for key, lease in self.house.store.kept_leases.items():
            was = self.leases.get(key)
            assert was is lease.state or (was, lease.state) in _LEASE_EDGES
            self.leases[key] = lease.state
            self._versions_grow(key, lease.version)

    def _versions_grow(self, key: str, version: int) -> None:
        assert version >= self.versions.get(key, 1)
        self.versions[key] = version

    @invariant()
    def a_lease_and_its_access_request_agree(self) -> None:
        store = self.house.store
        for lease in store.kept_leases.values():
            request = store.kept_access_requests[lease.access_request_id]
            assert request.lease_id == lease.lease_id
            assert request.plan is not None
            assert isinstance(request.plan.steps[0], Accept)
            assert (lease.state is LeaseState.GRANTED) == (request.state is Request.APPROVED)
            if lease.state is LeaseState.ACTIVE:
                assert request.state is Request.FULFILLED
                assert lease.start_time is not None
                assert lease.end_time is not None

    @invariant()
    def without_a_lease_nothing_is_approved(self) -> None:
        for request in self.house.store.kept_access_requests.values():
            decided = request.state not in (Request.EVALUATING, Request.DENIED)
            if decided and not (request.state is Request.CANCELLED and request.plan is None):
                assert request.lease_id in self.house.store.kept_leases


TestWays = Ways.TestCase
TestWays.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
