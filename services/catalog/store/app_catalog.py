"""What people may ask for."""

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from libs.db.engine import Database
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app_catalog import CatalogApp, CatalogEntitlement
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.store.audience import read_held, requestable
from services.catalog.store.tables import (
    apps,
    directory_users,
    entitlement_rules,
    entitlements,
    resource_types,
    resources,
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
            offered = _offered(person, query)
            found = page.page(
                connection.execute(
                    paged(
                        select(apps).where(
                            apps.c.app_id.in_(offered.with_only_columns(apps.c.app_id))
                        ),
                        (apps.c.search_name, apps.c.app_id),
                        page,
                    )
                ).all(),
                key=lambda row: (row.search_name, row.app_id),
            )
            if not found.items:
                return Page((), "")
            rows = connection.execute(
                offered.where(apps.c.app_id.in_([row.app_id for row in found.items])).order_by(
                    # CREDENTIAL before ROLE: access comes first.
                    resource_types.c.kind,
                    entitlements.c.search_name,
                    entitlements.c.entitlement_id,
                )
            ).all()
            held = read_held(connection, user_id)
            of_app = defaultdict(list)
            for row in rows:
                of_app[row.app_id].append(_entitlement_of(row, held))
            return Page(
                tuple(
                    CatalogApp(
                        row.app_id, row.display_name, row.description, tuple(of_app[row.app_id])
                    )
                    for row in found.items
                ),
                found.next_page_token,
            )

        return await self._database.read(work)


def _offered(person: Row[Any], query: str) -> Select[Any]:
    """The entitlements that a person may ask for, matching by their own or their app's name."""
    statement = (
        select(
            entitlements.c.app_id,
            entitlements.c.entitlement_id,
            entitlements.c.display_name,
            entitlements.c.description,
            entitlements.c.fulfilment,
            resource_types.c.kind,
            entitlement_rules.c.max_duration,
        )
        .join(resources, resources.c.resource_id == entitlements.c.resource_id)
        .join(resource_types, resource_types.c.resource_type_id == resources.c.resource_type_id)
        .join(apps, apps.c.app_id == entitlements.c.app_id)
        .join(entitlement_rules, entitlement_rules.c.app_id == apps.c.app_id)
        .where(requestable(person.user_id, person.entra_tenant_id))
    )
    if query:
        statement = statement.where(
            or_(
                containing(apps.c.search_name, query),
                containing(entitlements.c.search_name, query),
            )
        )
    return statement


def _entitlement_of(row: Row[Any], held: frozenset[str]) -> CatalogEntitlement:
    return CatalogEntitlement(
        entitlement_id=row.entitlement_id,
        display_name=row.display_name,
        description=row.description,
        resource_kind=ResourceKind(row.kind),
        held=all(target["directory_entitlement_id"] in held for target in row.fulfilment),
        max_duration=row.max_duration,
    )
