"""The groups linked to apps, the choices made for them, and the bindings that followed."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, Select, case, func, insert, literal, select, union, update

from libs.db.committer import Guarded
from libs.db.engine import Database
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App
from services.catalog.domain.directory import PrincipalKind
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.link import (
    FINAL,
    Binding,
    LinkChoice,
    LinkedGroup,
    Linking,
    UnwritableReason,
)
from services.catalog.ports import LinkMaterial
from services.catalog.store.apps import touched
from services.catalog.store.entitlements import entitlement_writes, target_writes
from services.catalog.store.rows import (
    entitlement_of,
    fulfilment_json,
    resource_type_of,
    select_entitlements,
)
from services.catalog.store.tables import (
    bindings,
    directory_assignments,
    directory_groups,
    directory_memberships,
    entitlements,
    links,
    resource_types,
)
from services.catalog.store.text import paged, search_name
from services.catalog.store.upsert import upsert


def _linked_groups(app_id: str) -> Select[Any]:
    """The groups assigned to an app, and those that a final choice was made for."""
    assigned = (
        select(
            directory_assignments.c.principal_id.label("group_id"),
            # A group may be assigned in several roles; it is one group all the same.
            func.min(directory_assignments.c.entra_app_role_id).label("entra_app_role_id"),
        )
        .where(
            directory_assignments.c.app_id == app_id,
            directory_assignments.c.principal_kind == PrincipalKind.GROUP.value,
        )
        .group_by(directory_assignments.c.principal_id)
        .subquery("assigned")
    )
    chosen = links.alias("chosen")
    either = union(
        select(assigned.c.group_id),
        select(chosen.c.group_id).where(
            chosen.c.app_id == app_id, chosen.c.choice.in_([choice.value for choice in FINAL])
        ),
    ).subquery("either")
    groups = directory_groups
    members = (
        select(func.count())
        .select_from(directory_memberships)
        .where(directory_memberships.c.group_id == either.c.group_id)
        .scalar_subquery()
    )
    linked_id = func.coalesce(groups.c.directory_entitlement_id, links.c.directory_entitlement_id)
    found = (
        select(
            either.c.group_id,
            linked_id.label("directory_entitlement_id"),
            func.coalesce(groups.c.display_name, links.c.group_display_name).label("name"),
            func.coalesce(groups.c.search_name, links.c.search_name).label("search_name"),
            func.coalesce(groups.c.entra_object_id, links.c.entra_group_id).label("entra_group_id"),
            func.coalesce(assigned.c.entra_app_role_id, links.c.entra_app_role_id).label(
                "entra_app_role_id"
            ),
            groups.c.unwritable_reason,
            func.coalesce(links.c.choice, LinkChoice.PENDING.value).label("choice"),
            func.coalesce(links.c.entitlement_id, "").label("entitlement_id"),
            # Those without a choice come first.
            case((links.c.choice.is_(None), literal("0")), else_=literal("1")).label("chosen"),
            members.label("member_count"),
        )
        .select_from(either)
        .outerjoin(assigned, assigned.c.group_id == either.c.group_id)
        .outerjoin(groups, groups.c.group_id == either.c.group_id)
        .outerjoin(links, (links.c.group_id == either.c.group_id) & (links.c.app_id == app_id))
        # An assignment may name a group that is not in the directory: it has no name to show.
        .where(linked_id.is_not(None))
        .subquery("found")
    )
    return select(found)


def _linked_group_of(row: Row[Any], app_id: str) -> LinkedGroup:
    return LinkedGroup(
        directory_entitlement_id=row.directory_entitlement_id,
        app_id=app_id,
        group_id=row.group_id,
        group_display_name=row.name,
        entra_group_id=row.entra_group_id,
        entra_app_role_id=row.entra_app_role_id,
        member_count=row.member_count,
        unwritable_reason=UnwritableReason(row.unwritable_reason or UnwritableReason.WRITABLE),
        choice=LinkChoice(row.choice),
        entitlement_id=row.entitlement_id,
    )


class StoredLinks:
    """The linked groups in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, app_id: str, page: PageRequest) -> Page[LinkedGroup]:
        query = _linked_groups(app_id)
        found = query.selected_columns
        query = paged(
            query, (found.chosen, found.search_name, found.directory_entitlement_id), page
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        result = page.page(
            rows, key=lambda row: (row.chosen, row.search_name, row.directory_entitlement_id)
        )
        return Page(
            tuple(_linked_group_of(row, app_id) for row in result.items), result.next_page_token
        )

    async def bindings(self, app_id: str, page: PageRequest) -> Page[Binding]:
        query = paged(
            select(bindings).where(bindings.c.app_id == app_id), (bindings.c.binding_id,), page
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = page.page(rows, key=lambda row: (row.binding_id,))
        return Page(
            tuple(
                Binding(
                    row.binding_id,
                    row.app_id,
                    row.entitlement_id,
                    row.directory_entitlement_id,
                    row.directory_display_name,
                    row.create_time,
                )
                for row in found.items
            ),
            found.next_page_token,
        )

    async def material(
        self,
        app_id: str,
        directory_entitlement_ids: Collection[str],
        entitlement_ids: Collection[str],
    ) -> LinkMaterial:
        types = select(resource_types).where(resource_types.c.app_id == app_id)
        groups = _linked_groups(app_id)
        groups = groups.where(
            groups.selected_columns.directory_entitlement_id.in_(directory_entitlement_ids)
        )
        named = select_entitlements().where(
            entitlements.c.app_id == app_id, entitlements.c.entitlement_id.in_(entitlement_ids)
        )
        names = select(entitlements.c.display_name).where(
            entitlements.c.app_id == app_id,
            entitlements.c.resource_kind == ResourceKind.ROLE.value,
        )
        return await self._database.read(
            lambda connection: LinkMaterial(
                tuple(map(resource_type_of, connection.execute(types))),
                tuple(_linked_group_of(row, app_id) for row in connection.execute(groups)),
                tuple(map(entitlement_of, connection.execute(named))),
                tuple(connection.execute(names).scalars()),
            )
        )

    def linked(self, before: App, linking: Linking) -> tuple[Write, ...]:
        return (
            touched(before, linking.app),
            *entitlement_writes(linking.roles),
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
                for each in linking.widened
            ),
            *target_writes(linking.widened),
            Guarded(
                insert(bindings),
                parameters=[
                    {
                        "binding_id": each.binding_id,
                        "app_id": each.app_id,
                        "entitlement_id": each.entitlement_id,
                        "directory_entitlement_id": each.directory_entitlement_id,
                        "directory_display_name": each.directory_display_name,
                        "create_time": each.create_time,
                    }
                    for each in linking.bindings
                ],
            ),
            Guarded(
                upsert(links),
                parameters=[
                    {
                        "app_id": each.app_id,
                        "directory_entitlement_id": each.directory_entitlement_id,
                        "group_id": each.group_id,
                        "group_display_name": each.group_display_name,
                        "search_name": search_name(each.group_display_name),
                        "entra_group_id": each.entra_group_id,
                        "entra_app_role_id": each.entra_app_role_id,
                        "choice": each.choice.value,
                        "entitlement_id": each.entitlement_id,
                    }
                    for each in linking.links
                ],
            ),
        )
