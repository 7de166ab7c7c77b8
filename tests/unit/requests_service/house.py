"""The use cases over fakes, each committed as the service would commit it."""

from dataclasses import dataclass, field
from typing import TypeVar

from libs.domain.callers import Person
from libs.domain.changes import Change, Outcome
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.lease import Lease
from services.requests.handlers.cancel_access_request import CancelAccessRequest, Canceller
from services.requests.handlers.create_access_request import CreateAccessRequest, Creator
from services.requests.handlers.decide_access_request import Decider
from services.requests.handlers.end_lease import Expirer, RevokeLease, Revoker
from services.requests.handlers.retry_access_request import Retrier, RetryAccessRequest
from services.requests.handlers.settle_lease import Repeater, Settled, Settler
from tests.fakes.clock import FakeClock
from tests.fakes.requests_store import (
    ENTITLEMENT,
    TARGET,
    FakeCatalog,
    FakeConnector,
    FakePolicy,
    FakeStore,
)
from tests.support.issuer import TENANT, object_id

T = TypeVar("T")


def person(name: str, *roles: str) -> Person:
    """Somebody of this name."""
    return Person(TENANT, object_id(name), name, frozenset(roles))


ADA = person("Ada")


@dataclass
class House:
    """Every use case over one store."""

    store: FakeStore = field(default_factory=FakeStore)
    catalog: FakeCatalog = field(default_factory=FakeCatalog)
    policy: FakePolicy = field(default_factory=FakePolicy)
    connector: FakeConnector = field(default_factory=FakeConnector)
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def last(self) -> Change:
        """The change that was committed last."""
        return self.store.changes[-1]

    def keep(self, outcome: Outcome[T]) -> T:
        """Commits what a use case returned."""
        self.store.commit(outcome.change)
        return outcome.result

    async def create(self, who: Person = ADA) -> AccessRequest:
        """Asks for the entitlement."""
        store = self.store
        creator = Creator(
            store.access_requests, store.leases, self.catalog, self.policy, self.clock
        )
        return self.keep(await creator(CreateAccessRequest(who, ENTITLEMENT, "I draw")))

    async def decide(self, access_request_id: str) -> bool:
        """Asks policy again."""
        store = self.store
        decider = Decider(
            store.access_requests, store.leases, self.catalog, self.policy, self.clock
        )
        return self.keep(await decider(access_request_id))

    async def cancel(self, access_request_id: str, who: Person = ADA) -> AccessRequest:
        """Withdraws."""
        canceller = Canceller(self.store.access_requests, self.clock)
        return self.keep(await canceller(CancelAccessRequest(who, access_request_id)))

    async def retry(self, access_request_id: str, who: Person = ADA) -> AccessRequest:
        """Delivers once more."""
        retrier = Retrier(self.store.access_requests, self.store.leases, self.clock)
        return self.keep(await retrier(RetryAccessRequest(who, access_request_id)))

    async def revoke(self, lease_id: str, who: Person = ADA) -> Lease:
        """Ends a lease."""
        revoker = Revoker(self.store.access_requests, self.store.leases, self.clock)
        return self.keep(await revoker(RevokeLease(who, lease_id, "not needed")))

    async def expire(self, lease_id: str) -> None:
        """Ends a lease whose time is over."""
        expirer = Expirer(self.store.access_requests, self.store.leases, self.clock)
        self.keep(await expirer(lease_id))

    async def settle(
        self, lease_id: str, state: DeliveryState | None = None, round: int = 1
    ) -> Settled:
        """Looks at a lease, of which the connector says this; nothing new when not given."""
        if state is not None:
            self.connector.deliveries[lease_id] = Delivery(
                state,
                round,
                (TargetAnswer(TARGET, "204", False, None),),
                "group_not_writable" if state is DeliveryState.FAILED else "",
                "No." if state is DeliveryState.FAILED else "",
            )
        settler = Settler(self.store.access_requests, self.store.leases, self.connector, self.clock)
        return self.keep(await settler(lease_id))

    async def repeat(self, lease_id: str) -> None:
        """Says once more what the connector has not heard."""
        self.keep(await Repeater(self.store.leases)(lease_id))
