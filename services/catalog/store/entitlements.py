"""Resource types, resources and entitlements."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import (
    Connection,
    bindparam,
    case,
    delete,
    insert,
    literal,
    select,
    update,
)

from libs.db.engine import Database
from libs.db.guarded import Guarded
from libs.domain.changes import Write
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.app import App
from services.catalog.domain.entitlement import Entitlement, ResourceKind, ResourceType
from services.catalog.domain.shown_entitlement import ShownEntitlement
from services.catalog.store.entitlement_tables import (
    entitlement_targets,
    entitlements,
    resource_types,
    resources,
)
from services.catalog.store.owners import (
    no_owner_writes,
    owner_writes,
    read_owned,
)
from services.catalog.store.rows import (
    fulfilment_json,
    override_columns,
    resource_type_of,
)
from services.catalog.store.shown_entitlements import groups_among, select_shown, shown_of
from services.catalog.store.tables import apps
from services.catalog.store.text import paged, search_name


class StoredEntitlements:
    """What managed apps offer, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shown(self, entitlement_id: str) -> ShownEntitlement | None:
        query = select_shown().where(entitlements.c.entitlement_id == entitlement_id)

        def work(connection: Connection) -> ShownEntitlement | None:
            found = shown_of(connection, connection.execute(query).all())
            return found[0] if found else None

        return await self._database.read(work, at_once=True)

    async def page(
        self, app_id: str, resource_type_id: str, page: PageRequest
    ) -> Page[ShownEntitlement]:
        query = select_shown().where(entitlements.c.app_id == app_id)
        if resource_type_id:
            query = query.where(entitlements.c.resource_type_id == resource_type_id)
        query = paged(query, (_AGE, entitlements.c.entitlement_id), page)

        def work(connection: Connection) -> Page[ShownEntitlement]:
            rows = connection.execute(query.add_columns(_AGE.label("age"))).all()
            found = page.page(rows, key=lambda row: (row.age, row.entitlement_id))
            return Page(shown_of(connection, found.items), found.next_page_token)

        return await self._database.read(work, at_once=True)

    async def existing(self, entitlement_ids: Collection[str]) -> frozenset[str]:
        table = entitlements.c.entitlement_id
        query = select(table).where(table.in_(entitlement_ids))
        return await self._database.read(
            lambda connection: frozenset(connection.execute(query).scalars())
        )

    async def owned_by(self, entitlement_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        if not entitlement_ids:
            return {}
        return await self._database.read(lambda connection: read_owned(connection, entitlement_ids))

    async def groups_there(self, entitlement_id: str) -> frozenset[str]:
        targets = entitlement_targets
        query = groups_among(
            select(targets.c.directory_entitlement_id).where(
                targets.c.entitlement_id == entitlement_id
            )
        )
        return await self._database.read(
            lambda connection: frozenset(connection.execute(query).scalars())
        )

    async def role_named(self, resource_type_id: str, display_name: str) -> str:
        query = (
            select(entitlements.c.entitlement_id)
            .join(resources, resources.c.resource_id == entitlements.c.resource_id)
            .where(
                resources.c.resource_type_id == resource_type_id,
                resources.c.name_key == display_name.casefold(),
            )
        )
        found = await self._database.read(lambda connection: connection.execute(query).scalar())
        return found or ""

    def updated(
        self, app: App, before: ShownEntitlement, after: ShownEntitlement
    ) -> tuple[Write, ...]:
        return (
            # The role that access gives was looked for among those of just this app.
            Guarded(
                update(apps)
                .where(apps.c.app_id == app.app_id, apps.c.version == app.version)
                .values(version=app.version),
                expects=1,
            ),
            *changed_writes([after.entitlement]),
            *owner_writes(
                before.entitlement.entitlement_id, before.owners.given, after.owners.given
            ),
        )

    async def of_types(self, resource_type_ids: Collection[str]) -> tuple[ShownEntitlement, ...]:
        query = (
            select_shown()
            .where(entitlements.c.resource_type_id.in_(resource_type_ids))
            .order_by(entitlements.c.entitlement_id)
        )
        return await self._database.read(
            lambda connection: shown_of(connection, connection.execute(query).all()), at_once=True
        )

    async def resource_types(self, app_id: str) -> tuple[ResourceType, ...]:
        query = select(resource_types).where(resource_types.c.app_id == app_id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        kinds = list(ResourceKind)
        return tuple(sorted(map(resource_type_of, rows), key=lambda each: kinds.index(each.kind)))


# "Credential", which there is one of, is the oldest; app roles have derived ids, which say nothing
# of their age.
_AGE = case(
    (entitlements.c.resource_kind == ResourceKind.CREDENTIAL.value, literal("0")),
    (entitlements.c.resource_kind == ResourceKind.APP_ROLE.value, literal("1")),
    else_=literal("2"),
)


def changed_writes(changed: Iterable[Entitlement]) -> tuple[Write, ...]:
    """Keeps entitlements that are one version further, with resources and what fulfils them."""
    changed = list(changed)
    if not changed:
        return ()
    rows = (
        write
        for each in changed
        for write in (
            Guarded(
                update(entitlements)
                .where(
                    entitlements.c.entitlement_id == each.entitlement_id,
                    entitlements.c.version == each.version - 1,
                )
                .values(
                    display_name=each.display_name,
                    search_name=search_name(each.display_name),
                    description=each.description,
                    fulfilment=fulfilment_json(each.fulfilment),
                    entra_app_role_id=each.entra_app_role_id,
                    role_gone=each.role_gone,
                    **override_columns(each.override),
                    version=each.version,
                ),
                expects=1,
            ),
            Guarded(
                update(resources)
                .where(resources.c.resource_id == each.resource_id)
                .values(display_name=each.resource_display_name, name_key=each.resource_key)
            ),
        )
    )
    return (*rows, *_target_writes(changed))


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
                    "name_key": each.resource_key,
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
                    "role_gone": each.role_gone,
                    **override_columns(each.override),
                    "create_time": each.create_time,
                    "version": each.version,
                }
                for each in created
            ],
        ),
        *_target_writes(created),
    )


def removal_writes(removed: Iterable[Entitlement]) -> tuple[Write, ...]:
    """Removes entitlements, whose bindings are gone, with their resources and owners."""
    removed = list(removed)
    if not removed:
        return ()
    ids = [each.entitlement_id for each in removed]
    targets, resource_ids = entitlement_targets.c, [each.resource_id for each in removed]
    return (
        Guarded(delete(entitlement_targets).where(targets.entitlement_id.in_(ids))),
        *no_owner_writes(ids),
        *gone_writes(removed),
        Guarded(delete(resources).where(resources.c.resource_id.in_(resource_ids))),
    )


def gone_writes(gone: Iterable[Entitlement]) -> tuple[Write, ...]:
    """Removes entitlements that nothing refers to, while they are as they were."""
    return (
        Guarded(
            delete(entitlements).where(
                entitlements.c.entitlement_id == bindparam("gone_id"),
                entitlements.c.version == bindparam("gone_version"),
            ),
            expects=1,
            parameters=[
                {"gone_id": each.entitlement_id, "gone_version": each.version} for each in gone
            ],
        ),
    )


def _target_writes(fulfilled: Iterable[Entitlement]) -> tuple[Write, ...]:
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
