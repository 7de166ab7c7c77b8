"""Who holds what, in the database."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    false,
    func,
    null,
    select,
    tuple_,
)

from libs.db.engine import Database
from libs.domain.paging import MAX_PAGE_SIZE, Page, PageRequest
from services.catalog.domain.grant import Grant, Which
from services.catalog.domain.target import (
    NO_ROLE,
    NO_ROLE_NAME,
    app_role_name,
    membership_name,
)
from services.catalog.domain.use import Use
from services.catalog.store.audience import groups_only
from services.catalog.store.entitlement_tables import bindings, entitlement_targets, entitlements
from services.catalog.store.held import AFTER, APP, ENTITLEMENT, Shape, asked, held
from services.catalog.store.rows import entitlement_of, select_entitlements
from services.catalog.store.tables import (
    apps,
    directory_assignments,
    directory_groups,
    directory_users,
)
from services.catalog.store.use_tables import unmanaged_access, uses
from services.catalog.store.uses import is_leased, read_uses


class StoredGrants:
    """Who holds what, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, which: Which, page: PageRequest) -> Page[Grant]:
        return await self._database.read(lambda connection: _page(connection, which, page))

    async def about_entitlement(
        self, user_id: str, entitlement_id: str
    ) -> tuple[Mapping[str, str], Sequence[Grant], Sequence[Use]] | None:
        query = select_entitlements().add_columns(groups_only().label("groups_only"))
        query = query.where(entitlements.c.entitlement_id == entitlement_id)

        def work(
            connection: Connection,
        ) -> tuple[Mapping[str, str], Sequence[Grant], Sequence[Use]] | None:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            entitlement = entitlement_of(row).provisioned(groups_only=row.groups_only)
            its = and_(uses.c.user_id == user_id, uses.c.entitlement_id == entitlement_id)
            return (
                {
                    target.directory_entitlement_id: target.display_name
                    for target in entitlement.fulfilment
                },
                _all(connection, Which(user_id=user_id, entitlement_id=entitlement_id)),
                read_uses(connection, its),
            )

        return await self._database.read(work, at_once=True)

    async def about_directory_entitlement(
        self, user_id: str, directory_entitlement_id: str, shown: frozenset[str] | None
    ) -> tuple[str, Sequence[Grant]]:
        which = Which(
            user_id=user_id, directory_entitlement_id=directory_entitlement_id, shown=shown
        )

        def work(connection: Connection) -> tuple[str, Sequence[Grant]]:
            return _name(connection, directory_entitlement_id), _all(connection, which)

        return await self._database.read(work, at_once=True)


def _page(connection: Connection, which: Which, page: PageRequest) -> Page[Grant]:
    shape, given = asked(which, page)
    found = page.page(
        connection.execute(_grants(shape), given).all(),
        key=lambda row: (row.den, row.user_id, row.entitlement_id, row.group_id),
    )
    return Page(tuple(map(_grant_of, found.items)), found.next_page_token)


def _all(connection: Connection, which: Which) -> Sequence[Grant]:
    """All of what one person holds of one thing."""
    grants: list[Grant] = []
    token = ""
    while True:
        page = _page(connection, which, PageRequest(size=MAX_PAGE_SIZE, token=token, scope=()))
        grants += page.items
        if not (token := page.next_page_token):
            return grants


def _name(connection: Connection, directory_entitlement_id: str) -> str:
    """What a directory entitlement is called; empty if nobody knows."""
    group = select(directory_groups.c.display_name).where(
        directory_groups.c.directory_entitlement_id == directory_entitlement_id
    )
    if (name := connection.execute(group).scalar_one_or_none()) is not None:
        return membership_name(name)
    role = (
        select(directory_assignments.c.entra_app_role_id, apps.c.app_roles, apps.c.display_name)
        .join(apps, apps.c.app_id == directory_assignments.c.app_id)
        .where(directory_assignments.c.directory_entitlement_id == directory_entitlement_id)
        .limit(1)
    )
    row = connection.execute(role).one_or_none()
    return "" if row is None else _role_name(*row)


