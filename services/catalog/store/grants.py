"""Who holds what, in the database.

What is held comes from three places: memberships, people's own assignments, and those of groups
whose members they are. Each is narrowed by an index before it is joined with anything, and begins
where the page begins.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)

from libs.db.engine import Database
from libs.db.types import UtcTime
from libs.domain.paging import Page, PageRequest
from services.catalog.domain.directory import PrincipalKind
from services.catalog.domain.grant import Grant, Which
from services.catalog.domain.target import (
    NO_ROLE,
    NO_ROLE_NAME,
    app_role_name,
    membership_name,
)
from services.catalog.store.tables import (
    apps,
    bindings,
    directory_assignments,
    directory_groups,
    directory_memberships,
    directory_users,
    entitlement_targets,
    entitlements,
    past_grants,
    uses,
)
from services.catalog.store.text import paged

_KEY_PARTS = 4
_NONE = literal("")


class StoredGrants:
    """Who holds what, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, which: Which, page: PageRequest) -> Page[Grant]:
        query = _grants(which, page)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = page.page(
            rows, key=lambda row: (row.den, row.user_id, row.entitlement_id, row.group_id)
        )
        return Page(tuple(map(_grant_of, found.items)), found.next_page_token)

    async def wanted(self, entitlement_id: str) -> Mapping[str, str]:
        query = select(entitlements.c.fulfilment).where(
            entitlements.c.entitlement_id == entitlement_id
        )
        fulfilment = await self._database.read(
            lambda connection: connection.execute(query).scalar_one_or_none() or ()
        )
        return {each["directory_entitlement_id"]: each["display_name"] for each in fulfilment}

    async def name(self, directory_entitlement_id: str) -> str:
        group = select(directory_groups.c.display_name).where(
            directory_groups.c.directory_entitlement_id == directory_entitlement_id
        )
        role = (
            select(
                directory_assignments.c.entra_app_role_id,
                apps.c.app_roles,
                apps.c.display_name,
            )
            .join(apps, apps.c.app_id == directory_assignments.c.app_id)
            .where(directory_assignments.c.directory_entitlement_id == directory_entitlement_id)
            .limit(1)
        )

        def read(connection: Any) -> str:
            if (name := connection.execute(group).scalar_one_or_none()) is not None:
                return membership_name(name)
            row = connection.execute(role).one_or_none()
            return "" if row is None else _role_name(*row)

        return await self._database.read(read)


def _grants(which: Which, page: PageRequest) -> Select[Any]:
    held = (_then(which, which.at_time, page) if which.at_time else _now(which, page)).subquery()
    part, people = entitlement_targets, directory_users
    own, through = directory_groups.alias("own"), directory_groups.alias("through")
    entitlement_id = func.coalesce(part.c.entitlement_id, "")
    if which.at_time is None:
        lease: ColumnElement[Any] = (
            select(func.min(uses.c.lease_id))
            .where(
                uses.c.user_id == held.c.user_id,
                uses.c.entitlement_id == part.c.entitlement_id,
                uses.c.lease_id != "",
            )
            .correlate(held, part)
            .scalar_subquery()
        )
    else:
        # Leases that are over are not kept: of the past nobody can tell.
        lease = null()
    unmanaged = and_(
        literal(which.at_time is None),
        held.c.group_id == "",
        part.c.entitlement_id.is_not(None),
        lease.is_(None),
    )
    query = (
        select(
            held,
            entitlement_id.label("entitlement_id"),
            func.coalesce(part.c.app_id, held.c.of_app_id).label("app_id"),
            people.c.display_name.label("user_name"),
            own.c.display_name.label("own_name"),
            through.c.display_name.label("group_name"),
            apps.c.display_name.label("app_name"),
            apps.c.app_roles,
            entitlements.c.display_name.label("entitlement_name"),
            entitlements.c.fulfilment,
            bindings.c.binding_id,
            lease.label("lease_id"),
            unmanaged.label("unmanaged"),
        )
        .outerjoin_from(held, part, part.c.directory_entitlement_id == held.c.den)
        .outerjoin(entitlements, entitlements.c.entitlement_id == part.c.entitlement_id)
        .outerjoin(
            bindings,
            and_(
                bindings.c.entitlement_id == part.c.entitlement_id,
                bindings.c.directory_entitlement_id == held.c.den,
            ),
        )
        .outerjoin(people, people.c.user_id == held.c.user_id)
        .outerjoin(own, own.c.directory_entitlement_id == held.c.den)
        .outerjoin(through, through.c.group_id == held.c.group_id)
        .outerjoin(apps, apps.c.app_id == held.c.of_app_id)
    )
    if which.app_id:
        query = query.where(part.c.app_id == which.app_id)
    if which.entitlement_id:
        query = query.where(part.c.entitlement_id == which.entitlement_id)
    if which.unmanaged:
        query = query.where(unmanaged)
    return paged(query, (held.c.den, held.c.user_id, entitlement_id, held.c.group_id), page)


