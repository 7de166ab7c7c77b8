"""The catalog's ports in memory, for its handlers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import EVERYONE_ID, AccessProfile
from services.catalog.domain.app import App, AppState, ManagedApp
from services.catalog.domain.directory import (
    AppInScope,
    DirectoryKind,
    DirectoryPage,
    Group,
    User,
    WhichUsers,
)
from services.catalog.domain.entitlement import Entitlement, ResourceKind, ResourceType
from services.catalog.domain.link import Binding, LinkedGroup, Linking
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.sync import Sync
from services.catalog.ports import LinkMaterial


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
    syncs: dict[str, Sync] = field(default_factory=dict)
    gone: dict[DirectoryKind, int] = field(default_factory=dict)
    totals: dict[DirectoryKind, int] = field(default_factory=dict)
    gone_apps: tuple[App, ...] = ()
    gone_users: tuple[User, ...] = ()


class _Fake:
    def __init__(self, catalog: FakeCatalog) -> None:
        self.catalog = catalog


class FakeApps(_Fake):
    """The apps."""

    async def find(self, app_id: str) -> App | None:
        return self.catalog.apps.get(app_id)

    async def page(self, state: AppState | None, query: str, page: PageRequest) -> Page[App]:
        found = [
            app
            for app in self.catalog.apps.values()
            if state in (None, app.state) and query.casefold() in app.display_name.casefold()
        ]
        return Page(tuple(found), "")

    def managed(self, before: App, managed: ManagedApp) -> tuple[Write, ...]:
        return (Kept((before, managed)),)


class FakeEntitlements(_Fake):
    """What managed apps offer."""

    async def find(self, entitlement_id: str) -> Entitlement | None:
        return self.catalog.entitlements.get(entitlement_id)

    async def page(self, app_id: str, page: PageRequest) -> Page[Entitlement]:
        found = [each for each in self.catalog.entitlements.values() if each.app_id == app_id]
        return Page(tuple(found), "")

    async def of_types(self, resource_type_ids: Collection[str]) -> tuple[Entitlement, ...]:
        return tuple(
            each
            for each in self.catalog.entitlements.values()
            if each.resource_type_id in resource_type_ids
        )

    async def count_of_types(self, resource_type_ids: Collection[str]) -> int:
        return len(await self.of_types(resource_type_ids))

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
    ) -> LinkMaterial:
        of_app = [each for each in self.catalog.entitlements.values() if each.app_id == app_id]
        return LinkMaterial(
            tuple(each for each in self.catalog.resource_types if each.app_id == app_id),
            tuple(
                each
                for each in self.catalog.groups.values()
                if each.app_id == app_id
                and each.directory_entitlement_id in directory_entitlement_ids
            ),
            tuple(each for each in of_app if each.entitlement_id in entitlement_ids),
            tuple(each.display_name for each in of_app if each.resource_kind is ResourceKind.ROLE),
        )

    def linked(self, before: App, linking: Linking) -> tuple[Write, ...]:
        return (Kept((before, linking)),)


class FakeRules(_Fake):
    """The entitlement rules of apps."""

    async def of_app(self, app_id: str) -> EntitlementRules:
        return self.catalog.rules.get(app_id, EntitlementRules(app_id))

    def applied(
        self, before: App, after: App, replaced: EntitlementRules, rules: EntitlementRules
    ) -> tuple[Write, ...]:
        return (Kept((before, after, replaced, rules)),)


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


class FakeDirectory(_Fake):
    """The people and groups of the directory."""

    async def user(self, user_id: str) -> User | None:
        return self.catalog.users.get(user_id)

    async def users(self, which: WhichUsers, page: PageRequest) -> Page[User]:
        return Page(tuple(self.catalog.users.values()), "")

    async def group(self, group_id: str) -> Group | None:
        return None

    async def groups(self, query: str, page: PageRequest) -> Page[Group]:
        return Page((), "")

    async def existing_users(self, user_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.catalog.users.keys() & set(user_ids))


class FakeSyncs(_Fake):
    """The mirror of the directory, as syncs write it; `syncs` are the newest by connection."""

    async def newest(self, connection_id: str) -> Sync | None:
        return self.catalog.syncs.get(connection_id)

    async def find(self, sync_id: str) -> Sync | None:
        return next((each for each in self.catalog.syncs.values() if each.sync_id == sync_id), None)

    async def known_apps(self, app_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self.catalog.apps.keys() & set(app_ids))

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

    async def gone_users(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[User, ...]:
        return self.catalog.gone_users

    async def enabled_users(self, user_ids: Collection[str]) -> frozenset[str]:
        return frozenset(
            each
            for each in user_ids
            if (user := self.catalog.users.get(each)) is not None and user.account_enabled
        )

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
