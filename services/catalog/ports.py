"""What the handlers need from outside."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import AccessProfile, Member, Reasons
from services.catalog.domain.app import App, AppState, ManagedApp
from services.catalog.domain.app_catalog import CatalogApp, CatalogState
from services.catalog.domain.app_roles import RolesFollowed
from services.catalog.domain.directory import (
    AppInScope,
    DirectoryKind,
    DirectoryPage,
    Group,
    User,
    UserFilter,
)
from services.catalog.domain.entitlement import Entitlement, GoneEntitlement, ResourceType
from services.catalog.domain.following import FeedEvent, FeedPosition, Happening
from services.catalog.domain.grant import Grant, Which
from services.catalog.domain.link import Binding, LinkedGroup, Linking
from services.catalog.domain.resolution import Offer, Question
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.shown_app import ShownApp
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.domain.sync import Sync
from services.catalog.domain.unlink import Unlinking
from services.catalog.domain.unmanaged import Mark, Unmanaged
from services.catalog.domain.use import Use


@dataclass(frozen=True, slots=True)
class AppFilter:
    """Which apps: in this state, whose name contains `query`, found by this connection, and that
    this person answers for. Empty and none: any."""

    state: AppState | None = None
    query: str = ""
    connection_id: str = ""
    owner_user_id: str = ""


class Apps(Protocol):
    """The apps."""

    async def find_all(self, app_ids: Collection[str]) -> Mapping[str, ShownApp]:
        """Those of these apps that there are, with who answers for them, by id."""
        ...

    async def shown(self, app_id: str) -> ShownApp | None:
        """The app with this id, and who answers for it."""
        ...

    def updated(self, before: ShownApp, after: ShownApp) -> tuple[Write, ...]:
        """Keeps what is said of an app here."""
        ...

    def unmanaged(self, before: App, after: App) -> tuple[Write, ...]:
        """Takes away everything that managing an app and later choices gave it."""
        ...

    async def find(self, app_id: str) -> App | None:
        """The app with this id."""
        ...

    async def page(self, wanted: AppFilter, page: PageRequest) -> Page[ShownApp]:
        """Apps by name, with who answers for them."""
        ...

    def managed(self, managed: ManagedApp) -> tuple[Write, ...]:
        """Keeps what managing an app made of it."""
        ...


class Entitlements(Protocol):
    """What managed apps offer."""

    async def shown(self, entitlement_id: str) -> ShownEntitlement | None:
        """The entitlement with this id, where it stands and who answers for it."""
        ...

    async def page(
        self, app_id: str, resource_type_id: str, page: PageRequest
    ) -> Page[ShownEntitlement]:
        """The entitlements of an app: access, its own roles, virtual ones oldest first."""
        ...

    async def existing(self, entitlement_ids: Collection[str]) -> frozenset[str]:
        """Which of these exist."""
        ...

    async def groups_there(self, entitlement_id: str) -> frozenset[str]:
        """Of an entitlement's fulfilment, the groups that are in the directory."""
        ...

    async def role_named(self, resource_type_id: str, display_name: str) -> str:
        """The entitlement of this type with this name, in any case; empty if there is none."""
        ...

    def updated(
        self, app: App, before: ShownEntitlement, after: ShownEntitlement
    ) -> tuple[Write, ...]:
        """Keeps what was changed of an entitlement, while its app is as it was."""
        ...

    async def of_types(self, resource_type_ids: Collection[str]) -> tuple[ShownEntitlement, ...]:
        """The entitlements of these resource types, oldest first."""
        ...

    async def resource_types(self, app_id: str) -> tuple[ResourceType, ...]:
        """The resource types of an app, the built-in one first."""
        ...


@dataclass(frozen=True, slots=True)
class LinkMaterial:
    """What decisions about linked groups of an app are made from.

    `groups` are those linked among the ones asked for, `entitlements` those of the app among the
    ones asked for and those bound to these groups, `role_names` all names of its roles.
    """

    resource_types: tuple[ResourceType, ...]
    groups: tuple[LinkedGroup, ...]
    entitlements: tuple[Entitlement, ...]
    role_names: tuple[str, ...]


class Links(Protocol):
    """The groups linked to apps."""

    async def page(self, app_id: str, page: PageRequest) -> Page[LinkedGroup]:
        """The groups linked to an app, by name, those without a choice first."""
        ...

    async def bindings(self, app_id: str, page: PageRequest) -> Page[Binding]:
        """The bindings of an app, oldest first."""
        ...

    async def material(
        self,
        app_id: str,
        directory_entitlement_ids: Collection[str],
        entitlement_ids: Collection[str],
    ) -> LinkMaterial:
        """What decisions about these groups and entitlements of an app are made from."""
        ...

    def linked(self, before: App, linking: Linking) -> tuple[Write, ...]:
        """Keeps choices."""
        ...

    def unlinked(self, before: App, unlinking: Unlinking) -> tuple[Write, ...]:
        """Forgets choices, with the bindings and the roles that went with them."""
        ...


