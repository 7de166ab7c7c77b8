"""The mirror of the directory, as syncs write it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Subquery,
    Table,
    and_,
    exists,
    func,
    insert,
    select,
    union_all,
    update,
)

from libs.db.engine import Database
from libs.db.guarded import Guarded
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
from services.catalog.store.followed import (
    change_writes,
    followed_writes,
    gone_writes,
    read_gone_entitlements,
    read_managed_apps,
    read_renamed,
)
from services.catalog.store.gone import MIRROR, is_gone, is_there, removal_writes
from services.catalog.store.mirror import page_writes
from services.catalog.store.moved_roles import read_moved_roles
from services.catalog.store.rows import app_of, user_of
from services.catalog.store.staged import (
    Sweeps,
    counts,
    drop_writes,
    read_managed_told,
    read_new_apps,
    read_newly_disabled,
    serve_writes,
)
from services.catalog.store.staged_tables import staged_apps
from services.catalog.store.tables import apps, directory_users, syncs
from services.catalog.store.text import paged
from services.catalog.store.uses import settled_leases_forgotten


class StoredSyncs:
    """The mirror in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, connection_id: str) -> Sync | None:
        return await self._one(syncs.c.connection_id == connection_id)

    async def find(self, sync_id: str) -> Sync | None:
        return await self._one(syncs.c.sync_id == sync_id)

    async def _one(self, which: ColumnElement[bool]) -> Sync | None:
        query = select(syncs).where(which)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _sync_of(row)

    async def apps_in_scope(self, connection_id: str, page: PageRequest) -> Page[AppInScope]:
        query = _scope(connection_id, page)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = page.page(rows, key=lambda row: (row.entra_service_principal_id, row.app_id))
        return Page(tuple(AppInScope(*row) for row in found.items), found.next_page_token)

    async def gone(self, connection_id: str, sweeps: Sweeps) -> Mapping[DirectoryKind, int]:
        counts = {
            kind: _count(table, is_gone(kind, connection_id, sweeps))
            for kind, table in MIRROR.items()
        }
        return await self._counted(counts)

    async def totals(
        self, connection_id: str, kinds: Collection[DirectoryKind]
    ) -> Mapping[DirectoryKind, int]:
        counts = {kind: _count(MIRROR[kind], is_there(kind, connection_id)) for kind in kinds}
        return await self._counted(counts)

    async def _counted(
        self, counts: Mapping[DirectoryKind, Select[int]]
    ) -> Mapping[DirectoryKind, int]:
        query = select(*(count.scalar_subquery() for count in counts.values()))
        row = await self._database.read(lambda connection: connection.execute(query).one())
        return dict(zip(counts, row, strict=True))

    async def gone_apps(self, connection_id: str, sweeps: Sweeps) -> tuple[App, ...]:
        query = select(apps).where(is_gone(DirectoryKind.APP, connection_id, sweeps))
        return await self._database.read(
            lambda connection: tuple(map(app_of, connection.execute(query)))
        )

    async def managed_apps(
        self, app_ids: Collection[str]
    ) -> Mapping[str, tuple[App, tuple[Entitlement, ...]]]:
        return await self._database.read(
            lambda connection: read_managed_apps(connection, app_ids), at_once=True
        )

    def roles_followed(
        self, app_ids: Collection[str], managed_count: int, created: Collection[Entitlement]
    ) -> tuple[Write, ...]:
        return followed_writes(app_ids, managed_count, created)

    async def renamed_groups(self, connection_id: str, sweeps: Sweeps) -> RenamedGroups:
        return await self._database.read(
            lambda connection: read_renamed(connection, connection_id, sweeps), at_once=True
        )

    def entitlements_followed(
        self,
        changes: Collection[EntitlementChange],
        renamed: RenamedGroups,
        connection_id: str,
        sweeps: Sweeps,
    ) -> tuple[Write, ...]:
        return change_writes(changes, renamed, connection_id, sweeps)

    async def moved_roles(self, connection_id: str, sweeps: Sweeps) -> tuple[RolesMoved, ...]:
        gone_app, gone_group, gone_assignment = (
            is_gone(kind, connection_id, sweeps)
            for kind in (DirectoryKind.APP, DirectoryKind.GROUP, DirectoryKind.APP_ROLE_ASSIGNMENT)
        )
        waiting = counts(DirectoryKind.APP_ROLE_ASSIGNMENT, connection_id, sweeps)
        return await self._database.read(
            lambda connection: read_moved_roles(
                connection, gone_app, gone_group, gone_assignment, waiting
            ),
            at_once=True,
        )

    async def gone_entitlements(
        self, connection_id: str, sweeps: Sweeps
    ) -> tuple[GoneEntitlement, ...]:
        gone_app, gone_group = (
            is_gone(kind, connection_id, sweeps)
            for kind in (DirectoryKind.APP, DirectoryKind.GROUP)
        )
        return await self._database.read(
            lambda connection: read_gone_entitlements(connection, gone_app, gone_group),
            at_once=True,
        )

    def entitlements_gone(self, gone: Collection[GoneEntitlement]) -> tuple[Write, ...]:
        return gone_writes(gone)

    async def gone_users(self, connection_id: str, sweeps: Sweeps) -> tuple[User, ...]:
        query = select(directory_users).where(is_gone(DirectoryKind.USER, connection_id, sweeps))
        return await self._database.read(
            lambda connection: tuple(map(user_of, connection.execute(query)))
        )

    async def new_apps(self, connection_id: str, sweeps: Sweeps) -> tuple[ServicePrincipal, ...]:
        return await self._database.read(
            lambda connection: read_new_apps(connection, connection_id, sweeps)
        )

    async def managed_told(
        self, connection_id: str, sweeps: Sweeps
    ) -> tuple[ServicePrincipal, ...]:
        return await self._database.read(
            lambda connection: read_managed_told(connection, connection_id, sweeps)
        )

    async def newly_disabled(self, connection_id: str, sweeps: Sweeps) -> tuple[User, ...]:
        return await self._database.read(
            lambda connection: read_newly_disabled(connection, connection_id, sweeps)
        )

    def paged(
        self, before: Sync | None, after: Sync, page: DirectoryPage, now: datetime
    ) -> tuple[Write, ...]:
        return (
            _progressed(before, after),
            *page_writes(after.connection_id, after.round, page, now),
        )

    def completed(
        self,
        before: Sync | None,
        after: Sync,
        sweeps: Sweeps,
        gone: Mapping[DirectoryKind, int],
        gone_apps: Collection[App],
        now: datetime,
    ) -> tuple[Write, ...]:
        connection_id = after.connection_id
        return (
            _progressed(before, after),
            *drop_writes(connection_id, sweeps, is_gone(DirectoryKind.APP, connection_id, sweeps)),
            *removal_writes(connection_id, sweeps, gone, gone_apps, now),
            *serve_writes(connection_id),
            Guarded(settled_leases_forgotten()),
        )


