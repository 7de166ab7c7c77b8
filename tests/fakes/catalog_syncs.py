"""The catalog's port in memory that syncs write through."""

from collections.abc import (
    Collection,
    Mapping,
)
from datetime import datetime

from libs.domain.changes import Write
from libs.domain.paging import (
    Page,
    PageRequest,
)
from services.catalog.domain.app import App
from services.catalog.domain.directory import (
    AppInScope,
    DirectoryKind,
    DirectoryPage,
    ServicePrincipal,
    User,
)
from services.catalog.domain.entitlement import (
    Entitlement,
    GoneEntitlement,
)
from services.catalog.domain.followed import (
    EntitlementChange,
    RenamedGroups,
)
from services.catalog.domain.link import RolesMoved
from services.catalog.domain.sync import Sync
from tests.fakes.catalog import Fake, Kept


class FakeSyncs(Fake):
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
