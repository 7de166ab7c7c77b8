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
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
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
    PrincipalKind,
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
from services.catalog.store.mirror import page_writes
from services.catalog.store.moved_roles import read_moved_roles
from services.catalog.store.rows import app_of, user_of
from services.catalog.store.staged import (
    Sweeps,
    counts,
    digests_forgotten,
    drop_writes,
    read_managed_told,
    read_new_apps,
    read_newly_disabled,
    serve_writes,
)
from services.catalog.store.staged_tables import staged_apps
from services.catalog.store.tables import (
    apps,
    directory_app_owners,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    past_grants,
    syncs,
)
from services.catalog.store.text import paged
from services.catalog.store.upsert import upsert
from services.catalog.store.uses import settled_leases_forgotten

# In the order of removal: which assignments are gone is asked of the apps.
_TABLES = {
    DirectoryKind.MEMBERSHIP: directory_memberships,
    DirectoryKind.APP_ROLE_ASSIGNMENT: directory_assignments,
    DirectoryKind.GROUP: directory_groups,
    DirectoryKind.USER: directory_users,
    DirectoryKind.APP: apps,
}


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
            kind: _count(table, _gone(kind, connection_id, sweeps))
            for kind, table in _TABLES.items()
        }
        return await self._counted(counts)

    async def totals(
        self, connection_id: str, kinds: Collection[DirectoryKind]
    ) -> Mapping[DirectoryKind, int]:
        counts = {kind: _count(_TABLES[kind], _there(kind, connection_id)) for kind in kinds}
        return await self._counted(counts)

    async def _counted(
        self, counts: Mapping[DirectoryKind, Select[int]]
    ) -> Mapping[DirectoryKind, int]:
        query = select(*(count.scalar_subquery() for count in counts.values()))
        row = await self._database.read(lambda connection: connection.execute(query).one())
        return dict(zip(counts, row, strict=True))

    async def gone_apps(self, connection_id: str, sweeps: Sweeps) -> tuple[App, ...]:
        query = select(apps).where(_gone(DirectoryKind.APP, connection_id, sweeps))
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
            _gone(kind, connection_id, sweeps)
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
            _gone(kind, connection_id, sweeps) for kind in (DirectoryKind.APP, DirectoryKind.GROUP)
        )
        return await self._database.read(
            lambda connection: read_gone_entitlements(connection, gone_app, gone_group),
            at_once=True,
        )

    def entitlements_gone(self, gone: Collection[GoneEntitlement]) -> tuple[Write, ...]:
        return gone_writes(gone)

    async def gone_users(self, connection_id: str, sweeps: Sweeps) -> tuple[User, ...]:
        query = select(directory_users).where(_gone(DirectoryKind.USER, connection_id, sweeps))
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
        which = _gone(DirectoryKind.APP, connection_id, sweeps)
        writes = [_progressed(before, after), *drop_writes(connection_id, sweeps, which)]
        if gone[DirectoryKind.APP_ROLE_ASSIGNMENT]:
            held = directory_assignments.c
            swept = _gone(DirectoryKind.APP_ROLE_ASSIGNMENT, connection_id, sweeps)
            writes += digests_forgotten(select(held.app_id).where(swept, ~held.doomed))
        writes += (
            _kept_as_past(kind, _gone(kind, connection_id, sweeps), gone[kind], now)
            for kind in (DirectoryKind.MEMBERSHIP, DirectoryKind.APP_ROLE_ASSIGNMENT)
            if gone[kind]
        )
        # The counts are guards: what is reported as removed is what is removed.
        writes += (
            Guarded(delete(table).where(_gone(kind, connection_id, sweeps)), gone[kind])
            for kind, table in _TABLES.items()
            if gone[kind] and kind is not DirectoryKind.APP
        )
        if gone_apps:
            unmanaged = sum(1 for app in gone_apps if app.manage_time is None)
            writes += (
                Guarded(
                    delete(directory_app_owners).where(
                        directory_app_owners.c.app_id.in_(select(apps.c.app_id).where(which))
                    )
                ),
                Guarded(delete(apps).where(which, apps.c.manage_time.is_(None)), unmanaged),
                Guarded(
                    update(apps)
                    .where(which, apps.c.manage_time.is_not(None))
                    .values(
                        removed=True,
                        doomed=False,
                        assignments_digest="",
                        owners_known=False,
                        version=apps.c.version + 1,
                    ),
                    len(gone_apps) - unmanaged,
                ),
            )
        return (*writes, *serve_writes(connection_id), Guarded(settled_leases_forgotten()))


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


def _there(kind: DirectoryKind, connection_id: str) -> ColumnElement[bool]:
    """Which rows of a kind are the connection's."""
    there = _TABLES[kind].c.connection_id == connection_id
    return and_(there, ~apps.c.removed) if kind is DirectoryKind.APP else there


def _gone(kind: DirectoryKind, connection_id: str, sweeps: Sweeps) -> ColumnElement[bool]:
    """Which rows of a kind a page said are gone, or a sweep did not see."""
    table = _TABLES[kind]
    reasons: list[ColumnElement[bool]] = [table.c.doomed]
    if kind in sweeps:
        reasons.append(table.c.round < sweeps[kind])
    if kind is DirectoryKind.APP_ROLE_ASSIGNMENT and DirectoryKind.APP in sweeps:
        # Nobody reads the assignments of an app that is not there.
        unseen = select(apps.c.app_id).where(_gone(DirectoryKind.APP, connection_id, sweeps))
        reasons.append(table.c.app_id.in_(unseen))
    return and_(_there(kind, connection_id), or_(*reasons))


def _kept_as_past(
    kind: DirectoryKind, which: ColumnElement[bool], count: int, now: datetime
) -> Guarded:
    """Keeps what is about to be removed as grants of the past."""
    held = _TABLES[kind].c
    of_a_person = literal(PrincipalKind.USER.value, past_grants.c.principal_kind.type)
    columns: dict[str, ColumnElement[Any]] = {
        "directory_entitlement_id": held.directory_entitlement_id,
        "connection_id": held.connection_id,
        "since_time": held.since_time,
        "end_time": literal(now, past_grants.c.end_time.type),
    }
    if kind is DirectoryKind.MEMBERSHIP:
        columns |= {
            "principal_id": held.user_id,
            "principal_kind": of_a_person,
            "group_id": held.group_id,
            "app_id": literal(""),
            "entra_app_role_id": literal(""),
            "principal_display_name": _name(directory_users, held.user_id),
            "directory_display_name": _name(directory_groups, held.group_id),
        }
    else:
        principal = case(
            (
                held.principal_kind == PrincipalKind.USER.value,
                _name(directory_users, held.principal_id),
            ),
            else_=_name(directory_groups, held.principal_id),
        )
        columns |= {
            "principal_id": held.principal_id,
            "principal_kind": held.principal_kind,
            "group_id": literal(""),
            "app_id": held.app_id,
            "entra_app_role_id": held.entra_app_role_id,
            "principal_display_name": principal,
            "directory_display_name": _name(apps, held.app_id),
        }
    # What went twice at one moment, by a clock that stands or steps back, is kept once.
    statement = upsert(past_grants).from_select([*columns], select(*columns.values()).where(which))
    return Guarded(statement, count)


def _name(of: Table, key: ColumnElement[str]) -> ColumnElement[str]:
    """What a person, group or app is called when it goes; nothing where it was never known."""
    (own,) = of.primary_key.columns
    name = select(of.c.display_name).where(own == key).correlate_except(of).scalar_subquery()
    return func.coalesce(name, "")


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