def _scope(connection_id: str, page: PageRequest) -> Select[Any]:
    """A page of the apps that no page said are gone, also of those that wait.

    What was read of an app is noted where it is served, if it is.
    """
    there = and_(apps.c.connection_id == connection_id, ~apps.c.doomed, ~apps.c.removed)
    known = exists().where(apps.c.app_id == staged_apps.c.app_id, there)
    parts = (
        _in_scope(apps, there, page),
        _in_scope(staged_apps, and_(staged_apps.c.connection_id == connection_id, ~known), page),
    )
    found = union_all(*map(select, parts)).subquery()
    return paged(select(found), (found.c.entra_service_principal_id, found.c.app_id), page)


def _in_scope(table: Table, which: ColumnElement[bool], page: PageRequest) -> Subquery:
    columns = ("entra_service_principal_id", "app_id", "assignments_digest", "owners_known")
    key = (table.c.entra_service_principal_id, table.c.app_id)
    query = select(*(table.c[name] for name in columns)).where(which)
    return paged(query, key, page).subquery()


def _count(table: Table, which: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).select_from(table).where(which)


def _progressed(before: Sync | None, after: Sync) -> Guarded:
    """Keeps how far a sync is. The guard lets only one page of a connection in at a time."""
    values = {
        "sync_id": after.sync_id,
        "entra_tenant_id": after.entra_tenant_id,
        "last_page_number": after.last_page_number,
        "checkpoint": after.checkpoint,
        "completed": after.completed,
        "seen_count": after.seen_count,
        "removed_count": after.removed_count,
        "round": after.round,
        "run": after.run,
        "groups_only": after.groups_only,
        "begin_time": after.begin_time,
        "as_of_time": after.as_of_time,
        "complete_time": after.complete_time,
        "version": after.version,
    }
    if before is None:
        return Guarded(insert(syncs).values(connection_id=after.connection_id, **values))
    return Guarded(
        update(syncs)
        .where(syncs.c.connection_id == after.connection_id, syncs.c.version == before.version)
        .values(**values),
        expects=1,
    )


def _sync_of(row: Row[Any]) -> Sync:
    return Sync(
        sync_id=row.sync_id,
        connection_id=row.connection_id,
        entra_tenant_id=row.entra_tenant_id,
        last_page_number=row.last_page_number,
        checkpoint=row.checkpoint,
        completed=row.completed,
        seen_count=row.seen_count,
        removed_count=row.removed_count,
        round=row.round,
        run=row.run,
        groups_only=row.groups_only,
        begin_time=row.begin_time,
        as_of_time=row.as_of_time,
        complete_time=row.complete_time,
        version=row.version,
    )
