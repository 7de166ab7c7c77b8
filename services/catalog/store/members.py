"""Pages of the people in an access profile.

Where a profile lists few, these are read and sorted. Otherwise people are gone through in the order
of the list, and so many at most a page: one that holds few, or nobody, then says where to go on.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, func, literal, or_, select, true

from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import AccessProfile, Member
from services.catalog.domain.directory import User
from services.catalog.ports import Expressions
from services.catalog.store.membership import listed, read_reasons
from services.catalog.store.rows import user_of
from services.catalog.store.rule_tables import access_profile_groups, access_profile_members
from services.catalog.store.tables import directory_memberships, directory_users
from services.catalog.store.text import paged

_FEW = 2000
_CHUNK = 200
_SCANNED_MOST = 400
# How many people are gone through in one visit where all are.
_BATCH = 500


def read_members(
    connection: Connection, expressions: Expressions, profile: AccessProfile, page: PageRequest
) -> Page[Member]:
    """The enabled people in a profile, by name, each with why."""
    page.after(2)
    if not profile.everyone and not profile.expression and _few(connection, profile):
        return _sorted(connection, expressions, profile, page)
    found: list[Member] = []
    table, at, scanned = directory_users, page, 0
    # Where the database can tell who may be a member, nobody else is looked at here.
    lists_only = not profile.everyone and not profile.expression
    may_be = _is_listed(profile) if lists_only else true()
    walked = select(table, may_be.label("may_be"))
    key = ("", "")
    while scanned < _SCANNED_MOST:
        rows = connection.execute(
            paged(walked, (table.c.search_name, table.c.user_id), at).limit(_CHUNK)
        ).all()
        scanned += _CHUNK
        people = [user_of(row) for row in rows if row.may_be and row.account_enabled]
        members = {
            person.user_id: Member(person, why)
            for person, why in zip(
                people, read_reasons(connection, expressions, profile, people), strict=True
            )
            if why
        }
        for row in rows:
            if len(found) == page.size:
                return page.cut(found, key)
            key = (row.search_name, row.user_id)
            if row.user_id in members:
                found.append(members[row.user_id])
        if len(rows) < _CHUNK:
            return Page(tuple(found), "")
        at = PageRequest(page.size, page.cut((), key).next_page_token, page.scope)
    return page.cut(found, key)


def _is_listed(profile: AccessProfile) -> ColumnElement[bool]:
    """Whether a profile names a row of `directory_users`, or a group that they are in."""
    members, groups, users = access_profile_members.c, access_profile_groups.c, directory_users.c
    named = select(literal(1)).where(
        members.access_profile_id == profile.access_profile_id, members.user_id == users.user_id
    )
    in_a_group = select(literal(1)).where(
        groups.access_profile_id == profile.access_profile_id,
        groups.group_id == directory_memberships.c.group_id,
        directory_memberships.c.user_id == users.user_id,
    )
    # Asked person by person: of EXISTS PostgreSQL would read all members of the groups.
    return or_(
        *(
            each.limit(1).correlate(directory_users).scalar_subquery().is_not(None)
            for each in (named, in_a_group)
        )
    )


def _few(connection: Connection, profile: AccessProfile) -> bool:
    if not profile.group_ids:
        return True
    table = directory_memberships
    some = (
        select(table.c.user_id)
        .where(table.c.group_id.in_(profile.group_ids))
        # By its index, in whose order they come: without it PostgreSQL would go through the table
        # where it takes the groups for large.
        .order_by(table.c.group_id, table.c.user_id)
        .limit(_FEW + 1)
    )
    counted = select(func.count()).select_from(some.subquery())
    return connection.execute(counted).scalar_one() <= _FEW


def _sorted(
    connection: Connection, expressions: Expressions, profile: AccessProfile, page: PageRequest
) -> Page[Member]:
    table = directory_users
    # By what no index has: the planner would rather go through everybody by name than sort a few.
    name = func.coalesce(table.c.search_name, "")
    statement = paged(select(table), (name, table.c.user_id), page).where(
        table.c.user_id.in_(listed([profile.access_profile_id])),
        table.c.account_enabled.is_(True),
    )
    rows = connection.execute(statement).all()
    found = page.page(rows, key=lambda row: (row.search_name, row.user_id))
    people = [user_of(row) for row in found.items]
    reasons = read_reasons(connection, expressions, profile, people)
    return Page(tuple(map(Member, people, reasons)), found.next_page_token)


def read_behind(
    connection: Connection,
    expressions: Expressions,
    profiles: Sequence[AccessProfile],
    entra_tenant_id: str,
    after: str,
) -> tuple[list[User], str]:
    """The enabled people of a tenant in one of the profiles, among some of those behind an id.

    By id, with the id to go on behind; empty when there are no more.
    """
    table = directory_users
    rows = connection.execute(
        select(table).where(table.c.user_id > after).order_by(table.c.user_id).limit(_BATCH)
    ).all()
    left = [
        user_of(row)
        for row in rows
        if row.account_enabled and row.entra_tenant_id == entra_tenant_id
    ]
    members: list[User] = []
    for profile in profiles:
        reasons = read_reasons(connection, expressions, profile, left)
        members += (person for person, why in zip(left, reasons, strict=True) if why)
        left = [person for person, why in zip(left, reasons, strict=True) if not why]
    members.sort(key=lambda person: person.user_id)
    return members, rows[-1].user_id if len(rows) == _BATCH else ""


def read_among(
    connection: Connection,
    expressions: Expressions,
    profile: AccessProfile,
    entra_tenant_id: str,
    user_ids: Collection[str],
) -> list[User]:
    """Those of these people who are enabled, of a tenant and in a profile, by id."""
    table = directory_users
    query = (
        select(table)
        .where(
            table.c.user_id.in_(user_ids),
            table.c.entra_tenant_id == entra_tenant_id,
            table.c.account_enabled.is_(True),
        )
        .order_by(table.c.user_id)
    )
    people = [user_of(row) for row in connection.execute(query)]
    reasons = read_reasons(connection, expressions, profile, people)
    return [person for person, why in zip(people, reasons, strict=True) if why]
