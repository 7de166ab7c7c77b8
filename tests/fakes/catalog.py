"""The catalog's ports in memory, for its handlers."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from libs.domain.changes import Write
from libs.domain.errors import Unavailable
from libs.domain.expressions import ExpressionProblem
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import EVERYONE_ID, AccessProfile, Member, Reasons
from services.catalog.domain.app import App, ManagedApp
from services.catalog.domain.approvers import FoundGroup, Source, Surroundings
from services.catalog.domain.directory import (
    AppInScope,
    DirectoryKind,
    DirectoryPage,
    Group,
    ServicePrincipal,
    User,
    UserFilter,
)
from services.catalog.domain.entitlement import (
    Entitlement,
    GoneEntitlement,
    ResourceKind,
    ResourceType,
)
from services.catalog.domain.followed import EntitlementChange, RenamedGroups
from services.catalog.domain.following import FeedPosition, Happening
from services.catalog.domain.link import Binding, LinkedGroup, RolesMoved
from services.catalog.domain.linking import Linking
from services.catalog.domain.managers import line_of
from services.catalog.domain.owner import AppOwners, EntitlementOwners, Owner
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.shown_app import ShownApp
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.domain.sync import Sync
from services.catalog.domain.unlink import Unlinking
from services.catalog.domain.unmanage import Unmanaging
from services.catalog.domain.use import Use
from services.catalog.handlers.uses_now import UsesNow
from services.catalog.ports import AppFilter, LinkMaterial


@dataclass(frozen=True, slots=True)
class Kept(Write):
    """What a port was asked to keep."""

    what: tuple[object, ...]


@dataclass
class FakeCatalog:
    """What is in a catalog. Its parts are the ports; nothing that they keep is applied."""

    apps: dict[str, App] = field(default_factory=dict)
    resource_types: list[ResourceType] = field(default_factory=list)
    entitlements: dict[str, Entitlement] = field(default_factory=dict)
    groups: dict[str, LinkedGroup] = field(default_factory=dict)
    rules: dict[str, EntitlementRules] = field(default_factory=dict)
    access_profiles: dict[str, AccessProfile] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    group_ids: set[str] = field(default_factory=set)
    syncs: dict[str, Sync] = field(default_factory=dict)
    gone: dict[DirectoryKind, int] = field(default_factory=dict)
    totals: dict[DirectoryKind, int] = field(default_factory=dict)
    gone_apps: tuple[App, ...] = ()
    gone_entitlements: tuple[GoneEntitlement, ...] = ()
    owners: dict[str, AppOwners] = field(default_factory=dict)
    entitlement_owners: dict[str, tuple[Owner, ...]] = field(default_factory=dict)
    found_groups: dict[str, FoundGroup] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    # What the requests service has not told of yet, and whether it answers.
    untold: list[Use] = field(default_factory=list)
    requests_away: bool = False
    owned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gone_users: tuple[User, ...] = ()
    told_apps: tuple[ServicePrincipal, ...] = ()
    newly_disabled: tuple[User, ...] = ()
    renamed: RenamedGroups = field(default_factory=lambda: RenamedGroups({}, (), 0))
    moved_roles: tuple[RolesMoved, ...] = ()


class _Fake:
    def __init__(self, catalog: FakeCatalog) -> None:
        self.catalog = catalog


class FakeApps(_Fake):
    """The apps."""

    async def find(self, app_id: str) -> App | None:
        return self.catalog.apps.get(app_id)

    async def find_all(self, app_ids: Collection[str]) -> Mapping[str, ShownApp]:
        found = {each: await self.shown(each) for each in app_ids}
        return {app_id: shown for app_id, shown in found.items() if shown is not None}

    async def shown(self, app_id: str) -> ShownApp | None:
        app = await self.find(app_id)
        return None if app is None else ShownApp(app, self.catalog.owners.get(app_id, AppOwners()))

    async def page(self, wanted: AppFilter, page: PageRequest) -> Page[ShownApp]:
        found = [
            ShownApp(app)
            for app in self.catalog.apps.values()
            if wanted.state in (None, app.state)
            and wanted.query.casefold() in app.display_name.casefold()
        ]
        return Page(tuple(found), "")

    def managed(self, managed: ManagedApp) -> tuple[Write, ...]:
        return (Kept((managed.before, managed)),)

    def updated(self, before: ShownApp, after: ShownApp) -> tuple[Write, ...]:
        return (Kept((before, after)),)

    def unmanaged(self, unmanaging: Unmanaging) -> tuple[Write, ...]:
        return (Kept((unmanaging,)),)


class FakeEntitlements(_Fake):
    """What managed apps offer."""

    async def shown(self, entitlement_id: str) -> ShownEntitlement | None:
        found = self.catalog.entitlements.get(entitlement_id)
        return None if found is None else ShownEntitlement(found)

    async def page(
        self, app_id: str, resource_type_id: str, page: PageRequest
    ) -> Page[ShownEntitlement]:
        found = [each for each in self.catalog.entitlements.values() if each.app_id == app_id]
        return Page(tuple(map(ShownEntitlement, found)), "")

    async def existing(self, entitlement_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.catalog.entitlements.keys() & set(entitlement_ids))

    async def owned_by(self, entitlement_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        return {key: of for key, of in self.catalog.owned.items() if key in entitlement_ids}

    async def groups_there(self, entitlement_id: str) -> frozenset[str]:
        return frozenset(self.catalog.groups)

    async def role_named(self, resource_type_id: str, display_name: str) -> str:
        for each in self.catalog.entitlements.values():
            named = each.display_name.casefold() == display_name.casefold()
            if named and each.resource_type_id == resource_type_id:
                return each.entitlement_id
        return ""

    def updated(
        self, app: App, before: ShownEntitlement, after: ShownEntitlement
    ) -> tuple[Write, ...]:
        return (Kept((app, before, after)),)

    async def of_types(self, resource_type_ids: Collection[str]) -> tuple[ShownEntitlement, ...]:
        return tuple(
            ShownEntitlement(each)
            for each in self.catalog.entitlements.values()
            if each.resource_type_id in resource_type_ids
        )

    async def resource_types(self, app_id: str) -> tuple[ResourceType, ...]:
        return tuple(each for each in self.catalog.resource_types if each.app_id == app_id)


class FakeLinks(_Fake):
    """The groups linked to apps."""

    async def page(self, app_id: str, page: PageRequest) -> Page[LinkedGroup]:
        found = [each for each in self.catalog.groups.values() if each.app_id == app_id]
        return Page(tuple(found), "")

    async def bindings(self, app_id: str, page: PageRequest) -> Page[Binding]:
        return Page((), "")

    async def material(
        self,
        app_id: str,
        directory_entitlement_ids: Collection[str],
        entitlement_ids: Collection[str],
    ) -> LinkMaterial | None:
        if (app := self.catalog.apps.get(app_id)) is None:
            return None
        of_app = [each for each in self.catalog.entitlements.values() if each.app_id == app_id]
        bound = {
            each.entitlement_id
            for each in self.catalog.groups.values()
            if each.app_id == app_id and each.directory_entitlement_id in directory_entitlement_ids
        }
        return LinkMaterial(
            app,
            tuple(each for each in self.catalog.resource_types if each.app_id == app_id),
            tuple(
                each
                for each in self.catalog.groups.values()
                if each.app_id == app_id
                and each.directory_entitlement_id in directory_entitlement_ids
            ),
            tuple(each for each in of_app if each.entitlement_id in {*entitlement_ids, *bound}),
            tuple(each.display_name for each in of_app if each.resource_kind is ResourceKind.ROLE),
        )

    def linked(self, before: App, linking: Linking) -> tuple[Write, ...]:
        return (Kept((before, linking)),)

    def unlinked(self, before: App, unlinking: Unlinking) -> tuple[Write, ...]:
        return (Kept((before, unlinking)),)


class FakeRules(_Fake):
    """The entitlement rules of apps."""

    async def of_app(self, app_id: str) -> EntitlementRules:
        return self.catalog.rules.get(app_id, EntitlementRules(app_id))

    async def clearable(self, app_id: str) -> tuple[Entitlement, ...]:
        return tuple(
            each
            for each in self.catalog.entitlements.values()
            if each.app_id == app_id and each.override.cleared_by_rules
        )

    def applied(
        self,
        before: App,
        after: App,
        replaced: EntitlementRules,
        rules: EntitlementRules,
        cleared: Sequence[Entitlement] = (),
    ) -> tuple[Write, ...]:
        return (Kept((before, after, replaced, rules, tuple(cleared))),)


class FakeAccessProfiles(_Fake):
    """The audiences."""

    async def find(self, access_profile_id: str) -> AccessProfile | None:
        return self.catalog.access_profiles.get(access_profile_id)

    async def page(self, page: PageRequest) -> Page[AccessProfile]:
        return Page(tuple(self.catalog.access_profiles.values()), "")

    async def existing(self, access_profile_ids: Collection[str]) -> frozenset[str]:
        return frozenset({EVERYONE_ID, *self.catalog.access_profiles} & set(access_profile_ids))

    async def name_taken(self, display_name: str) -> bool:
        names = [each.display_name for each in self.catalog.access_profiles.values()]
        return display_name.casefold() in [name.casefold() for name in (*names, "Everyone")]

    async def person_count(self, access_profile_ids: Collection[str], entra_tenant_id: str) -> int:
        named = {
            user_id
            for each in self.catalog.access_profiles.values()
            if each.access_profile_id in access_profile_ids
            for user_id in each.user_ids
        }
        return sum(
            user.account_enabled
            and user.entra_tenant_id == entra_tenant_id
            and (EVERYONE_ID in access_profile_ids or user.user_id in named)
            for user in self.catalog.users.values()
        )

    def created(self, profile: AccessProfile) -> tuple[Write, ...]:
        return (Kept((profile,)),)

    async def members(self, profile: AccessProfile, page: PageRequest) -> Page[Member]:
        found = [
            Member(user, reasons)
            for user in self.catalog.users.values()
            if user.account_enabled and (reasons := await self.reasons(profile, user))
        ]
        return Page(tuple(found), "")

    async def members_behind(
        self, profile: AccessProfile, entra_tenant_id: str, after: str
    ) -> tuple[Sequence[User], str]:
        # One at a time: whoever asks for all has to go on.
        behind = sorted(each for each in self.catalog.users if each > after)
        if not behind:
            return (), ""
        found = await self.members_among(profile, entra_tenant_id, behind[:1])
        return found, behind[0] if behind[1:] else ""

    async def members_among(
        self, profile: AccessProfile, entra_tenant_id: str, user_ids: Collection[str]
    ) -> Sequence[User]:
        return [
            user
            for key, user in sorted(self.catalog.users.items())
            if key in user_ids
            and user.account_enabled
            and user.entra_tenant_id == entra_tenant_id
            and await self.reasons(profile, user)
        ]

    async def reasons(self, profile: AccessProfile, person: User) -> Reasons:
        return Reasons(everyone=profile.everyone, named=person.user_id in profile.user_ids)

    async def apps_naming(self, access_profile_id: str) -> tuple[str, ...]:
        rules = self.catalog.rules.values()
        return tuple(each.app_id for each in rules if access_profile_id in each.access_profile_ids)

    def updated(self, before: AccessProfile, after: AccessProfile) -> tuple[Write, ...]:
        return (Kept((before, after)),)

    def deleted(self, profile: AccessProfile) -> tuple[Write, ...]:
        return (Kept((profile,)),)


class FakeExpressions:
    """An engine that knows `true`, `false` and a question for the department."""

    def check(self, expression: str) -> None:
        if expression not in ("true", "false", "person.department"):
            raise ExpressionProblem("line 1, column 1: not known here")

    def given(self, person: User) -> Callable[[str], bool]:
        return {
            "true": True,
            "false": False,
            "person.department": bool(person.department),
        }.__getitem__


class FakeDirectory(_Fake):
    """The people and groups of the directory."""

    async def user(self, user_id: str) -> User | None:
        return self.catalog.users.get(user_id)

    async def managers(self, user_id: str) -> tuple[User, ...] | None:
        user = self.catalog.users.get(user_id)
        return None if user is None else line_of(user, self.catalog.users)

    async def users(self, which: UserFilter, page: PageRequest) -> Page[User]:
        return Page(tuple(self.catalog.users.values()), "")

    async def group(self, group_id: str) -> Group | None:
        return None

    async def groups(self, query: str, page: PageRequest) -> Page[Group]:
        return Page((), "")

    async def existing_users(self, user_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.catalog.users.keys() & set(user_ids))

    async def existing_groups(self, group_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.catalog.group_ids & set(group_ids))


class FakeSyncs(_Fake):
    """The mirror of the directory, as syncs write it; `syncs` are the newest by connection."""

    async def newest(self, connection_id: str) -> Sync | None:
        return self.catalog.syncs.get(connection_id)

    async def find(self, sync_id: str) -> Sync | None:
        return next((each for each in self.catalog.syncs.values() if each.sync_id == sync_id), None)

    async def apps_in_scope(self, connection_id: str, page: PageRequest) -> Page[AppInScope]:
        return Page(
            tuple(
                AppInScope(app.entra_service_principal_id, app.app_id, "")
                for app in self.catalog.apps.values()
                if app.connection_id == connection_id and not app.removed
            ),
            "",
        )

    async def gone(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> Mapping[DirectoryKind, int]:
        return {kind: self.catalog.gone.get(kind, 0) for kind in DirectoryKind}

    async def totals(
        self, connection_id: str, kinds: Collection[DirectoryKind]
    ) -> Mapping[DirectoryKind, int]:
        return {kind: self.catalog.totals[kind] for kind in kinds}

    async def gone_apps(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[App, ...]:
        return self.catalog.gone_apps

    async def managed_apps(
        self, app_ids: Collection[str]
    ) -> Mapping[str, tuple[App, tuple[Entitlement, ...]]]:
        offered = self.catalog.entitlements.values()
        return {
            app.app_id: (
                app,
                tuple(e for e in offered if e.app_id == app.app_id and e.entra_app_role_id),
            )
            for app in self.catalog.apps.values()
            if app.app_id in app_ids and app.manage_time is not None
        }

    def roles_followed(
        self, app_ids: Collection[str], managed_count: int, created: Collection[Entitlement]
    ) -> tuple[Write, ...]:
        return (Kept((managed_count, *created)),) if managed_count else ()

    async def renamed_groups(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> RenamedGroups:
        return self.catalog.renamed

    def entitlements_followed(
        self,
        changes: Collection[EntitlementChange],
        renamed: RenamedGroups,
        connection_id: str,
        sweeps: Mapping[DirectoryKind, int],
    ) -> tuple[Write, ...]:
        return (Kept(tuple(changes)),) if changes else ()

    async def moved_roles(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[RolesMoved, ...]:
        return self.catalog.moved_roles

    async def gone_entitlements(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[GoneEntitlement, ...]:
        return self.catalog.gone_entitlements

    def entitlements_gone(self, gone: Collection[GoneEntitlement]) -> tuple[Write, ...]:
        return (Kept(tuple(gone)),) if gone else ()

    async def gone_users(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[User, ...]:
        return self.catalog.gone_users

    async def new_apps(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[ServicePrincipal, ...]:
        known = self.catalog.apps
        return tuple(each for each in self.catalog.told_apps if each.app_id not in known)

    async def managed_told(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[ServicePrincipal, ...]:
        known = self.catalog.apps
        return tuple(
            each
            for each in self.catalog.told_apps
            if each.app_id in known and known[each.app_id].manage_time is not None
        )

    async def newly_disabled(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[User, ...]:
        return self.catalog.newly_disabled

    def paged(
        self, before: Sync | None, after: Sync, page: DirectoryPage, now: datetime
    ) -> tuple[Write, ...]:
        return (Kept((before, after, page)),)

    def completed(
        self,
        before: Sync | None,
        after: Sync,
        sweeps: Mapping[DirectoryKind, int],
        gone: Mapping[DirectoryKind, int],
        gone_apps: Collection[App],
        now: datetime,
    ) -> tuple[Write, ...]:
        return (Kept((before, after, dict(sweeps), dict(gone), tuple(gone_apps))),)


class FakeApproverSources(_Fake):
    """What sources of approvers stand for: groups and owners as the catalog has them."""

    async def around(
        self,
        sources: Collection[Source],
        *,
        app_id: str = "",
        entitlement_id: str = "",
        subject_user_id: str = "",
    ) -> Surroundings | None:
        its = self.catalog.entitlements.get(entitlement_id)
        app = self.catalog.apps.get(app_id if its is None else its.app_id)
        if app is None:
            return None
        of_app = self.catalog.owners.get(app.app_id, AppOwners())
        given = self.catalog.entitlement_owners.get(entitlement_id, ())
        return Surroundings(
            app.entra_tenant_id,
            self.catalog.users.get(subject_user_id),
            self.catalog.users,
            of_app.counting,
            EntitlementOwners(given, of_app).counting,
            groups=self.catalog.found_groups,
        )

    async def owners_of_requestable(
        self, app_id: str, after: str
    ) -> Sequence[tuple[str, tuple[Owner, ...]]]:
        of_app = self.catalog.owners.get(app_id, AppOwners())
        found = [
            (key, EntitlementOwners(self.catalog.entitlement_owners.get(key, ()), of_app).counting)
            for key, each in sorted(self.catalog.entitlements.items())
            if each.app_id == app_id and key > after
        ]
        return found[:1]

    async def above(
        self, people: Sequence[User], levels: int, known: Mapping[str, User]
    ) -> Mapping[str, User]:
        return self.catalog.users


class FakeUses(_Fake):
    """Access requests that are open, and leases that are not over."""

    async def of_app(self, app_id: str) -> Sequence[Use]:
        return [each for each in self.catalog.uses if each.app_id == app_id]

    async def of_entitlements(self, entitlement_ids: Collection[str]) -> Sequence[Use]:
        return [each for each in self.catalog.uses if each.entitlement_id in entitlement_ids]


class FakeFeed(_Fake):
    """How far the requests service has been followed: as far as there are uses."""

    async def position(self, service: str) -> FeedPosition | None:
        told = len(self.catalog.uses)
        return FeedPosition(told, f"evt_{told}") if told else None

    async def named(self, happenings: Iterable[Happening]) -> Sequence[Use]:
        return self.catalog.uses

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
        return (Kept((seen, last, tuple(changed), tuple(over), anew)),)

    def ended(self, leases: Sequence[Use], settle_time: datetime) -> tuple[Write, ...]:
        return (Kept((tuple(leases), settle_time)),) if leases else ()

    def unmoved(self, service: str, seen: FeedPosition | None) -> Write:
        return Kept((service, seen))


class FakeFollowing(_Fake):
    """Following the requests service, which tells of what was untold unless it is away."""

    async def catch_up(self) -> None:
        if self.catalog.requests_away:
            raise Unavailable("the requests service", "it is away")
        self.catalog.uses += self.catalog.untold
        self.catalog.untold.clear()


def uses_now(catalog: FakeCatalog) -> UsesNow:
    """The uses of a catalog, as handlers ask for them that take something away."""
    return UsesNow(FakeUses(catalog), FakeFeed(catalog), FakeFollowing(catalog))
