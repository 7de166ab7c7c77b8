"""What people may ask for."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, or_, select, true

from libs.db.engine import Database
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app_catalog import CatalogApp, CatalogEntitlement
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.store.audience import (
    governed,
    groups_only,
    open_to,
    provisionable,
    read_held,
)
from services.catalog.store.tables import (
    apps,
    directory_users,
    entitlement_rules,
    entitlements,
)
from services.catalog.store.text import containing, paged


class StoredAppCatalog:
    """The app catalog in the database: four statements a page, however much it holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def search(self, user_id: str, query: str, page: PageRequest) -> Page[CatalogApp] | None:
        page.after(2)  # a wrong token is the caller's fault, whoever they are

        def work(connection: Connection) -> Page[CatalogApp] | None:
            person = connection.execute(
                select(directory_users).where(directory_users.c.user_id == user_id)
            ).one_or_none()
            if person is None:
                return None
            if not person.account_enabled:
                return Page((), "")
            found = page.page(
                _apps(connection, person, query, page),
                key=lambda row: (row.search_name, row.app_id),
            )
            if not found.items:
                return Page((), "")
            offered = _entitlements(connection, found.items, query)
            held = read_held(connection, user_id)
            return Page(
                tuple(_app_of(row, offered[row.app_id], held) for row in found.items),
                found.next_page_token,
            )

        return await self._database.read(work)


def _apps(
    connection: Connection, person: Row[Any], query: str, page: PageRequest
) -> Sequence[Row[Any]]:
    """The apps of a page: those the person may ask something of that matches."""
    something = exists().where(
        entitlements.c.app_id == apps.c.app_id, governed(), provisionable(), _matching(query)
    )
    statement = (
        select(
            apps,
            entitlement_rules.c.max_duration.label("rules_max_duration"),
            groups_only().label("groups_only"),
        )
        .join(entitlement_rules, entitlement_rules.c.app_id == apps.c.app_id)
        .where(open_to(person.user_id, person.entra_tenant_id), something)
    )
    return connection.execute(paged(statement, (apps.c.search_name, apps.c.app_id), page)).all()


def _entitlements(
    connection: Connection, of: Sequence[Row[Any]], query: str
) -> dict[str, list[Row[Any]]]:
    """What matches of apps that are open to the person, by app."""
    statement = (
        select(entitlements)
        .join(apps, apps.c.app_id == entitlements.c.app_id)
        .where(entitlements.c.app_id.in_([row.app_id for row in of]))
        .where(governed(), provisionable(), _matching(query))
        .order_by(
            # Access comes first.
            entitlements.c.resource_kind != ResourceKind.CREDENTIAL.value,
            entitlements.c.search_name,
            entitlements.c.entitlement_id,
        )
    )
    found = defaultdict(list)
    for row in connection.execute(statement):
        found[row.app_id].append(row)
    return found


def _matching(query: str) -> ColumnElement[bool]:
    """Whether an entitlement matches by its own or its app's name."""
    if not query:
        return true()
    return or_(containing(apps.c.search_name, query), containing(entitlements.c.search_name, query))


def _app_of(app: Row[Any], offered: Sequence[Row[Any]], held: frozenset[str]) -> CatalogApp:
    return CatalogApp(
        app.app_id,
        app.display_name,
        app.own_description or app.description,
        tuple(
            CatalogEntitlement(
                entitlement_id=row.entitlement_id,
                display_name=row.display_name,
                description=row.description,
                resource_kind=ResourceKind(row.resource_kind),
                held=all(
                    target["directory_entitlement_id"] in held
                    for target in row.fulfilment
                    if "entra_group_id" in target or not app.groups_only
                ),
                max_duration=app.rules_max_duration,
            )
            for row in offered
        ),
    )
