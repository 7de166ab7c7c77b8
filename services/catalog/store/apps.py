"""The apps, and what managing one writes."""

from sqlalchemy import insert, select, update

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App, AppState, ManagedApp
from services.catalog.store.entitlements import entitlement_writes
from services.catalog.store.rows import app_of
from services.catalog.store.tables import apps, resource_types
from services.catalog.store.text import containing, paged


class StoredApps:
    """The apps in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, app_id: str) -> App | None:
        query = select(apps).where(apps.c.app_id == app_id)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else app_of(row)

    async def page(self, state: AppState | None, query: str, page: PageRequest) -> Page[App]:
        statement = paged(select(apps), (apps.c.search_name, apps.c.app_id), page)
        match state:
            case AppState.UNMANAGED:
                statement = statement.where(apps.c.manage_time.is_(None))
            case AppState.MANAGED:
                statement = statement.where(
                    apps.c.manage_time.is_not(None), apps.c.removed.is_(False)
                )
            case AppState.REMOVED:
                statement = statement.where(apps.c.removed.is_(True))
        if query:
            statement = statement.where(containing(apps.c.search_name, query))
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        found = page.page(rows, key=lambda row: (row.search_name, row.app_id))
        return Page(tuple(app_of(row) for row in found.items), found.next_page_token)

    def managed(self, before: App, managed: ManagedApp) -> tuple[Write, ...]:
        return (
            touched(before, managed.app),
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
            *entitlement_writes([managed.access]),
        )


def touched(before: App, after: App) -> Write:
    """Keeps a change of an app: whatever belongs to it changes together with its version."""
    return Guarded(
        update(apps)
        .where(apps.c.app_id == before.app_id, apps.c.version == before.version)
        .values(manage_time=after.manage_time, version=after.version),
        expects=1,
    )