def _own(which: Which, page: PageRequest) -> tuple[Select[Any], Select[Any]]:
    """What is people's own: memberships, and assignments."""
    member, role = directory_memberships.c, directory_assignments.c
    memberships = _of(which, page, member.directory_entitlement_id, member.user_id).add_columns(
        _NONE.label("group_id"),
        _NONE.label("of_app_id"),
        _NONE.label("role_id"),
        member.since_time.label("since_time"),
        _no_time().label("end_time"),
    )
    assignments = (
        _of(which, page, role.directory_entitlement_id, role.principal_id)
        .add_columns(_NONE, role.app_id, role.entra_app_role_id, role.since_time, _no_time())
        .where(role.principal_kind == PrincipalKind.USER.value)
    )
    return memberships, assignments


def _now(which: Which, page: PageRequest) -> Select[Any]:
    """What is held: own memberships and assignments, and what comes through groups."""
    own = _own(which, page)
    if which.unmanaged:
        # What comes through a group is never called so.
        return select(union_all(*own).subquery())
    member, role = directory_memberships.c, directory_assignments.c
    through = (
        _of(which, page, role.directory_entitlement_id, member.user_id)
        .add_columns(
            role.principal_id,
            role.app_id,
            role.entra_app_role_id,
            member.since_time,
            _no_time(),
        )
        .join_from(
            directory_assignments, directory_memberships, member.group_id == role.principal_id
        )
        .where(role.principal_kind == PrincipalKind.GROUP.value)
    )
    # Of each only as many as a page can take: every row of these is one of the answer.
    few = (
        each.order_by(each.selected_columns.den, each.selected_columns.user_id)
        .limit(page.size + 2)
        .subquery()
        for each in own
    )
    return select(union_all(*map(select, few), through).subquery())


def _then(which: Which, at: datetime, page: PageRequest) -> Select[Any]:
    """What was people's own at a time: what is held since before, and what ended after."""
    memberships, assignments = _own(which, page)
    past = past_grants.c
    ended = (
        _of(which, page, past.directory_entitlement_id, past.principal_id)
        .add_columns(_NONE, _NONE, _NONE, past.since_time, past.end_time)
        .where(
            past.principal_kind == PrincipalKind.USER.value,
            past.end_time > at,
            _since(past.since_time, at),
        )
    )
    return select(
        union_all(
            memberships.where(_since(directory_memberships.c.since_time, at)),
            assignments.where(_since(directory_assignments.c.since_time, at)),
            ended,
        ).subquery()
    )


def _since(since: ColumnElement[Any], at: datetime) -> ColumnElement[bool]:
    return or_(since.is_(None), since <= at)


def _of(
    which: Which, page: PageRequest, den: ColumnElement[str], user_id: ColumnElement[str]
) -> Select[Any]:
    """What is asked for of one table, from where the page begins."""
    query = Select[Any](den.label("den"), user_id.label("user_id"))
    if which.user_id:
        query = query.where(user_id == which.user_id)
    if which.directory_entitlement_id:
        query = query.where(den == which.directory_entitlement_id)
    part = entitlement_targets.c
    if which.entitlement_id:
        query = query.where(
            den.in_(
                select(part.directory_entitlement_id).where(
                    part.entitlement_id == which.entitlement_id
                )
            )
        )
    elif which.app_id:
        query = query.where(
            den.in_(select(part.directory_entitlement_id).where(part.app_id == which.app_id))
        )
    if (after := page.after(_KEY_PARTS)) is not None:
        query = query.where(tuple_(den, user_id) >= tuple_(*map(literal, after[:2])))
    return query


def _no_time() -> ColumnElement[Any]:
    return literal(None, UtcTime())


def _role_name(role_id: str, roles: Any, app: str) -> str:
    names = {each["entra_app_role_id"]: each["display_name"] for each in roles}
    name = NO_ROLE_NAME if role_id == NO_ROLE else names.get(role_id, role_id)
    return app_role_name(name, app)


def _grant_of(row: Row[Any]) -> Grant:
    if row.own_name is not None:
        name = membership_name(row.own_name)
    elif row.role_id and row.app_name is not None:
        name = _role_name(row.role_id, row.app_roles, row.app_name)
    else:
        # What was held and is no more in the directory, as the entitlement knew it.
        known = {e["directory_entitlement_id"]: e["display_name"] for e in row.fulfilment or ()}
        name = known.get(row.den, "")
    return Grant(
        user_id=row.user_id,
        user_display_name=row.user_name or "",
        directory_entitlement_id=row.den,
        directory_display_name=name,
        group_id=row.group_id,
        group_display_name=row.group_name or "",
        app_id=row.app_id,
        entitlement_id=row.entitlement_id,
        entitlement_display_name=row.entitlement_name or "",
        binding_id=row.binding_id or "",
        lease_id=row.lease_id or "",
        unmanaged=bool(row.unmanaged),
        start_time=row.since_time,
        end_time=row.end_time,
    )
