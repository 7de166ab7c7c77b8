"""What the use cases need from outside."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.requests.domain.access_request import AccessRequest, AccessRequestState
from services.requests.domain.campaign import Campaign, CampaignItem, CampaignState
from services.requests.domain.delegation import Delegation, Look, Period
from services.requests.domain.delivery import Delivery
from services.requests.domain.gone import Dependent, Gone
from services.requests.domain.holders import HeldThing, LeasedThing
from services.requests.domain.inputs import Inputs
from services.requests.domain.lease import Lease, LeaseState
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Easier, Plan
from services.requests.domain.progress import Resolved
from services.requests.domain.replay import Draft, DraftAnswer
from services.requests.domain.resolution import Resolution
from services.requests.domain.steps import Approvers


class Catalog(Protocol):
    """Knows what exists and who may ask for it."""

    async def resolve(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Resolution:
        """Everything that an access request needs to know of an entitlement.

        Raises:
            LatchkeyError: it may not be asked for, by a reason of our own `ErrorReason`;
                Unavailable when the catalog does not answer.
        """
        ...

    async def approvers(
        self, entitlement_id: str, subject_user_id: str, sources: Sequence[Approvers]
    ) -> tuple[Resolved, ...]:
        """Whom each of the sources stands for: enabled people of the subject's tenant.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def managers(self, user_id: str) -> list[str]:
        """The managers of a person by their ids, theirs first; none of somebody unknown.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def person_gone(self, user_id: str) -> Gone | None:
        """Why the person may hold nothing; none while they are in the directory and enabled.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def enabled_person(self, user_id: str) -> PersonRef | None:
        """Somebody of the directory who is enabled; none for anybody else.

        Raises:
            Unavailable: it does not answer.
        """
        ...

    async def an_entitlement(self, app_id: str, entitlement_id: str = "") -> str:
        """The id of an entitlement of an app: this one where it is given, or any.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND: it has none, or not this one.
            Unavailable: it does not answer.
        """
        ...

    def held(self, app_id: str, entitlement_id: str = "") -> AsyncIterator[Sequence[HeldThing]]:
        """What people hold of an app, or of one of its entitlements, in pages as they come.

        Raises:
            NotFound: ENTITLEMENT_NOT_FOUND.
            Unavailable: it does not answer.
        """
        ...

    async def entitlement_gone(self, entitlement_id: str) -> Gone | None:
        """Why nobody can have the entitlement any more; none while it can be had.

        Raises:
            Unavailable: it does not answer.
        """
        ...


class Policy(Protocol):
    """Decides."""

    async def evaluate(self, policy_id: str, inputs: Inputs) -> Plan:
        """What a policy says; the deployment's default where the id is empty.

        Raises:
            NoPlan: policy does not answer, or can't.
        """
        ...

    async def explain(self, policy_id: str, inputs: Inputs) -> tuple[Plan, Easier | None]:
        """What a policy says, and what would be easier.

        Raises:
            NoPlan: policy does not answer, or can't.
        """
        ...

    async def holds(self, condition: str, inputs: Inputs) -> bool:
        """Whether a condition is true.

        Raises:
            NoPlan: policy does not answer, or can't say.
        """
        ...

    async def draft(self, draft: Draft, inputs: Sequence[Inputs]) -> tuple[DraftAnswer, ...]:
        """What a policy that is not saved would say of each, in their order; of 100 at most.

        Raises:
            Invalid: DRAFT_INVALID.
            Unavailable: it does not answer.
        """
        ...


class Connector(Protocol):
    """Makes Entra agree with the leases."""

    async def delivery(self, lease_id: str) -> Delivery | None:
        """How far a lease is; none when the connector does not know it.

        Raises:
            Unavailable: it does not answer.
        """
        ...


