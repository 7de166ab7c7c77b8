"""The requests service's ports in memory: its store, and the services that it calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from libs.domain.changes import Change, Write
from libs.domain.paging import Page, PageRequest, time_key
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.delegation import Delegation
from services.requests.domain.gone import Dependent
from services.requests.domain.holders import LeasedThing
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.states import EmergencyReview
from services.requests.domain.steps import Wait
from services.requests.domain.task import Task
from tests.fakes.requests_campaigns import CampaignWrite, FakeCampaigns, KeptCampaigns
from tests.fakes.requests_delegations import (
    FakeDelegations,
    KeptDelegation,
    LastingDelegation,
    Taken,
)
from tests.fakes.requests_takeovers import FakeTakeovers, KeptTakeovers, TakeoverWrite
from tests.fakes.requests_tasks import FakeTasks, KeptTask


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
    kept_campaigns: KeptCampaigns = field(default_factory=KeptCampaigns)
    kept_tasks: dict[str, Task] = field(default_factory=dict)
    kept_takeovers: KeptTakeovers = field(default_factory=KeptTakeovers)
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

    @property
    def campaigns(self) -> FakeCampaigns:
        """The port `Campaigns`."""
        return FakeCampaigns(lambda: self.kept_campaigns)

    @property
    def takeovers(self) -> FakeTakeovers:
        """The port `Takeovers`."""
        return FakeTakeovers(lambda: self.kept_takeovers)

    def commit(self, change: Change | None) -> None:
        """Commits a change, if there is one.

        Raises:
            Taken: it was made from an old state.
        """
        if change is None:
            return
        requests, leases = dict(self.kept_access_requests), dict(self.kept_leases)
        delegations = dict(self.kept_delegations)
        campaigns, tasks = self.kept_campaigns.copy(), dict(self.kept_tasks)
        takeovers = self.kept_takeovers.copy()
        for write in change.writes:
            if isinstance(write, KeptDelegation | LastingDelegation):
                write.apply(delegations)
                continue
            if isinstance(write, KeptTask):
                write.apply(tasks)
                continue
            if isinstance(write, CampaignWrite):
                write.apply(campaigns)
                continue
            if isinstance(write, TakeoverWrite):
                write.apply(takeovers)
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
        emergencies = [item.subject.user_id for item in requests.values() if item.blocks_emergency]
        if any(len(set(keys)) < len(keys) for keys in (opened, live, emergencies)):
            raise Taken
        self.kept_access_requests, self.kept_leases = requests, leases
        self.kept_delegations.update(delegations)
        self.kept_campaigns, self.kept_tasks = campaigns, tasks
        self.kept_takeovers = takeovers
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
        inbox: Sequence[str] = (),
        review_open: bool = False,
    ) -> Page[AccessRequest]:
        after = page.after()
        found = [
            item
            for key, item in sorted(self.store.kept_access_requests.items(), reverse=True)
            if (after is None or key < after[0])
            and _listed(item, user_id, inbox, review_open)
            and state in (None, item.state)
            and app_id in ("", item.app_id)
        ]
        return page.page(found[: page.size + 1], key=lambda item: (item.access_request_id,))

    async def to_look_at(self, after: str, most: int) -> list[str]:
        return [
            key
            for key, item in sorted(self.store.kept_access_requests.items())
            if key > after and (item.state.value in ("EVALUATING", "NO_APPROVER") or _waits(item))
        ][:most]

    async def pending(self, after: str, most: int) -> list[str]:
        return [
            key
            for key, item in sorted(self.store.kept_access_requests.items())
            if key > after
            and (item.state is AccessRequestState.PENDING or item.review is EmergencyReview.OPEN)
        ][:most]

    async def overdue(self, now: datetime, most: int) -> list[str]:
        found = sorted(
            (item.due_time, key)
            for key, item in self.store.kept_access_requests.items()
            if item.due_time is not None and item.due_time <= now
        )
        return [key for _, key in found[:most]]

    async def awaiting(self, user_id: str, after: str, most: int) -> list[str]:
        return [
            key
            for key, item in sorted(self.store.kept_access_requests.items())
            if key > after and user_id in item.awaiting
        ][:most]

    async def emergency_of(self, subject_user_id: str) -> str:
        return next(
            (
                key
                for key, item in self.store.kept_access_requests.items()
                if item.blocks_emergency and item.subject.user_id == subject_user_id
            ),
            "",
        )

    async def undecided(
        self,
        after: str,
        most: int,
        *,
        subject_user_id: str = "",
        requester_user_id: str = "",
        app_id: str = "",
    ) -> list[Dependent]:
        return [
            Dependent(key, item.entitlement_id, item.subject.user_id)
            for key, item in sorted(self.store.kept_access_requests.items())
            if key > after
            and item.is_undecided
            and subject_user_id in ("", item.subject.user_id)
            and requester_user_id in ("", item.requester.user_id)
            and app_id in ("", item.app_id)
        ][:most]

    async def under_policy(
        self, page: PageRequest, *, policy_id: str, start: datetime, end: datetime
    ) -> Page[AccessRequest]:
        after = page.after_time()
        kept = self.store.kept_access_requests.values()
        found = [
            item
            for item in sorted(kept, key=_made, reverse=True)
            if item.plan is not None
            and item.plan.policy_id == policy_id
            and item.inputs is not None
            and start <= item.create_time < end
            and (after is None or _made(item) < after)
        ]
        return page.page(found[: page.size + 1], key=lambda item: time_key(*_made(item)))

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

    def added(self, access_request: AccessRequest) -> tuple[Write, ...]:
        return (_Kept(access_request, 0),)

    def changed(self, access_request: AccessRequest, *, seen: AccessRequest) -> tuple[Write, ...]:
        return (_Kept(access_request, seen.version),)


def _made(item: AccessRequest) -> tuple[datetime, str]:
    return item.create_time, item.access_request_id


def _listed(
    item: AccessRequest, user_id: str | None, inbox: Sequence[str], review_open: bool
) -> bool:
    mine = (item.requester.user_id, item.subject.user_id)
    if review_open:
        theirs = user_id is None or user_id in item.awaiting
        return item.review is EmergencyReview.OPEN and theirs
    if inbox:
        if item.state is not AccessRequestState.PENDING:
            return False
        for_others = item.is_delegable and inbox[0] not in item.decides_for_nobody
        return not item.awaiting.isdisjoint(inbox if for_others else inbox[:1])
    return user_id is None or user_id in mine


def _waits(item: AccessRequest) -> bool:
    if item.state is not AccessRequestState.PENDING or not (item.plan and item.progress):
        return False
    step = item.plan.steps[item.progress.number]
    return isinstance(step, Wait) and bool(step.condition)


@dataclass(frozen=True)
class FakeLeases:
    """The port `Leases`."""

    store: FakeStore

    @property
    def tasks(self) -> FakeTasks:
        return FakeTasks(lambda: self.store.kept_tasks)

    async def get(self, lease_id: str) -> Lease | None:
        return self.store.kept_leases.get(lease_id)

    async def with_access_request(self, lease_id: str) -> tuple[Lease, AccessRequest] | None:
        if (lease := self.store.kept_leases.get(lease_id)) is None:
            return None
        return lease, self.store.kept_access_requests[lease.access_request_id]

    async def page(
        self,
        page: PageRequest,
        *,
        user_id: str = "",
        app_id: str = "",
        state: LeaseState | None = None,
        alarmed: bool = False,
    ) -> Page[Lease]:
        after = page.after()
        found = [
            item
            for key, item in sorted(self.store.kept_leases.items(), reverse=True)
            if (after is None or key < after[0])
            and user_id in ("", item.subject.user_id)
            and app_id in ("", item.app_id)
            and state in (None, item.state)
            and (not alarmed or item.alarm_time is not None)
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

    async def of_app(self, app_id: str, after: str, most: int) -> list[LeasedThing]:
        requests = self.store.kept_access_requests
        return [
            LeasedThing(item, requests[item.access_request_id].entitlement_display_name)
            for key, item in sorted(self.store.kept_leases.items())
            if key > after and not item.is_over and item.app_id == app_id
        ][:most]

    async def overdue(self, now: datetime, most: int) -> list[str]:
        return [key for key, item in self.store.kept_leases.items() if item.is_overdue(now)][:most]

    async def to_remind(self, now: datetime, most: int) -> list[str]:
        return [
            item.lease_id
            for item in sorted(self.store.kept_leases.values(), key=_by(lambda it: it.remind_time))
            if item.remind_time is not None and item.remind_time <= now
        ][:most]

    async def late(self, now: datetime, most: int) -> list[str]:
        found = sorted(self.store.kept_leases.values(), key=_by(lambda it: it.end_time))
        return [item.lease_id for item in found if item.is_late(now)][:most]

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


def _by(time: Callable[[Lease], datetime | None]) -> Callable[[Lease], tuple[datetime, str]]:
    """In the order of a time that they have."""
    return lambda item: (time(item) or datetime.max.replace(tzinfo=UTC), item.lease_id)
