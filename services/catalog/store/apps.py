"""The apps, and what managing one writes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App, AppState, ManagedApp
from services.catalog.domain.shown_app import ShownApp
from services.catalog.domain.unmanage import Unmanaging
from services.catalog.ports import AppFilter
from services.catalog.store.audience import is_managed
from services.catalog.store.entitlement_tables import (
    bindings,
    entitlement_targets,
    links,
    resource_types,
    resources,
)
from services.catalog.store.entitlements import entitlement_writes, gone_writes
from services.catalog.store.owners import (
    no_owner_writes,
    owned_by_person,
    owner_writes,
    read_app_owners,
)
from services.catalog.store.rows import app_of
from services.catalog.store.rule_tables import (
    entitlement_rules,
    rule_access_profiles,
    rule_resource_types,
)
from services.catalog.store.tables import apps
from services.catalog.store.text import containing, read_wanted
from services.catalog.store.use_tables import unmanaged_access


class StoredApps:
    """The apps in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_all(self, app_ids: Collection[str]) -> Mapping[str, ShownApp]:
        query = select(apps).where(apps.c.app_id.in_(app_ids))
        found = await self._database.read(
            lambda connection: _shown(connection, connection.execute(query).all()), at_once=True
        )
        return {each.app.app_id: each for each in found}

    async def shown(self, app_id: str) -> ShownApp | None:
        def work(connection: Connection) -> ShownApp | None:
            query = select(apps).where(apps.c.app_id == app_id)
            row = connection.execute(query).one_or_none()
            return None if row is None else _shown(connection, [row])[0]

        return await self._database.read(work, at_once=True)

    async def find(self, app_id: str) -> App | None:
        query = select(apps).where(apps.c.app_id == app_id)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else app_of(row)

    async def page(self, wanted: AppFilter, page: PageRequest) -> Page[ShownApp]:
        query = select(apps)
        if wanted.owner_user_id:
            query = query.where(apps.c.app_id.in_(owned_by_person(wanted.owner_user_id)))
        if wanted.connection_id:
            query = query.where(apps.c.connection_id == wanted.connection_id)
        conditions: list[ColumnElement[bool]] = []
        match wanted.state:
            case AppState.UNMANAGED:
                conditions += [apps.c.manage_time.is_(None), apps.c.removed.is_(False)]
            case AppState.MANAGED:
                conditions.append(is_managed())
            case AppState.REMOVED:
                conditions.append(apps.c.removed.is_(True))
        if wanted.query:
            conditions.append(containing(apps.c.search_name, wanted.query))
        key = (apps.c.search_name, apps.c.app_id)

        def work(connection: Connection) -> Page[ShownApp]:
            found = read_wanted(connection, query, key, page, conditions)
            return Page(tuple(_shown(connection, found.items)), found.next_page_token)

        return await self._database.read(work, at_once=True)

    def updated(self, before: ShownApp, after: ShownApp) -> tuple[Write, ...]:
        app = after.app
        return (
            Guarded(
                update(apps)
                .where(apps.c.app_id == app.app_id, apps.c.version == before.app.version)
                .values(
                    own_description=app.own_description,
                    instructions=app.instructions,
                    policy_id=app.policy_id,
                    max_duration=app.max_duration,
                    unmanaged_access_action=app.unmanaged_access_action.value,
                    unmanaged_access_action_time=app.unmanaged_access_action_time,
                    version=app.version,
                ),
                expects=1,
            ),
            *owner_writes(app.app_id, before.owners.given, after.owners.given),
        )

    def unmanaged(self, unmanaging: Unmanaging) -> tuple[Write, ...]:
        app_id = unmanaging.app.app_id
        types = select(resource_types.c.resource_type_id).where(resource_types.c.app_id == app_id)
        # Each before what it refers to.
        gone = (
            delete(rule_resource_types).where(rule_resource_types.c.app_id == app_id),
            delete(rule_access_profiles).where(rule_access_profiles.c.app_id == app_id),
            delete(entitlement_rules).where(entitlement_rules.c.app_id == app_id),
            delete(bindings).where(bindings.c.app_id == app_id),
            delete(links).where(links.c.app_id == app_id),
            delete(unmanaged_access).where(unmanaged_access.c.app_id == app_id),
            delete(entitlement_targets).where(entitlement_targets.c.app_id == app_id),
        )
        then = (
            delete(resources).where(resources.c.resource_type_id.in_(types)),
            delete(resource_types).where(resource_types.c.app_id == app_id),
        )
        return (
            touched(unmanaging.before, unmanaging.app),
            *(Guarded(each) for each in gone),
            *no_owner_writes(unmanaging.removed_ids, app_id),
            *gone_writes(unmanaging.removed),
            *(Guarded(each) for each in then),
        )

    def managed(self, managed: ManagedApp) -> tuple[Write, ...]:
        return (
            touched(managed.before, managed.app),
            Guarded(
                insert(resource_types),
                parameters=[
                    {
                        "resource_type_id": each.resource_type_id,
                        "app_id": each.app_id,
                        "display_name": each.display_name,
                        "kind": each.kind.value,
                    }
                    for each in managed.resource_types
                ],
            ),
            *entitlement_writes([managed.access, *managed.app_roles]),
        )


def _shown(connection: Connection, rows: Sequence[Row[Any]]) -> list[ShownApp]:
    """Apps with their owners, in one statement more."""
    found = read_app_owners(connection, [row.app_id for row in rows]) if rows else {}
    return [ShownApp(app_of(row), found[row.app_id]) for row in rows]


def touched(before: App, after: App) -> Write:
    """Keeps a change of an app: whatever belongs to it changes together with its version."""
    return Guarded(
        update(apps)
        .where(apps.c.app_id == before.app_id, apps.c.version == before.version)
        .values(
            manage_time=after.manage_time,
            unmanage_time=after.unmanage_time,
            unmanaged_access_action=after.unmanaged_access_action.value,
            unmanaged_access_action_time=after.unmanaged_access_action_time,
            version=after.version,
        ),
        expects=1,
    )
