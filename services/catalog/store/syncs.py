"""The mirror of the directory, as syncs write it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, case, delete, func, insert, or_, select
from sqlalchemy import update as update_rows

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from services.catalog.domain.directory import (
    Assignment,
    Group,
    Membership,
    ServicePrincipal,
    User,
)
from services.catalog.domain.sync import Sync
from services.catalog.ports import Unseen
from services.catalog.store.rows import app_digest, app_of, app_roles_json
from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    syncs,
)
from services.catalog.store.text import search_name
from services.catalog.store.upsert import upsert

# The order of `Unseen.counts`.
_COUNTED = (directory_memberships, directory_assignments, directory_groups, directory_users)

# A sync says what the directory tells of an app, never whether it is managed; an app that comes
# back has what it had.
_UPSERT_APPS = upsert(
    apps,
    keep=("create_time", "manage_time"),
    update=lambda came: {
        "removed": False,
        "version": case(
            (or_(apps.c.digest != came.digest, apps.c.removed.is_(True)), apps.c.version + 1),
            else_=apps.c.version,
        ),
    },
)
_UPSERTS: dict[type[object], Any] = {
    User: upsert(directory_users),
    Group: upsert(directory_groups),
    Membership: upsert(directory_memberships),
    ServicePrincipal: _UPSERT_APPS,
    Assignment: upsert(directory_assignments),
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

    async def known_apps(self, app_ids: Collection[str]) -> frozenset[str]:
        query = select(apps.c.app_id).where(apps.c.app_id.in_(app_ids))
        return await self._database.read(
            lambda connection: frozenset(connection.execute(query).scalars())
        )

    async def unseen(self, sync: Sync) -> Unseen:
        which = select(apps).where(_unseen(apps, sync), apps.c.removed.is_(False))
        counts = [
            select(func.count()).select_from(table).where(_unseen(table, sync))
            for table in _COUNTED
        ]
        return await self._database.read(
            lambda connection: Unseen(
                tuple(map(app_of, connection.execute(which))),
                tuple(connection.execute(count).scalar_one() for count in counts),
            )
        )

    def paged(
        self, before: Sync | None, after: Sync, page: Sequence[object], now: datetime
    ) -> tuple[Write, ...]:
        if not page:
            return (_progressed(before, after),)
        seen = {"connection_id": after.connection_id, "sync_id": after.sync_id}
        return (
            _progressed(before, after),
            Guarded(
                _UPSERTS[type(page[0])],
                parameters=[{**seen, **_values(thing, now)} for thing in page],
            ),
        )

    def completed(self, before: Sync | None, after: Sync, unseen: Unseen) -> tuple[Write, ...]:
        unmanaged = sum(1 for app in unseen.apps if app.manage_time is None)
        gone = _unseen(apps, after)
        return (
            _progressed(before, after),
            # The counts are guards: what is reported as removed is what is removed.
            *(
                Guarded(delete(table).where(_unseen(table, after)), expects=count)
                for table, count in zip(_COUNTED, unseen.counts, strict=True)
            ),
            Guarded(delete(apps).where(gone, apps.c.manage_time.is_(None)), expects=unmanaged),
            Guarded(
                update_rows(apps)
                .where(gone, apps.c.manage_time.is_not(None), apps.c.removed.is_(False))
                .values(removed=True, version=apps.c.version + 1),
                expects=len(unseen.apps) - unmanaged,
            ),
        )


def _unseen(table: Table, sync: Sync) -> ColumnElement[bool]:
    return and_(table.c.connection_id == sync.connection_id, table.c.sync_id != sync.sync_id)


def _progressed(before: Sync | None, after: Sync) -> Write:
    """Keeps how far a sync is. The guard lets only one page of a connection in at a time."""
    values = {
        "sync_id": after.sync_id,
        "entra_tenant_id": after.entra_tenant_id,
        "last_page_number": after.last_page_number,
        "checkpoint": after.checkpoint,
        "completed": after.completed,
        "seen_count": after.seen_count,
        "removed_count": after.removed_count,
        "version": after.version,
    }
    if before is None:
        return Guarded(insert(syncs).values(connection_id=after.connection_id, **values))
    return Guarded(
        update_rows(syncs)
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
        version=row.version,
    )


def _values(thing: object, now: datetime) -> dict[str, Any]:
    """The row of one thing of the directory, but for who saw it."""
    match thing:
        case User():
            return {
                "user_id": thing.user_id,
                "entra_tenant_id": thing.entra_tenant_id,
                "entra_object_id": thing.entra_object_id,
                "display_name": thing.display_name,
                "search_name": search_name(thing.display_name),
                "user_principal_name": thing.user_principal_name,
                "mail": thing.mail,
                "department": thing.department,
                "job_title": thing.job_title,
                "manager_user_id": thing.manager_user_id,
                "account_enabled": thing.account_enabled,
                "sync_time": now,
            }
        case Group():
            return {
                "group_id": thing.group_id,
                "directory_entitlement_id": thing.directory_entitlement_id,
                "entra_tenant_id": thing.entra_tenant_id,
                "entra_object_id": thing.entra_object_id,
                "display_name": thing.display_name,
                "search_name": search_name(thing.display_name),
                "description": thing.description,
                "unwritable_reason": thing.unwritable_reason.value,
            }
        case Membership():
            return {
                "group_id": thing.group_id,
                "user_id": thing.user_id,
                "directory_entitlement_id": thing.directory_entitlement_id,
            }
        case ServicePrincipal():
            return {
                "app_id": thing.app_id,
                "entra_tenant_id": thing.entra_tenant_id,
                "entra_service_principal_id": thing.entra_service_principal_id,
                "entra_app_id": thing.entra_app_id,
                "display_name": thing.display_name,
                "search_name": search_name(thing.display_name),
                "description": thing.description,
                "account_enabled": thing.account_enabled,
                "is_protected": thing.is_protected,
                "app_roles": app_roles_json(thing.app_roles),
                "digest": app_digest(thing),
                "create_time": now,
                "manage_time": None,
                "removed": False,
                "version": 1,
            }
        case Assignment():
            return {
                "app_id": thing.app_id,
                "principal_id": thing.principal_id,
                "entra_app_role_id": thing.entra_app_role_id,
                "principal_kind": thing.principal_kind.value,
                "directory_entitlement_id": thing.directory_entitlement_id,
            }
    raise TypeError(f"{type(thing).__name__} is no part of a page")
