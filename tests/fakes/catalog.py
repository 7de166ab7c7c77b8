"""The catalog's ports in memory, for its handlers: what is in it, apps and what they offer."""

from collections.abc import (
    Collection,
    Mapping,
    Sequence,
)
from dataclasses import (
    dataclass,
    field,
)

from libs.domain.changes import Write
from libs.domain.paging import (
    Page,
    PageRequest,
)
from services.catalog.domain.access_profile import EVERYONE_ID, AccessProfile
from services.catalog.domain.app import (
    App,
    ManagedApp,
)
from services.catalog.domain.approvers import FoundGroup
from services.catalog.domain.directory import (
    DirectoryKind,
    ServicePrincipal,
    User,
)
from services.catalog.domain.entitlement import (
    Entitlement,
    GoneEntitlement,
    ResourceKind,
    ResourceType,
)
from services.catalog.domain.followed import RenamedGroups
from services.catalog.domain.link import (
    Binding,
    LinkedGroup,
    RolesMoved,
)
from services.catalog.domain.linking import Linking
from services.catalog.domain.owner import (
    AppOwners,
    Owner,
)
from services.catalog.domain.rules import EntitlementRules
from services.catalog.domain.shown_app import ShownApp
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.domain.sync import Sync
from services.catalog.domain.unlink import Unlinking
from services.catalog.domain.unmanage import Unmanaging
from services.catalog.domain.use import Use
from services.catalog.ports import (
    AppFilter,
    LinkMaterial,
    RulesMaterial,
)


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


class Fake:
    """A port of a catalog in memory."""

    def __init__(self, catalog: FakeCatalog) -> None:
        self.catalog = catalog


class FakeApps(Fake):
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


class FakeEntitlements(Fake):
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


class FakeLinks(Fake):
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


class FakeRules(Fake):
    """The entitlement rules of apps."""

    async def of_app(self, app_id: str) -> EntitlementRules:
        return self.catalog.rules.get(app_id, EntitlementRules(app_id))

    async def material(
        self,
        app_id: str,
        resource_type_ids: Collection[str],
        access_profile_ids: Collection[str],
    ) -> RulesMaterial | None:
        if (app := self.catalog.apps.get(app_id)) is None:
            return None
        types = [each for each in self.catalog.resource_types if each.app_id == app_id]
        return RulesMaterial(
            app,
            await self.of_app(app_id),
            tuple(each.resource_type_id for each in types),
            tuple({EVERYONE_ID, *self.catalog.access_profiles} & set(access_profile_ids)),
            tuple(
                ShownEntitlement(each)
                for each in self.catalog.entitlements.values()
                if each.app_id == app_id and each.resource_type_id in resource_type_ids
            ),
        )

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
