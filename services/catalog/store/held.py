"""What people hold, or held at a time, as rows of one shape.

It comes from three places: memberships, people's own assignments, and those of groups whose members
they are. Each is narrowed by an index before it is joined with anything, begins where the page
begins, and ends, as far as possible, where the page must.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    case,
    exists,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)

from libs.db.types import UtcTime
from libs.domain.paging import PageRequest
from services.catalog.domain.directory import PrincipalKind
from services.catalog.domain.grant import Which
from services.catalog.store.tables import (
    directory_assignments,
    directory_memberships,
    entitlement_targets,
    past_grants,
)
from services.catalog.store.uses import is_leased

KEY_PARTS = 4
_NONE = literal("")
_NEVER = literal(None, UtcTime())
# Sorts behind every id.
_BEHIND = "~"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Who holds, or held, what: by the names of the columns. What they are called, of the past."""

    den: ColumnElement[str]
    holder: ColumnElement[str]
    since: ColumnElement[Any]
    end: ColumnElement[Any] = _NEVER
    group_id: ColumnElement[str] = _NONE
    app_id: ColumnElement[str] = _NONE
    role_id: ColumnElement[str] = _NONE
    holder_name: ColumnElement[str] = _NONE
    held_name: ColumnElement[str] = _NONE
    where: tuple[ColumnElement[bool], ...] = ()


def _members(at: datetime | None) -> Iterator[_Rows]:
    """Memberships. Those of the past that have no group went before anybody noted which it was."""
    table = directory_memberships.alias()
    yield _Rows(
        table.c.directory_entitlement_id,
        table.c.user_id,
        table.c.since_time,
        group_id=table.c.group_id,
        where=_since(table.c.since_time, at),
    )
    if at is not None:
        past = past_grants.alias()
        yield _past(
            past, at, past.c.principal_kind == PrincipalKind.USER.value, past.c.app_id == ""
        )


def _assigned(at: datetime | None, kind: PrincipalKind) -> Iterator[_Rows]:
    """Assignments of people or of groups."""
    table = directory_assignments.alias()
    yield _Rows(
        table.c.directory_entitlement_id,
        table.c.principal_id,
        table.c.since_time,
        app_id=table.c.app_id,
        role_id=table.c.entra_app_role_id,
        where=(table.c.principal_kind == kind.value, *_since(table.c.since_time, at)),
    )
    if at is not None:
        past = past_grants.alias()
        of_kind = past.c.principal_kind == kind.value
        # Of a group each is one; of a person those without an app are memberships, above.
        which = () if kind is PrincipalKind.GROUP else (past.c.app_id != "",)
        yield _past(past, at, of_kind, *which)


def _past(past: Any, at: datetime, *which: ColumnElement[bool]) -> _Rows:
    return _Rows(
        past.c.directory_entitlement_id,
        past.c.principal_id,
        past.c.since_time,
        past.c.end_time,
        past.c.group_id,
        past.c.app_id,
        past.c.entra_app_role_id,
        past.c.principal_display_name,
        past.c.directory_display_name,
        (past.c.end_time > at, *_since(past.c.since_time, at), *which),
    )


def _since(since: ColumnElement[Any], at: datetime | None) -> tuple[ColumnElement[bool], ...]:
    return () if at is None else (or_(since.is_(None), since <= at),)


def held(which: Which, page: PageRequest) -> Subquery:
    """All that is asked for, from where the page begins, with what a page has room for at least.

    Columns: `den`, `user_id`, the `group_id` through which it is held, the `of_app_id` and
    `role_id` of an assignment, `since_time`, `end_time`, and what of the past was called when it
    went: `past_holder`, `past_held`, `past_group`.
    """
    at = which.at_time
    own = [*_members(at), *_assigned(at, PrincipalKind.USER)]
    parts = [_few(_own(rows, which, page), page) for rows in own]
    if not which.unmanaged:  # what comes through a group is never called so
        parts += (
            _through(group, member, which, page)
            for group in _assigned(at, PrincipalKind.GROUP)
            for member in _members(at)
        )
    return union_all(*parts).subquery()


def _few(rows: Select[Any], page: PageRequest) -> Select[Any]:
    """As many as a page can take: every row of these is one of the answer."""
    columns = rows.selected_columns
    return select(rows.order_by(columns.den, columns.user_id).limit(page.size + 2).subquery())


def _own(rows: _Rows, which: Which, page: PageRequest) -> Select[Any]:
    """What is people's own."""
    query = _of(which, page, rows.den, rows.holder).add_columns(
        _NONE.label("group_id"),
        rows.app_id.label("of_app_id"),
        rows.role_id.label("role_id"),
        rows.since.label("since_time"),
        rows.end.label("end_time"),
        rows.holder_name.label("past_holder"),
        rows.held_name.label("past_held"),
        _NONE.label("past_group"),
    )
    if which.unmanaged:
        part = entitlement_targets.alias()
        query = query.where(
            exists().where(part.c.directory_entitlement_id == rows.den),
            ~is_leased(rows.den, rows.holder),
        )
    return query.where(*rows.where)


def _through(group: _Rows, member: _Rows, which: Which, page: PageRequest) -> Select[Any]:
    """What is held by being in a group that is assigned: for as long as both are so."""
    began, ended = (group.since, member.since), (group.end, member.end)
    query = (
        _of(which, page, group.den, member.holder)
        .add_columns(
            group.holder.label("group_id"),
            group.app_id.label("of_app_id"),
            group.role_id.label("role_id"),
            _either(began[0] > began[1], *began).label("since_time"),
            _either(ended[0] < ended[1], *ended).label("end_time"),
            member.holder_name.label("past_holder"),
            group.held_name.label("past_held"),
            group.holder_name.label("past_group"),
        )
        .where(member.group_id == group.holder, *group.where, *member.where)
    )
    if which.user_id or which.at_time is not None:
        return query
    # Of each group only as many as a page can take: a range of it, whose end is looked up.
    first: ColumnElement[str] = _NONE
    if (after := page.after(KEY_PARTS)) is not None:
        first = case((group.den > after[0], ""), else_=after[1])
    others = directory_memberships.alias()
    last = (
        select(others.c.user_id)
        .where(others.c.group_id == group.holder, others.c.user_id >= first)
        .order_by(others.c.user_id)
        .offset(page.size + 1)
        .limit(1)
        .correlate_except(others)
        .scalar_subquery()
    )
    return query.where(
        member.holder >= first, member.holder <= case((last.is_(None), _BEHIND), else_=last)
    )


def _either(
    first_counts: ColumnElement[bool], first: ColumnElement[Any], second: ColumnElement[Any]
) -> ColumnElement[Any]:
    """The one of two times that counts; the other one, where one is none."""
    return case(
        (second.is_(None), first), (first.is_(None), second), (first_counts, first), else_=second
    )


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
    parts = select(part.directory_entitlement_id)
    if which.entitlement_id:
        query = query.where(den.in_(parts.where(part.entitlement_id == which.entitlement_id)))
    elif which.app_id:
        query = query.where(den.in_(parts.where(part.app_id == which.app_id)))
    if (after := page.after(KEY_PARTS)) is not None:
        query = query.where(tuple_(den, user_id) >= tuple_(*map(literal, after[:2])))
    return query
