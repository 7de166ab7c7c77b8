"""The requests service's ports in memory: its store, and the services that it calls."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.domain.changes import Change, Write
from libs.domain.errors import LatchkeyError, Unavailable
from libs.domain.ids import derived_id
from libs.domain.paging import Page, PageRequest
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.delegation import Delegation
from services.requests.domain.delivery import Delivery
from services.requests.domain.gone import Dependent, Gone
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Accept, NoPlan, Plan, Step
from services.requests.domain.resolution import DirectoryPerson, Resolution
from services.requests.domain.target import GroupMembership, Target
from tests.fakes.requests_delegations import FakeDelegations, KeptDelegation, Taken
from tests.support.issuer import TENANT

ENTITLEMENT = derived_id("ent", "editor")
TARGET = Target(
    derived_id("den", "editors"),
    derived_id("con", "contoso"),
    "member of Editors",
    GroupMembership("aaaaaaaa-0000-0000-0000-000000000001"),
)


@dataclass(frozen=True, slots=True)
class _Kept(Write):
    """A version of something that a change keeps; `seen` is the version it must follow."""

    thing: AccessRequest | Lease
    seen: int


@dataclass
class FakeStore:
    """All stores. What a change writes is there after `commit`, whole or not at all."""

    kept_access_requests: dict[str, AccessRequest] = field(default_factory=dict)
    kept_leases: dict[str, Lease] = field(default_factory=dict)
    kept_delegations: dict[str, Delegation] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    announced: bool = True

    @property
    def access_requests(self) -> "FakeAccessRequests":
        """The port `AccessRequests`."""
        return FakeAccessRequests(self)

    @property
    def leases(self) -> "FakeLeases":
        """The port `Leases`."""
        return FakeLeases(self)

    @property
    def delegations(self) -> FakeDelegations:
        """The port `Delegations`."""
        return FakeDelegations(self.kept_delegations)

    def commit(self, change: Change | None) -> None:
        """Commits a change, if there is one.

        Raises:
            Taken: it was made from an old state.
        """
        if change is None:
            return
        requests, leases = dict(self.kept_access_requests), dict(self.kept_leases)
        delegations = dict(self.kept_delegations)
        for write in change.writes:
            if isinstance(write, KeptDelegation):
                write.apply(delegations)
                continue
            assert isinstance(write, _Kept)
            thing = write.thing
            before: AccessRequest | Lease | None
            if isinstance(thing, AccessRequest):
                before = requests.get(thing.access_request_id)
                requests[thing.access_request_id] = thing
            else:
                before = leases.get(thing.lease_id)
                leases[thing.lease_id] = thing
            if (before.version if before else 0) != write.seen:
                raise Taken
        opened = [
            (item.subject.user_id, item.entitlement_id)
            for item in requests.values()
            if item.is_open
        ]
        live = [
            (item.subject.user_id, item.entitlement_id) for item in leases.values() if item.live
        ]
        if len(set(opened)) < len(opened) or len(set(live)) < len(live):
            raise Taken
        self.kept_access_requests, self.kept_leases = requests, leases
        self.kept_delegations.update(delegations)
        self.changes.append(change)


@dataclass(frozen=True)
class FakeAccessRequests:
    """The port `AccessRequests`."""

    store: FakeStore

    async def get(self, access_request_id: str) -> AccessRequest | None:
        return self.store.kept_access_requests.get(access_request_id)

    async def page(
        self,
        page: PageRequest,
        *,
        user_id: str | None,
        state: AccessRequestState | None,
        app_id: str,
    ) -> Page[AccessRequest]:
        after = page.after()
        found = [
            item
            for key, item in sorted(self.store.kept_access_requests.items(), reverse=True)
            if (after is None or key < after[0])
            and user_id in (None, item.requester.user_id, item.subject.user_id)
            and state in (None, item.state)
            and app_id in ("", item.app_id)
        ]
        return page.page(found[: page.size + 1], key=lambda item: (item.access_request_id,))

    async def evaluating(self, after: str, most: int) -> list[str]:
        return [
            key
            for key, item in sorted(self.store.kept_access_requests.items())
            if key > after and item.state is AccessRequestState.EVALUATING
        ][:most]

    async def undecided(
        self, after: str, most: int, *, subject_user_id: str = "", app_id: str = ""
    ) -> list[Dependent]:
        return [
            Dependent(key, item.entitlement_id, item.subject.user_id)
            for key, item in sorted(self.store.kept_access_requests.items())
            if key > after
            and item.state is AccessRequestState.EVALUATING
            and subject_user_id in ("", item.subject.user_id)
            and app_id in ("", item.app_id)
        ][:most]

    async def occupants(self, subject_user_id: str, entitlement_id: str) -> tuple[str, str]:
        wanted = (subject_user_id, entitlement_id)
        opened = (
            key
            for key, item in self.store.kept_access_requests.items()
            if item.is_open and (item.subject.user_id, item.entitlement_id) == wanted
        )
        live = (
            key
            for key, item in self.store.kept_leases.items()
            if item.live and (item.subject.user_id, item.entitlement_id) == wanted
        )
        return next(opened, ""), next(live, "")

    def added(self, access_request: AccessRequest) -> Write:
        return _Kept(access_request, 0)

    def changed(self, access_request: AccessRequest, *, seen: int) -> Write:
        return _Kept(access_request, seen)


@dataclass(frozen=True)
class FakeLeases:
    """The port `Leases`."""

    store: FakeStore

    async def get(self, lease_id: str) -> Lease | None:
        return self.store.kept_leases.get(lease_id)

    async def with_access_request(self, lease_id: str) -> tuple[Lease, AccessRequest] | None:
        if (lease := self.store.kept_leases.get(lease_id)) is None:
            return None
        return lease, self.store.kept_access_requests[lease.access_request_id]

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: LeaseState | None
    ) -> Page[Lease]:
        after = page.after()
        found = [
            item
            for key, item in sorted(self.store.kept_leases.items(), reverse=True)
            if (after is None or key < after[0])
            and user_id in (None, item.subject.user_id)
            and state in (None, item.state)
        ]
        return page.page(found[: page.size + 1], key=lambda item: (item.lease_id,))

    async def on_their_way(self, before: datetime, after: str, most: int) -> list[str]:
        return [
            key
            for key, item in sorted(self.store.kept_leases.items())
            if key > after and item.is_on_its_way and item.update_time <= before
        ][:most]

    async def not_over(
        self, after: str, most: int, *, subject_user_id: str = "", app_id: str = ""
    ) -> list[Dependent]:
        return [
            Dependent(key, item.entitlement_id, item.subject.user_id)
            for key, item in sorted(self.store.kept_leases.items())
            if key > after
            and not item.is_over
            and subject_user_id in ("", item.subject.user_id)
            and app_id in ("", item.app_id)
        ][:most]

    async def overdue(self, now: datetime, most: int) -> list[str]:
        return [key for key, item in self.store.kept_leases.items() if item.is_overdue(now)][:most]

    async def failed(self, subject_user_id: str, entitlement_id: str) -> list[str]:
        wanted = (subject_user_id, entitlement_id, LeaseState.FAILED)
        return [
            key
            for key, item in self.store.kept_leases.items()
            if (item.subject.user_id, item.entitlement_id, item.state) == wanted
        ]

    async def is_announced(self, lease_id: str) -> bool:
        return self.store.announced

    def added(self, lease: Lease) -> Write:
        return _Kept(lease, 0)

    def changed(self, lease: Lease, *, seen: int) -> Write:
        return _Kept(lease, seen)

    def unchanged(self, lease: Lease) -> Write:
        return _Kept(lease, lease.version)


@dataclass
class FakeCatalog:
    """The port `Catalog`: one entitlement, with a limit, unless `refusal` is set.

    `gone` holds people and entitlements that are no longer there, `tenants` people of others.
    """

    max_duration: timedelta | None = timedelta(hours=8)
    refusal: LatchkeyError | None = None
    away: bool = False
    gone: dict[str, Gone] = field(default_factory=dict)
    tenants: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def enabled_person(self, user_id: str) -> PersonRef | None:
        if self._gone(user_id) is not None:
            return None
        return PersonRef(user_id, self.tenants.get(user_id, TENANT), f"object {user_id}", "Some")

    async def person_gone(self, user_id: str) -> Gone | None:
        return self._gone(user_id)

    async def entitlement_gone(self, entitlement_id: str) -> Gone | None:
        return self._gone(entitlement_id)

    def _gone(self, found: str) -> Gone | None:
        if self.away:
            raise Unavailable("the catalog service", "unavailable")
        self.asked.append(found)
        return self.gone.get(found)

    async def resolve(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Resolution:
        if self.refusal is not None:
            raise self.refusal
        return Resolution(
            entitlement_id=entitlement_id,
            entitlement_display_name="Editor",
            resource_kind="ROLE",
            app_id=derived_id("app", "design tool"),
            app_display_name="Design Tool",
            targets=(TARGET,),
            requester=DirectoryPerson(requester_user_id, "Ada"),
            subject=DirectoryPerson(subject_user_id, "Ada"),
            max_duration=self.max_duration,
        )


@dataclass
class FakePolicy:
    """The port `Policy`: answers with `steps`, unless `problem` is set."""

    steps: tuple[Step, ...] = (Accept(),)
    problem: str = ""
    calls: int = 0

    async def evaluate(
        self, resolution: Resolution, duration: timedelta | None, now: datetime
    ) -> Plan:
        self.calls += 1
        if self.problem:
            raise NoPlan(self.problem)
        return Plan(
            policy_id=derived_id("pol", "default"),
            policy_display_name="Default",
            policy_version=1,
            policy_digest="d",
            rule="",
            condition="",
            explanation=(),
            steps=self.steps,
            evaluate_time=now,
        )


@dataclass
class FakeConnector:
    """The port `Connector`: says what `deliveries` hold, unless it is away."""

    deliveries: dict[str, Delivery] = field(default_factory=dict)
    away: bool = False

    async def delivery(self, lease_id: str) -> Delivery | None:
        if self.away:
            raise Unavailable("the connector service", "unavailable")
        return self.deliveries.get(lease_id)