class AccessRequests(Protocol):
    """The access requests that are kept."""

    async def get(self, access_request_id: str) -> AccessRequest | None:
        """One of them."""
        ...

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
        """Some of them, newest first, without timelines; of one requester or subject, or all.

        `inbox`: instead those that wait for the first of these people to decide, in their own place
        or in that of the others. `review_open`: those of emergency access to be reviewed, by
        `user_id` when it is given.
        """
        ...

    async def to_look_at(self, after: str, most: int) -> list[str]:
        """The ids of those that wait for policy, an approver or a condition, behind `after`."""
        ...

    async def pending(self, after: str, most: int) -> list[str]:
        """The ids of those that wait for people or a time, or are to be reviewed, in order, behind
        `after`."""
        ...

    async def overdue(self, now: datetime, most: int) -> list[str]:
        """The ids of those whose step has taken too long, the longest overdue first."""
        ...

    async def awaiting(self, user_id: str, after: str, most: int) -> list[str]:
        """The ids of those that a person may decide or review, in order, behind `after`."""
        ...

    async def emergency_of(self, subject_user_id: str) -> str:
        """The id of a person's emergency that is undecided or not reviewed; empty without one."""
        ...

    async def undecided(
        self,
        after: str,
        most: int,
        *,
        subject_user_id: str = "",
        requester_user_id: str = "",
        app_id: str = "",
    ) -> list[Dependent]:
        """Those that are not decided, in order, behind `after`: for a person, by a person, of an
        app, or all."""
        ...

    async def under_policy(
        self, page: PageRequest, *, policy_id: str, start: datetime, end: datetime
    ) -> Page[AccessRequest]:
        """Those that a policy answered last and that were made in a period, newest first, without
        timelines: each with its plan and its inputs."""
        ...

    async def occupants(self, subject_user_id: str, entitlement_id: str) -> tuple[str, str]:
        """The open access request and the live lease of a person for an entitlement.

        Their ids; an empty one where there is none.
        """
        ...

    def added(self, access_request: AccessRequest) -> tuple[Write, ...]:
        """Keeps a new one. It is the only open one of its subject and entitlement, and the only
        emergency of its subject."""
        ...

    def changed(self, access_request: AccessRequest, *, seen: AccessRequest) -> tuple[Write, ...]:
        """Keeps the next version of the one that was loaded."""
        ...


class Leases(Protocol):
    """The leases that are kept."""

    async def get(self, lease_id: str) -> Lease | None:
        """One of them."""
        ...

    async def with_access_request(self, lease_id: str) -> tuple[Lease, AccessRequest] | None:
        """One of them, with the access request it came of."""
        ...

    async def page(
        self,
        page: PageRequest,
        *,
        user_id: str | None,
        state: LeaseState | None,
        alarmed: bool = False,
    ) -> Page[Lease]:
        """Some of them, newest first; of one subject, or all. `alarmed`: whose end is late."""
        ...

    async def on_their_way(self, before: datetime, after: str, most: int) -> list[str]:
        """The ids of those that are GRANTED or ENDING since before a time, in order."""
        ...

    async def not_over(
        self, after: str, most: int, *, subject_user_id: str = "", app_id: str = ""
    ) -> list[Dependent]:
        """Those that nobody has ended, in order, behind `after`; of a person, an app, or all."""
        ...

    async def of_app(self, app_id: str, after: str, most: int) -> list[LeasedThing]:
        """Those of an app that nobody has ended, in order, behind the lease `after`."""
        ...

    async def overdue(self, now: datetime, most: int) -> list[str]:
        """The ids of those whose time is over and that nobody has ended yet, the oldest first."""
        ...

    async def to_remind(self, now: datetime, most: int) -> list[str]:
        """The ids of those whose subjects are to be reminded of the end."""
        ...

    async def late(self, now: datetime, most: int) -> list[str]:
        """The ids of those that are in Entra long after their end, and nobody was told."""
        ...

    async def failed(self, subject_user_id: str, entitlement_id: str) -> list[str]:
        """The ids of a person's failed leases of an entitlement, which may hold a part of it."""
        ...

    async def is_announced(self, lease_id: str) -> bool:
        """Whether every event about the lease has gone out."""
        ...

    def added(self, lease: Lease) -> Write:
        """Keeps a new one. It is the only live one of its subject and entitlement."""
        ...

    def changed(self, lease: Lease, *, seen: int) -> Write:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...

    def unchanged(self, lease: Lease) -> Write:
        """Changes nothing, and holds only while the lease is as it was loaded."""
        ...


