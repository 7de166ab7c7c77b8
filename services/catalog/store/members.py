"""Pages of the people in an access profile.

Where a profile lists few, these are read and sorted. Otherwise people are gone through in the order
of the list, and so many at most a page: one that holds few, or nobody, then says where to go on.
"""

from sqlalchemy import Connection, func, select, true

from libs.domain.paging import Page, PageRequest
from services.catalog.domain.access_profile import AccessProfile, Member
from services.catalog.ports import Expressions
from services.catalog.store.membership import is_listed, listed, read_reasons
from services.catalog.store.rows import user_of
from services.catalog.store.tables import directory_memberships, directory_users
from services.catalog.store.text import paged

_FEW = 2000
_CHUNK = 250
_SCANNED_MOST = 500


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
    may_be = is_listed(table.c.user_id, [profile.access_profile_id]) if lists_only else true()
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
