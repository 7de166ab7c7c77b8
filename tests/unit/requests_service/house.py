"""The use cases over fakes, each committed as the service would commit it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast

from libs.db.writes import Writes
from libs.domain.callers import Person
from libs.domain.changes import Change, Outcome, Refused
from services.requests.domain.access_request import AccessRequest
from services.requests.domain.delivery import Delivery, DeliveryState, TargetAnswer
from services.requests.domain.lease import Lease
from services.requests.domain.states import EmergencyReview
from services.requests.domain.task import Task
from services.requests.handlers.advance import Advancer
from services.requests.handlers.cancel_access_request import CancelAccessRequest, Canceller
from services.requests.handlers.comment_on_access_request import Commenter, CommentOnAccessRequest
from services.requests.handlers.complete_task import Completer, CompleteTask
from services.requests.handlers.create_access_request import CreateAccessRequest, Creator
from services.requests.handlers.decide_access_request import Decider, Look
from services.requests.handlers.end_lease import Expirer, RevokeLease, Revoker
from services.requests.handlers.extend_lease import Extender, ExtendLease
from services.requests.handlers.open_task import TaskOpener
from services.requests.handlers.overdue import Overdue
from services.requests.handlers.reassign_access_request import ReassignAccessRequest, Reassigner
from services.requests.handlers.restart_access_request import RestartAccessRequest, Restarter
from services.requests.handlers.retry_access_request import Retrier, RetryAccessRequest
from services.requests.handlers.review_emergency_access import ReviewEmergencyAccess, Reviewer
from services.requests.handlers.rule_on import ApproveAccessRequest, DenyAccessRequest, Ruler
from services.requests.handlers.seat import Seats
from services.requests.handlers.settle_lease import Repeater, Settled, Settler
from services.requests.handlers.wish import Wish, Wishes
from tests.fakes.clock import FakeClock
from tests.fakes.requests_neighbours import (
    ENTITLEMENT,
    TARGET,
    FakeCatalog,
    FakeConnector,
    FakePolicy,
)
from tests.fakes.requests_store import FakeStore
from tests.support.issuer import TENANT, object_id

T = TypeVar("T")


def person(name: str, *roles: str) -> Person:
    """Somebody of this name."""
    return Person(TENANT, object_id(name), name, frozenset(roles))


ADA = person("Ada")


@dataclass(frozen=True)
class _Runs:
    """Runs use cases and commits them to the fake store."""

    house: "House"

    async def run(self, use_case: Callable[[], Awaitable[Outcome[T] | Refused]]) -> T:
        return self.house.keep(await use_case())


@dataclass
class House:
    """Every use case over one store."""

    store: FakeStore = field(default_factory=FakeStore)
    catalog: FakeCatalog = field(default_factory=FakeCatalog)
    policy: FakePolicy = field(default_factory=FakePolicy)
    connector: FakeConnector = field(default_factory=FakeConnector)
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def writes(self) -> Writes:
        """Runs what loops run."""
        return cast(Writes, _Runs(self))

    @property
    def last(self) -> Change:
        """The change that was committed last."""
        return self.store.changes[-1]

    def keep(self, outcome: Outcome[T] | Refused) -> T:
        """Commits what a use case returned.

        Raises:
            LatchkeyError: it refused, and kept that it did.
        """
        self.store.commit(outcome.change)
        if isinstance(outcome, Refused):
            raise outcome.error
        return outcome.result

    @property
    def advancer(self) -> Advancer:
        """Asks policy and the directory."""
        return Advancer(self.catalog, self.policy, self.store.leases)

    @property
    def seats(self) -> Seats:
        """Finds who may decide."""
        store = self.store
        return Seats(
            store.access_requests, store.leases, store.delegations, self.advancer, self.clock
        )

    @property
    def decider(self) -> Decider:
        """Looks again."""
        return Decider(self.store.access_requests, self.store.leases, self.advancer, self.clock)

    async def create(self, who: Person = ADA) -> AccessRequest:
        """Asks for the entitlement."""
        return await self.ask(Wish(who, ENTITLEMENT))

    async def ask(self, wish: Wish) -> AccessRequest:
        """Asks for anything."""
        return self.keep(await self.creator(CreateAccessRequest(wish, "I draw")))

    async def extend(self, lease_id: str, hours: float, who: Person = ADA) -> AccessRequest:
        """Asks for a lease to last longer."""
        extender = Extender(self.store.leases, self.creator, self.clock)
        length = timedelta(hours=hours)
        return self.keep(await extender(ExtendLease(who, lease_id, "not done", length)))

    @property
    def creator(self) -> Creator:
        """Makes access requests."""
        store = self.store
        wishes = Wishes(store.access_requests, self.catalog)
        return Creator(store.access_requests, store.leases, wishes, self.advancer, self.clock)

    async def active(self, who: Person = ADA) -> Lease:
        """A lease that is in Entra, of which policy approved at once."""
        made = await self.create(who)
        await self.settle(made.lease_id, DeliveryState.DELIVERED)
        return self.store.kept_leases[made.lease_id]

    async def decide(self, access_request_id: str) -> bool:
        """Looks again at what is not decided; whether nothing is left to look at."""
        return self.keep(await self.decider(access_request_id)) is Look.SETTLED

    async def overdue(self, access_request_id: str) -> None:
        """Does what the plan says when its step takes too long."""
        store = self.store
        overdue = Overdue(store.access_requests, store.leases, self.advancer, self.clock)
        self.keep(await overdue(access_request_id))

    @property
    def ruler(self) -> Ruler:
        """Has people decide."""
        store = self.store
        return Ruler(store.access_requests, store.leases, self.seats, self.advancer, self.clock)

    async def approve(
        self, seen: AccessRequest, who: Person, reason: str = "", **more: Any
    ) -> AccessRequest:
        """Approves what was seen."""
        etag = str(seen.version)
        command = ApproveAccessRequest(who, seen.access_request_id, etag, reason, **more)
        return self.keep(await self.ruler.approve(command))

    async def deny(self, seen: AccessRequest, who: Person, reason: str = "") -> AccessRequest:
        """Denies what was seen."""
        etag = str(seen.version)
        command = DenyAccessRequest(who, seen.access_request_id, etag, reason)
        return self.keep(await self.ruler.deny(command))

    async def reassign(self, seen: AccessRequest, who: Person, *to: Person) -> AccessRequest:
        """Hands the step to others."""
        store = self.store
        reassigner = Reassigner(
            store.access_requests, store.leases, self.seats, self.advancer, self.clock
        )
        command = ReassignAccessRequest(
            who,
            seen.access_request_id,
            str(seen.version),
            tuple(each.user_id for each in to),
            "away",
        )
        return self.keep(await reassigner(command))

    async def restart(self, seen: AccessRequest, who: Person) -> AccessRequest:
        """Has it begin anew."""
        store = self.store
        restarter = Restarter(
            store.access_requests, store.leases, self.seats, self.advancer, self.clock
        )
        command = RestartAccessRequest(who, seen.access_request_id, "new policy")
        return self.keep(await restarter(command))

    async def comment(self, seen: AccessRequest, who: Person) -> AccessRequest:
        """Says something."""
        commenter = Commenter(self.store.access_requests, self.seats, self.clock)
        return self.keep(
            await commenter(CommentOnAccessRequest(who, seen.access_request_id, "Hm."))
        )

    async def review(
        self,
        seen: AccessRequest,
        who: Person,
        verdict: EmergencyReview = EmergencyReview.JUSTIFIED,
    ) -> AccessRequest:
        """Closes the review of emergency access."""
        reviewer = Reviewer(self.store.access_requests, self.seats, self.catalog, self.clock)
        command = ReviewEmergencyAccess(
            who, seen.access_request_id, str(seen.version), verdict, "It was."
        )
        return self.keep(await reviewer(command))

    def kept(self, access_request_id: str) -> AccessRequest:
        """It as it is kept."""
        return self.store.kept_access_requests[access_request_id]

    async def cancel(self, access_request_id: str, who: Person = ADA) -> AccessRequest:
        """Withdraws."""
        canceller = Canceller(self.store.access_requests, self.seats, self.clock)
        return self.keep(await canceller(CancelAccessRequest(who, access_request_id)))

    async def retry(self, access_request_id: str, who: Person = ADA) -> AccessRequest:
        """Delivers once more."""
        retrier = Retrier(self.store.access_requests, self.store.leases, self.seats, self.clock)
        return self.keep(await retrier(RetryAccessRequest(who, access_request_id)))

    async def revoke(self, lease_id: str, who: Person = ADA) -> Lease:
        """Ends a lease."""
        revoker = Revoker(self.store.access_requests, self.store.leases, self.catalog, self.clock)
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
        return self.keep(await self.settler(lease_id))

    @property
    def settler(self) -> Settler:
        """Looks at leases."""
        requests, leases = self.store.access_requests, self.store.leases
        opener = TaskOpener(requests, leases, self.catalog)
        return Settler(requests, leases, self.connector, opener, self.clock)

    async def complete(self, task: Task, who: Person, note: str = "I did it.") -> Task:
        """Says that a task, as it was seen, was done."""
        store = self.store
        completer = Completer(store.access_requests, store.leases, self.catalog, self.clock)
        command = CompleteTask(who, task.task_id, note, str(task.version))
        return self.keep(await completer(command))

    async def repeat(self, lease_id: str) -> None:
        """Says once more what the connector has not heard."""
        self.keep(await Repeater(self.store.leases)(lease_id))
