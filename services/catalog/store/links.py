"""The groups linked to apps, the choices made for them, and the bindings that followed."""

from collections.abc import Collection

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import ResourceKind
from services.catalog.domain.link import (
    FINAL,
    Binding,
    BindingState,
    LinkedGroup,
)
from services.catalog.domain.linking import Linking
from services.catalog.domain.unlink import Unlinking
from services.catalog.ports import LinkMaterial
from services.catalog.store.apps import touched
from services.catalog.store.entitlement_tables import bindings, entitlements, links, resource_types
from services.catalog.store.entitlements import (
    changed_writes,
    entitlement_writes,
    removal_writes,
)
from services.catalog.store.linked_groups import linked_groups_of, select_linked_groups
from services.catalog.store.rows import (
    app_of,
    entitlement_of,
    resource_type_of,
    select_entitlements,
)
from services.catalog.store.shown_entitlements import read_removed
from services.catalog.store.tables import apps, directory_groups
from services.catalog.store.text import paged, search_name
from services.catalog.store.upsert import upsert
from services.catalog.store.use_tables import unmanaged_access


class StoredLinks:
    """The linked groups in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, app_id: str, page: PageRequest) -> Page[LinkedGroup]:
        query = select_linked_groups(app_id)
        found = query.selected_columns
        # A choice moves none of them: what is chosen between two pages is told once.
        query = paged(query, (found.search_name, found.directory_entitlement_id), page)

        def read(connection: Connection) -> Page[LinkedGroup]:
            result = page.page(
                connection.execute(query).all(),
                key=lambda row: (row.search_name, row.directory_entitlement_id),
            )
            return Page(linked_groups_of(connection, result.items, app_id), result.next_page_token)

        return await self._database.read(read, at_once=True)

    async def bindings(self, app_id: str, page: PageRequest) -> Page[Binding]:
        query = paged(
            select(bindings, directory_groups.c.group_id)
            .outerjoin(
                directory_groups,
                directory_groups.c.directory_entitlement_id == bindings.c.directory_entitlement_id,
            )
            .where(bindings.c.app_id == app_id),
            (bindings.c.binding_id,),
            page,
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
                    BindingState.ENDED if row.group_id is None else BindingState.ACTIVE,
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
    ) -> LinkMaterial | None:
        app = select(apps).where(apps.c.app_id == app_id)
        types = select(resource_types).where(resource_types.c.app_id == app_id)
        groups = select_linked_groups(app_id)
        groups = groups.where(
            groups.selected_columns.directory_entitlement_id.in_(directory_entitlement_ids)
        )
        bound = select(bindings.c.entitlement_id).where(
            bindings.c.app_id == app_id,
            bindings.c.directory_entitlement_id.in_(directory_entitlement_ids),
        )
        named = select_entitlements().where(
            entitlements.c.app_id == app_id,
            or_(
                entitlements.c.entitlement_id.in_(entitlement_ids),
                entitlements.c.entitlement_id.in_(bound),
            ),
        )
        names = select(entitlements.c.display_name).where(
            entitlements.c.app_id == app_id,
            entitlements.c.resource_kind == ResourceKind.ROLE.value,
        )

        def read(connection: Connection) -> LinkMaterial | None:
            row = connection.execute(app).one_or_none()
            if row is None:
                return None
            found = connection.execute(named).all()
            return LinkMaterial(
                app_of(row),
                tuple(map(resource_type_of, connection.execute(types))),
                linked_groups_of(connection, connection.execute(groups).all(), app_id),
                tuple(map(entitlement_of, found)),
                tuple(connection.execute(names).scalars()),
                read_removed(connection, found),
            )

        return await self._database.read(read, at_once=True)

    def linked(self, before: App, linking: Linking) -> tuple[Write, ...]:
        return (
            touched(before, linking.app),
            *entitlement_writes(linking.roles),
            *changed_writes(linking.widened),
            # Under the names that they have: a sync that renames one sees what is linked to it.
            Guarded(
                update(directory_groups)
                .where(
                    directory_groups.c.group_id == bindparam("b_group_id"),
                    directory_groups.c.display_name == bindparam("b_name"),
                )
                .values(display_name=bindparam("b_name")),
                expects=1,
                parameters=[
                    {"b_group_id": each.group_id, "b_name": each.group_display_name}
                    for each in linking.links
                    if each.choice in FINAL
                ],
            ),
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
                        "entra_app_role_ids": list(each.chosen_role_ids),
                        "choice": each.choice.value,
                        "entitlement_id": each.entitlement_id,
                    }
                    for each in linking.links
                ],
            ),
        )

    def unlinked(self, before: App, unlinking: Unlinking) -> tuple[Write, ...]:
        unbound = [group for group in unlinking.before if group.choice in FINAL]
        return (
            touched(before, unlinking.app),
            Guarded(
                delete(bindings).where(
                    bindings.c.app_id == before.app_id,
                    bindings.c.directory_entitlement_id.in_(
                        [group.directory_entitlement_id for group in unbound]
                    ),
                ),
                expects=len(unbound),
            ),
            # What was found from outside is found as a part of an entitlement.
            *(
                Guarded(
                    delete(unmanaged_access).where(
                        unmanaged_access.c.entitlement_id == group.entitlement_id,
                        unmanaged_access.c.directory_entitlement_id
                        == group.directory_entitlement_id,
                    )
                )
                for group in unbound
            ),
            *changed_writes(unlinking.narrowed),
            *removal_writes(unlinking.removed),
            Guarded(
                delete(links).where(
                    links.c.app_id == before.app_id,
                    links.c.directory_entitlement_id.in_(
                        [group.directory_entitlement_id for group in unlinking.before]
                    ),
                ),
                expects=len(unlinking.before),
            ),
        )
