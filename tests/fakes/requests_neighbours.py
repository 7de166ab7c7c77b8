"""The services that the requests service calls, as its ports have them, in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.domain.errors import LatchkeyError, NotFound, Unavailable, WrongState
from libs.domain.ids import derived_id
from services.requests.domain.delivery import Delivery
from services.requests.domain.gone import Gone
from services.requests.domain.holders import HeldThing
from services.requests.domain.inputs import Inputs
from services.requests.domain.offered import Offered
from services.requests.domain.person import PersonRef
from services.requests.domain.plan import Easier, NoPlan, Plan
from services.requests.domain.progress import Resolved
from services.requests.domain.replay import Draft, DraftAnswer
from services.requests.domain.resolution import DirectoryPerson, EmergencyTerms, Resolution
from services.requests.domain.steps import (
    Accept,
    AppOwners,
    Approvers,
    EntitlementOwners,
    GroupMembers,
    Manager,
    People,
    Step,
)
from services.requests.domain.takeover import UnmanagedAction
from services.requests.domain.target import GroupMembership, Target
from tests.support.issuer import TENANT

ENTITLEMENT = derived_id("ent", "editor")
APP = derived_id("app", "design tool")
TARGET = Target(
    derived_id("den", "editors"),
    derived_id("con", "contoso"),
    "member of Editors",
    GroupMembership("aaaaaaaa-0000-0000-0000-000000000001"),
)


@dataclass
class FakeCatalog:
    """The port `Catalog`: one entitlement, with a limit, unless `refusal` is set.

    Only the `audience` may ask for it, where one is set.
    `gone` holds people and entitlements that are no longer there, for whom nothing is resolved with
    `refuses_gone`; `tenants` people of others.
    `managers` are each person's, theirs first; `owners` the app's and `groups` their members;
    `things` are what people hold of the app, and `action` is what becomes of what is from outside,
    since `action_time`; `left_alone` is why the connector can give it to nobody. `asked_of` are the
    sources of approvers that were asked for.
    """

    max_duration: timedelta | None = timedelta(hours=8)
    emergency: EmergencyTerms | None = None
    refusal: LatchkeyError | None = None
    refuses_gone: bool = False
    away: bool = False
    gone: dict[str, Gone] = field(default_factory=dict)
    tenants: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    asked_of: list[Approvers] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    line: dict[str, list[str]] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)
    entitlement_owners: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    things: list[HeldThing] = field(default_factory=list)
    action: UnmanagedAction = UnmanagedAction.REPORT
    action_time: datetime | None = None
    left_alone: str = ""
    audience: set[str] | None = None

    async def enabled_person(self, user_id: str) -> PersonRef | None:
        if self._gone(user_id) is not None:
            return None
        return self._ref(user_id)

    async def person_gone(self, user_id: str) -> Gone | None:
        return self._gone(user_id)

    async def entitlement_gone(self, entitlement_id: str) -> Gone | None:
        return self._gone(entitlement_id)

    async def an_entitlement(self, app_id: str, entitlement_id: str = "") -> str:
        self._check_here()
        if app_id != APP or entitlement_id not in ("", ENTITLEMENT):
            raise NotFound("ENTITLEMENT_NOT_FOUND", "There is no such entitlement.")
        return ENTITLEMENT

    async def held(
        self,
        app_id: str = "",
        entitlement_id: str = "",
        *,
        user_id: str = "",
        unmanaged: bool = False,
    ) -> AsyncIterator[Sequence[HeldThing]]:
        self._check_here()
        for start in range(0, len(self.things), 2):
            some = self.things[start : start + 2]
            yield [
                it
                for it in some
                if entitlement_id in ("", it.entitlement_id)
                and user_id in ("", it.subject.user_id)
                and (it.unmanaged or not unmanaged)
            ]

    async def offered(self, entitlement_id: str) -> Offered:
        self._check_here()
        gone = self.gone.get(entitlement_id)
        if entitlement_id != ENTITLEMENT or (gone is not None and gone.unknown):
            raise NotFound("ENTITLEMENT_NOT_FOUND", "There is no such entitlement.")
        return Offered(
            entitlement_id,
            "Editor",
            "ROLE",
            APP,
            "Design Tool",
            (TARGET,),
            gone,
            self.left_alone,
            self.action,
            self.action_time,
        )

    async def apps_that_act(self) -> list[str]:
        self._check_here()
        return [] if self.action is UnmanagedAction.REPORT else [APP]

    async def managers(self, user_id: str) -> list[str]:
        self._check_here()
        return self.line.get(user_id, [])

    async def approvers(
        self, entitlement_id: str, subject_user_id: str, sources: Sequence[Approvers]
    ) -> tuple[Resolved, ...]:
        self._check_here()
        self.asked_of.extend(sources)
        return tuple(self._resolved(subject_user_id, each) for each in sources)

    def _resolved(self, subject_user_id: str, source: Approvers) -> Resolved:
        named: Sequence[str] = ()
        match source:
            case People(user_ids):
                named = user_ids
            case Manager(level):
                named = self.line.get(subject_user_id, [])[level - 1 : level]
            case AppOwners():
                named = self.owners
            case EntitlementOwners():
                named = self.entitlement_owners or self.owners
            case GroupMembers(group_id):
                named = self.groups.get(group_id, ())
        here = tuple(self._ref(each) for each in named if each not in self.gone)
        return Resolved(here, "" if len(here) == len(named) and named else "some are not there")

    def _ref(self, user_id: str) -> PersonRef:
        tenant = self.tenants.get(user_id, TENANT)
        return PersonRef(user_id, tenant, f"object {user_id}", self.names.get(user_id, "Some"))

    def _check_here(self) -> None:
        if self.away:
            raise Unavailable("the catalog service", "unavailable")

    def _gone(self, found: str) -> Gone | None:
        self._check_here()
        self.asked.append(found)
        return self.gone.get(found)

    async def resolve(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Resolution:
        self._check_here()
        if self.refusal is not None:
            raise self.refusal
        if self.audience is not None and subject_user_id not in self.audience:
            raise NotFound("ENTITLEMENT_NOT_FOUND", "They may not ask for it.")
        for each in (requester_user_id, subject_user_id):
            if self.refuses_gone and each in self.gone:
                raise WrongState("PERSON_DISABLED", f"{each} is disabled.", user_id=each)
        return Resolution(
            entitlement_id=entitlement_id,
            entitlement_display_name="Editor",
            resource_kind="ROLE",
            app_id=APP,
            app_display_name="Design Tool",
            targets=(TARGET,),
            requester=DirectoryPerson(requester_user_id, "Ada"),
            subject=DirectoryPerson(subject_user_id, "Ada"),
            subject_ref=self._ref(subject_user_id),
            max_duration=self.max_duration,
            emergency=self.emergency,
            managers=tuple(map(self._ref, self.line.get(subject_user_id, ()))),
            app_owners=tuple(self._ref(each) for each in self.owners if each not in self.gone),
            approvers={
                source: self._resolved(subject_user_id, source)
                for source in (Manager(), AppOwners(), EntitlementOwners())
            },
            held_ids=tuple(
                it.directory_entitlement_id
                for it in self.things
                if it.subject.user_id == subject_user_id
            ),
        )


@dataclass
class FakePolicy:
    """The port `Policy`: answers with `steps`, unless `problem` is set.

    `others` are the steps of policies that are asked for by their ids; `true` are conditions that
    hold. `drafts` are the answers about policies that are not saved, by the subject, or else
    `draft_steps`.
    """

    steps: tuple[Step, ...] = (Accept(),)
    problem: str = ""
    calls: int = 0
    others: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    true: set[str] = field(default_factory=set)
    easier: Easier | None = None
    told: list[Inputs] = field(default_factory=list)
    draft_steps: tuple[Step, ...] = (Accept(),)
    drafts: dict[str, DraftAnswer] = field(default_factory=dict)
    draft_refusal: LatchkeyError | None = None
    asked_of_drafts: list[tuple[Draft, list[Inputs]]] = field(default_factory=list)

    async def evaluate(self, policy_id: str, inputs: Inputs) -> Plan:
        self.calls += 1
        self._check_here()
        self.told.append(inputs)
        return Plan(
            policy_id=policy_id or derived_id("pol", "default"),
            policy_display_name="Default",
            policy_version=1,
            policy_digest="d",
            rule="",
            condition="",
            explanation=(),
            steps=self.others.get(policy_id, self.steps),
            evaluate_time=inputs.now,
        )

    async def explain(self, policy_id: str, inputs: Inputs) -> tuple[Plan, Easier | None]:
        return await self.evaluate(policy_id, inputs), self.easier

    async def holds(self, condition: str, inputs: Inputs) -> bool:
        self._check_here()
        return condition in self.true

    async def draft(self, draft: Draft, inputs: Sequence[Inputs]) -> tuple[DraftAnswer, ...]:
        if self.draft_refusal is not None:
            raise self.draft_refusal
        self.asked_of_drafts.append((draft, list(inputs)))
        plan = Plan("", "draft", 0, "", "", "", (), self.draft_steps, None)
        return tuple(self.drafts.get(each.subject.user_id, DraftAnswer(plan)) for each in inputs)

    def _check_here(self) -> None:
        if self.problem:
            raise NoPlan(self.problem)


@dataclass
class FakeConnector:
    """The port `Connector`: says what `deliveries` hold, unless it is away."""

    deliveries: dict[str, Delivery] = field(default_factory=dict)
    away: bool = False

    async def delivery(self, lease_id: str) -> Delivery | None:
        if self.away:
            raise Unavailable("the connector service", "unavailable")
        return self.deliveries.get(lease_id)