@cache
def _grants(shape: Shape) -> Select[Any]:
    found = held(shape)
    part, people, noted = entitlement_targets, directory_users, unmanaged_access
    own, through = directory_groups.alias("own"), directory_groups.alias("through")
    entitlement_id = func.coalesce(part.c.entitlement_id, "")
    part_of = part.c.directory_entitlement_id == found.c.den
    if shape.shown:
        shown = bindparam("shown", expanding=True, type_=Text())
        part_of = and_(part_of, part.c.entitlement_id.in_(shown))
    if not shape.then:
        lease: ColumnElement[Any] = (
            select(func.min(uses.c.lease_id))
            .where(
                uses.c.user_id == found.c.user_id,
                uses.c.entitlement_id == part.c.entitlement_id,
                uses.c.lease_id != "",
            )
            .correlate(found, part)
            .scalar_subquery()
        )
        unmanaged = and_(
            found.c.group_id == "",
            part.c.entitlement_id.is_not(None),
            ~is_leased(found.c.den, found.c.user_id),
        )
    else:
        # Leases that are over are not kept: of the past nobody can tell.
        lease, unmanaged = null(), false()
    query = (
        select(
            found,
            entitlement_id.label("entitlement_id"),
            func.coalesce(part.c.app_id, found.c.of_app_id).label("app_id"),
            people.c.display_name.label("user_name"),
            people.c.entra_tenant_id.label("user_tenant"),
            people.c.entra_object_id.label("user_object"),
            own.c.display_name.label("own_name"),
            through.c.display_name.label("group_name"),
            apps.c.display_name.label("app_name"),
            apps.c.app_roles,
            entitlements.c.display_name.label("entitlement_name"),
            entitlements.c.fulfilment,
            bindings.c.binding_id,
            lease.label("lease_id"),
            unmanaged.label("unmanaged"),
            noted.c.first_seen_time,
        )
        .outerjoin_from(found, part, part_of)
        .outerjoin(entitlements, entitlements.c.entitlement_id == part.c.entitlement_id)
        .outerjoin(
            bindings,
            and_(
                bindings.c.entitlement_id == part.c.entitlement_id,
                bindings.c.directory_entitlement_id == found.c.den,
            ),
        )
        .outerjoin(
            noted,
            and_(
                noted.c.entitlement_id == part.c.entitlement_id,
                noted.c.directory_entitlement_id == found.c.den,
                noted.c.user_id == found.c.user_id,
            ),
        )
        .outerjoin(people, people.c.user_id == found.c.user_id)
        .outerjoin(own, own.c.directory_entitlement_id == found.c.den)
        .outerjoin(through, through.c.group_id == found.c.group_id)
        .outerjoin(apps, apps.c.app_id == found.c.of_app_id)
    )
    if shape.app:
        query = query.where(part.c.app_id == APP)
    if shape.entitlement:
        query = query.where(part.c.entitlement_id == ENTITLEMENT)
    if shape.unmanaged:
        query = query.where(unmanaged)
    key = (found.c.den, found.c.user_id, entitlement_id, found.c.group_id)
    if shape.after:
        query = query.where(tuple_(*key) > tuple_(*AFTER))
    return query.order_by(*key).limit(bindparam("behind_most", type_=Integer()))


def _role_name(role_id: str, roles: Any, app: str) -> str:
    names = {each["entra_app_role_id"]: each["display_name"] for each in roles}
    name = NO_ROLE_NAME if role_id == NO_ROLE else names.get(role_id, role_id)
    return app_role_name(name, app)


def _grant_of(row: Row[Any]) -> Grant:
    app_name = row.app_name or row.past_held
    if row.own_name is not None:
        name = membership_name(row.own_name)
    elif row.role_id and app_name:
        name = _role_name(row.role_id, row.app_roles or (), app_name)
    elif row.past_held:
        name = membership_name(row.past_held)
    else:
        # What went before names were kept, as the entitlement knew it.
        known = {e["directory_entitlement_id"]: e["display_name"] for e in row.fulfilment or ()}
        name = known.get(row.den, "")
    return Grant(
        user_id=row.user_id,
        user_display_name=row.user_name or row.past_holder,
        directory_entitlement_id=row.den,
        directory_display_name=name,
        group_id=row.group_id,
        group_display_name=row.group_name or row.past_group,
        app_id=row.app_id,
        entitlement_id=row.entitlement_id,
        entitlement_display_name=row.entitlement_name or "",
        binding_id=row.binding_id or "",
        lease_id=row.lease_id or "",
        unmanaged=bool(row.unmanaged),
        first_seen_time=row.first_seen_time if row.unmanaged else None,
        start_time=row.since_time,
        end_time=row.end_time,
        user_entra_tenant_id=row.user_tenant or "",
        user_entra_object_id=row.user_object or "",
    )