class Rules(Protocol):
    """The entitlement rules of apps."""

    async def of_app(self, app_id: str) -> EntitlementRules:
        """The rules of an app; disabled and empty ones before the first apply."""
        ...

    async def clearable(self, app_id: str) -> tuple[Entitlement, ...]:
        """The entitlements of an app with an override that says something and is not locked."""
        ...

    def applied(
        self,
        before: App,
        after: App,
        replaced: EntitlementRules,
        rules: EntitlementRules,
        cleared: Sequence[Entitlement] = (),
    ) -> tuple[Write, ...]:
        """Keeps rules in place of `replaced`, and clears the override of what is `cleared`."""
        ...


class AccessProfiles(Protocol):
    """The audiences."""

    async def find(self, access_profile_id: str) -> AccessProfile | None:
        """The access profile with this id."""
        ...

    async def page(self, page: PageRequest) -> Page[AccessProfile]:
        """Access profiles by name, the built-in one first."""
        ...

    async def existing(self, access_profile_ids: Collection[str]) -> frozenset[str]:
        """Which of these exist."""
        ...

    async def name_taken(self, display_name: str) -> bool:
        """Whether an access profile has this name, in any case."""
        ...

    async def person_count(self, access_profile_ids: Collection[str], entra_tenant_id: str) -> int:
        """How many enabled people of a tenant are in one or more of these.

        Where one has an expression, it is asked of each of them: about two seconds for 100,000.
        """
        ...

    def created(self, profile: AccessProfile) -> tuple[Write, ...]:
        """Keeps a new access profile."""
        ...

    async def members(self, profile: AccessProfile, page: PageRequest) -> Page[Member]:
        """The enabled people in a profile, by name. A page may be short while there are more."""
        ...

    async def reasons(self, profile: AccessProfile, person: User) -> Reasons:
        """What of a profile fits a person."""
        ...

    async def apps_naming(self, access_profile_id: str) -> tuple[str, ...]:
        """The apps whose rules name a profile."""
        ...

    def updated(self, before: AccessProfile, after: AccessProfile) -> tuple[Write, ...]:
        """Keeps a profile as it is now."""
        ...

    def deleted(self, profile: AccessProfile) -> tuple[Write, ...]:
        """Forgets a profile, which no rules name."""
        ...


class Expressions(Protocol):
    """The engine that evaluates expressions of access profiles."""

    def check(self, expression: str) -> None:
        """Does nothing for an expression that can be evaluated.

        Raises:
            ExpressionProblem: it can't; says where and why.
        """
        ...

    def given(self, person: User) -> Callable[[str], bool]:
        """A function that says whether an expression is true of a person.

        It raises `ExpressionProblem` for one that is neither true nor false.
        """
        ...


class Directory(Protocol):
    """The people and groups of the directory."""

    async def user(self, user_id: str) -> User | None:
        """The person with this id."""
        ...

    async def managers(self, user_id: str) -> tuple[User, ...] | None:
        """Whom a person answers to, their own manager first; none for nobody's id."""
        ...

    async def users(self, which: UserFilter, page: PageRequest) -> Page[User]:
        """People by name."""
        ...

    async def group(self, group_id: str) -> Group | None:
        """The group with this id."""
        ...

    async def groups(self, query: str, page: PageRequest) -> Page[Group]:
        """Groups by name, whose name contains `query`."""
        ...

    async def existing_users(self, user_ids: Collection[str]) -> frozenset[str]:
        """Which of these people exist."""
        ...

    async def existing_groups(self, group_ids: Collection[str]) -> frozenset[str]:
        """Which of these groups exist."""
        ...