class Delegations(Protocol):
    """The delegations that are kept, also when they are over."""

    async def get(self, delegation_id: str) -> Delegation | None:
        """One of them."""
        ...

    async def page(
        self, page: PageRequest, *, user_id: str | None, at: datetime
    ) -> Page[Delegation]:
        """Some of those that are not over at a time, by their end; by and to one person, or all."""
        ...

    async def look(self, user_id: str, period: Period) -> Look:
        """Everything that a person has delegated for any part of a period."""
        ...

    async def delegates_of(
        self, user_ids: Collection[str], at: datetime
    ) -> Mapping[str, PersonRef]:
        """Who decides in the place of each of these people at a time, for those who have one.

        The delegate was enabled when they were named; whether they are now the catalog knows.
        """
        ...

    async def delegators_of(self, user_id: str, at: datetime) -> list[PersonRef]:
        """In whose places a person decides at a time, in the order of their ids."""
        ...

    def lasting(self, delegator_user_id: str, delegate_user_id: str, at: datetime) -> Write:
        """Changes nothing, and holds only while the one decides in the other's place at a time."""
        ...

    def added(self, delegation: Delegation, *, seen: Sequence[Look]) -> Sequence[Write]:
        """Keeps a new one. It holds only while nobody has delegated, for any part of a period that
        was looked at, more than was seen."""
        ...

    def changed(self, delegation: Delegation, *, seen: int) -> Write:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...


class Campaigns(Protocol):
    """The access reviews that are kept, with their items."""

    async def get(self, campaign_id: str) -> Campaign | None:
        """One of them."""
        ...

    async def item(self, campaign_item_id: str) -> tuple[Campaign, CampaignItem] | None:
        """An item with its campaign."""
        ...

    async def has_reviewer(self, campaign_id: str, user_id: str) -> bool:
        """Whether a person is, or was, asked about any item of a campaign."""
        ...

    async def page(
        self, page: PageRequest, *, user_id: str | None, state: CampaignState | None
    ) -> Page[Campaign]:
        """Some of them, newest first; those that one person started or reviews, or all."""
        ...

    async def items(
        self, page: PageRequest, *, campaign_id: str, reviewer_user_id: str | None, open_only: bool
    ) -> Page[CampaignItem]:
        """Some of a campaign's items; those that one person reviews, or all."""
        ...

    async def to_look_at(self, now: datetime, most: int) -> list[str]:
        """The ids of those that are due, or have items to revoke after that, the oldest first."""
        ...

    async def open_items(self, campaign_id: str, after: str, most: int) -> list[str]:
        """The ids of a campaign's items of which nobody has said anything, behind `after`."""
        ...

    async def waiting(self, after: str, most: int) -> list[str]:
        """The ids of items of any campaign of which nobody has said anything, behind `after`."""
        ...

    def added(self, campaign: Campaign, items: Sequence[CampaignItem]) -> Sequence[Write]:
        """Keeps a new one with its items."""
        ...

    def changed(self, campaign: Campaign, *, seen: int) -> Write:
        """Keeps the next version of the one whose version `seen` was loaded."""
        ...

    def kept(self, campaign: Campaign, time: datetime) -> Write:
        """Notes of all its items of which nobody has said anything that nobody did."""
        ...

    def asked(self, item: CampaignItem, *, seen: CampaignItem) -> Sequence[Write]:
        """Keeps who is asked about an item now."""
        ...

    def ruled(
        self, campaign: Campaign, item: CampaignItem, *, seen: CampaignItem
    ) -> Sequence[Write]:
        """Keeps what was said of an item and counts it, while its campaign is in the state that
        `campaign` was loaded in. That others said something of other items does not matter."""
        ...
