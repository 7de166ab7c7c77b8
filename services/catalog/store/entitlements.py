"""Resource types, resources and entitlements."""

from collections.abc import Collection, Iterable

from sqlalchemy import delete, func, insert, select, update

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.entitlement import Entitlement, ResourceType
from services.catalog.store.rows import (
    entitlement_of,
    fulfilment_json,
    resource_type_of,
    select_entitlements,
)
from services.catalog.store.tables import (
    entitlement_targets,
    entitlements,
    owners,
    resource_types,
    resources,
)
from services.catalog.store.text import paged, search_name


class StoredEntitlements:
    """What managed apps offer, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, entitlement_id: str) -> Entitlement | None:
        query = select_entitlements().where(entitlements.c.entitlement_id == entitlement_id)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else entitlement_of(row)

    async def page(self, app_id: str, page: PageRequest) -> Page[Entitlement]:
        # New ids sort by their creation.
        query = paged(
            select_entitlements().where(entitlements.c.app_id == app_id),
            (entitlements.c.entitlement_id,),
            page,
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = page.page(rows, key=lambda row: (row.entitlement_id,))
        return Page(tuple(entitlement_of(row) for row in found.items), found.next_page_token)

    async def of_types(self, resource_type_ids: Collection[str]) -> tuple[Entitlement, ...]:
        query = (
            select_entitlements()
            .where(entitlements.c.resource_type_id.in_(resource_type_ids))
            .order_by(entitlements.c.entitlement_id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(entitlement_of(row) for row in rows)

    async def count_of_types(self, resource_type_ids: Collection[str]) -> int:
        query = (
            select(func.count())
            .select_from(entitlements)
            .where(entitlements.c.resource_type_id.in_(resource_type_ids))
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar_one())

    async def resource_types(self, app_id: str) -> tuple[ResourceType, ...]:
        query = (
            select(resource_types)
            .where(resource_types.c.app_id == app_id)
            .order_by(resource_types.c.resource_type_id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return tuple(resource_type_of(row) for row in rows)


def entitlement_writes(created: Iterable[Entitlement]) -> tuple[Write, ...]:
    """Keeps new entitlements with their resources."""
    created = list(created)
    return (
        Guarded(
            insert(resources),
            parameters=[
                {
                    "resource_id": each.resource_id,
                    "resource_type_id": each.resource_type_id,
                    "display_name": each.resource_display_name,
                    "name_key": each.resource_display_name.casefold(),
                }
                for each in created
            ],
        ),
        Guarded(
            insert(entitlements),
            parameters=[
                {
                    "entitlement_id": each.entitlement_id,
                    "app_id": each.app_id,
                    "resource_id": each.resource_id,
                    "resource_type_id": each.resource_type_id,
                    "resource_kind": each.resource_kind.value,
                    "display_name": each.display_name,
                    "search_name": search_name(each.display_name),
                    "description": each.description,
                    "fulfilment": fulfilment_json(each.fulfilment),
                    "entra_app_role_id": each.entra_app_role_id,
                    "role_gone": False,
                    "policy_id": "",
                    "emergency_policy_id": "",
                    "not_requestable": False,
                    "locked": False,
                    "create_time": each.create_time,
                    "version": each.version,
                }
                for each in created
            ],
        ),
        *target_writes(created),
    )


def fulfilment_writes(changed: Iterable[Entitlement]) -> tuple[Write, ...]:
    """Keeps what entitlements are fulfilled with after it has changed."""
    changed = list(changed)
    return (
        *(
            Guarded(
                update(entitlements)
                .where(
                    entitlements.c.entitlement_id == each.entitlement_id,
                    entitlements.c.version == each.version - 1,
                )
                .values(fulfilment=fulfilment_json(each.fulfilment), version=each.version),
                expects=1,
            )
            for each in changed
        ),
        *target_writes(changed),
    )


def removal_writes(removed: Iterable[Entitlement]) -> tuple[Write, ...]:
    """Removes entitlements, whose bindings are gone, with their resources and owners."""
    return tuple(
        write
        for each in removed
        for write in (
            Guarded(
                delete(entitlement_targets).where(
                    entitlement_targets.c.entitlement_id == each.entitlement_id
                )
            ),
            Guarded(delete(owners).where(owners.c.of_id == each.entitlement_id)),
            Guarded(
                delete(entitlements).where(
                    entitlements.c.entitlement_id == each.entitlement_id,
                    entitlements.c.version == each.version,
                ),
                expects=1,
            ),
            Guarded(delete(resources).where(resources.c.resource_id == each.resource_id)),
        )
    )


def target_writes(fulfilled: Iterable[Entitlement]) -> tuple[Write, ...]:
    """Keeps what entitlements are fulfilled with, in place of what was before."""
    fulfilled = list(fulfilled)
    return (
        Guarded(
            delete(entitlement_targets).where(
                entitlement_targets.c.entitlement_id.in_(
                    [each.entitlement_id for each in fulfilled]
                )
            )
        ),
        Guarded(
            insert(entitlement_targets),
            parameters=[
                {
                    "entitlement_id": each.entitlement_id,
                    "directory_entitlement_id": target.directory_entitlement_id,
                    "app_id": each.app_id,
                }
                for each in fulfilled
                for target in each.fulfilment
            ],
        ),
    )
