"""The mirror of the directory, as syncs write it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App
from services.catalog.domain.directory import (
    AppInScope,
    DirectoryKind,
    DirectoryPage,
    ServicePrincipal,
    User,
)
from services.catalog.domain.entitlement import Entitlement, GoneEntitlement
from services.catalog.domain.followed import EntitlementChange, RenamedGroups
from services.catalog.domain.link import RolesMoved
from services.catalog.domain.sync import Sync


class Syncs(Protocol):
    """The mirror of the directory, as syncs write it."""

    async def newest(self, connection_id: str) -> Sync | None:
        """The newest sync of a connection."""
        ...

    async def find(self, sync_id: str) -> Sync | None:
        """A sync, while it is the newest of its connection."""
        ...

    async def apps_in_scope(self, connection_id: str, page: PageRequest) -> Page[AppInScope]:
        """The apps of a connection that no page said are gone, by their object id.

        Also those that are not served yet.
        """
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
        self, app_ids: Collection[str], managed_count: int, created: Collection[Entitlement]
    ) -> tuple[Write, ...]:
        """Keeps entitlements of new roles, while so many of these apps are managed."""
        ...

    async def renamed_groups(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> RenamedGroups:
        """The groups that entitlements stand for, as they are called from the end of the sync."""
        ...

    def entitlements_followed(
        self,
        changes: Collection[EntitlementChange],
        renamed: RenamedGroups,
        connection_id: str,
        sweeps: Mapping[DirectoryKind, int],
    ) -> tuple[Write, ...]:
        """Keeps changed entitlements, and what renamed groups are called wherever they are linked.

        Nothing else of the connection may be kept before, and just these groups are renamed.
        """
        ...

    async def moved_roles(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[RolesMoved, ...]:
        """The linked groups that are assigned in other roles from the end of the sync.

        Without those that are `gone` then, and those of apps that are.
        """
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

    async def new_apps(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[ServicePrincipal, ...]:
        """The apps that wait for the end of the sync, and were not known before."""
        ...

    async def managed_told(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[ServicePrincipal, ...]:
        """Managed apps as they wait for the end of the sync."""
        ...

    async def newly_disabled(
        self, connection_id: str, sweeps: Mapping[DirectoryKind, int]
    ) -> tuple[User, ...]:
        """The people who can sign in until the end of the sync, and not then."""
        ...

    def paged(
        self, before: Sync | None, after: Sync, page: DirectoryPage, now: datetime
    ) -> tuple[Write, ...]:
        """Keeps a page, together with how far the sync is. Nothing that is served changes."""
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
        """Serves what waits, and removes what is gone, which is just this much.

        What people and groups held of it is kept as held until `now`.
        """
        ...