class Syncs(Protocol):
    """The mirror of the directory, as syncs write it."""

    async def newest(self, connection_id: str) -> Sync | None:
        """The newest sync of a connection."""
        ...

    async def find(self, sync_id: str) -> Sync | None:
        """A sync, while it is the newest of its connection."""
        ...

    async def known_apps(self, app_ids: Collection[str]) -> frozenset[str]:
        """Which of these apps a sync has found before."""
        ...

    async def apps_in_scope(self, connection_id: str, page: PageRequest) -> Page[AppInScope]:
        """The apps of a connection that no page said are gone, by their object id."""
        ...

    async def gone(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> Mapping[DirectoryKind, int]:
        """How many of each kind pages said are gone, or sweeps did not see."""
        ...

    async def totals(
        self, connection_id: str, kinds: Collection[DirectoryKind]
    ) -> Mapping[DirectoryKind, int]:
        """How many there are of these kinds, with those that are gone."""
        ...

    async def gone_apps(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[App, ...]:
        """The apps among what is `gone`."""
        ...

    async def managed_apps(
        self, app_ids: Collection[str]
    ) -> Mapping[str, tuple[App, tuple[Entitlement, ...]]]:
        """Those of these apps that are managed, with what of them stands for a role, by id."""
        ...

    def roles_followed(
        self, app_ids: Collection[str], managed_count: int, followed: Collection[RolesFollowed]
    ) -> tuple[Write, ...]:
        """Keeps how entitlements follow roles, while so many of these apps are managed."""
        ...

    async def gone_entitlements(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[GoneEntitlement, ...]:
        """The entitlements that what is `gone` takes with it."""
        ...

    def entitlements_gone(self, gone: Collection[GoneEntitlement]) -> tuple[Write, ...]:
        """Keeps that entitlements changed so, each in one version more."""
        ...

    async def gone_users(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[User, ...]:
        """The people among what is `gone`."""
        ...

    async def enabled_users(self, user_ids: Collection[str]) -> frozenset[str]:
        """Which of these people are known and can sign in, as far as pages said."""
        ...

    def paged(
        self, before: Sync | None, after: Sync, page: DirectoryPage, now: datetime
    ) -> tuple[Write, ...]:
        """Keeps a page, together with how far the sync is."""
        ...

    def completed(
        self,
        before: Sync | None,
        after: Sync,
        sweeps: Mapping[DirectoryKind, int],
        gone: Mapping[DirectoryKind, int],
        gone_apps: Collection[App],
        now: datetime,
    ) -> tuple[Write, ...]:
        """Keeps the completion of a sync, and removes what is gone, which is just this much.

        What people and groups held of it is kept as held until `now`.
        """
        ...


class AppCatalog(Protocol):
    """What people may ask for."""

    async def search(
        self, user_id: str, query: str, state: CatalogState | None, page: PageRequest
    ) -> Page[CatalogApp] | None:
        """Apps by name with what the person may ask for, or with what of it stands so.

        None for a person not in the directory.
        """
        ...

    async def app(self, user_id: str, app_id: str) -> tuple[CatalogApp, ...] | None:
        """An app with what the person may ask for, or nothing when there is nothing.

        None for a person not in the directory.
        """
        ...


class Offers(Protocol):
    """What the other services ask about."""

    async def question(
        self, entitlement_id: str, requester_user_id: str, subject_user_id: str
    ) -> Question:
        """What is known about an entitlement, its requester and its subject."""
        ...

    async def for_write(
        self, entitlement_id: str, subject_user_id: str, directory_entitlement_ids: Collection[str]
    ) -> tuple[Offer | None, User | None, frozenset[str]]:
        """The entitlement, the person, and which of the directory entitlements they hold."""
        ...


class Uses(Protocol):
    """Access requests that are open, and leases that are not over."""

    async def of_app(self, app_id: str) -> Sequence[Use]:
        """Those of an app, oldest first."""
        ...

    async def of_entitlements(self, entitlement_ids: Collection[str]) -> Sequence[Use]:
        """Those of entitlements, oldest first."""
        ...


class Grants(Protocol):
    """Who holds what in the directory."""

    async def page(self, which: Which, page: PageRequest) -> Page[Grant]:
        """Grants, by what is held and by whom; one that is part of several is there with each."""
        ...

    async def wanted(self, entitlement_id: str) -> Mapping[str, str]:
        """What an entitlement stands for: directory entitlements by name."""
        ...

    async def name(self, directory_entitlement_id: str) -> str:
        """What a directory entitlement is called; empty for one that nobody knows."""
        ...


class UnmanagedAccess(Protocol):
    """Access from outside Latchkey."""

    async def mark(self, service: str) -> Mark | None:
        """How far the catalog has come; none before it followed an event of this service."""
        ...

    async def new(self, before: datetime, most: int) -> Sequence[Unmanaged]:
        """What is held since `before` and was not noted, at most so much."""
        ...

    async def over(self, most: int) -> Sequence[tuple[str, str, str]]:
        """What was noted and is so no more: entitlement, directory entitlement, person."""
        ...

    def noted(
        self, new: Sequence[Unmanaged], over: Sequence[tuple[str, str, str]], now: datetime
    ) -> tuple[Write, ...]:
        """Notes what is new and forgets what is over."""
        ...


class Feed(Protocol):
    """How far the events of another service have been followed, and what they made of the uses."""

    async def position(self, service: str) -> FeedPosition | None:
        """The newest event that was taken; none before the first."""
        ...

    async def named(self, happenings: Iterable[Happening]) -> Sequence[Use]:
        """The uses that these name, by access request or by lease."""
        ...

    def followed(
        self,
        service: str,
        seen: FeedPosition | None,
        last: FeedPosition | None,
        changed: Sequence[Use],
        over: Sequence[str],
        *,
        anew: bool,
    ) -> tuple[Write, ...]:
        """Moves from the position `seen` to `last`, keeps `changed` and forgets `over`.

        `over` holds ids of access requests. With `anew` all other uses are forgotten too.
        """
        ...


class Requests(Protocol):
    """The requests service."""

    async def events(self, after: int, most: int) -> Sequence[FeedEvent]:
        """Its events behind a position, in commit order.

        Raises:
            Unavailable: it does not answer, or what it answers can't be read.
        """
        ...
