"""What people hold, or held at a time, as rows of one shape.

It comes from three places: memberships, people's own assignments, and those of groups whose members
they are. Each is narrowed by an index before it is joined with anything, begins where the page
begins, and ends, as far as possible, where the page must.

What is asked for are parameters: making such a statement takes longer than running it, so that it
is made once for each `Shape` of a question.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Text,
    bindparam,
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
from services.catalog.store.entitlement_tables import entitlement_targets
from services.catalog.store.tables import directory_assignments, directory_memberships, past_grants
from services.catalog.store.uses import is_leased

_KEY_PARTS = 4
AFTER = [bindparam(f"after_{part}", type_=Text()) for part in range(_KEY_PARTS)]
_USER = bindparam("asked_user", type_=Text())
_DEN = bindparam("asked_den", type_=Text())
ENTITLEMENT = bindparam("asked_entitlement", type_=Text())
APP = bindparam("asked_app", type_=Text())
_AT = bindparam("asked_time", type_=UtcTime())
_MOST = bindparam("most", type_=Integer())
_BEHIND_MOST = bindparam("behind_most", type_=Integer())
_NONE = literal("")
_NEVER = literal(None, UtcTime())
# Behind every id of a person in each order of texts; a "~" is before them in some.
_BEHIND = "v"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which parts of a question are given."""

    user: bool
    app: bool
    entitlement: bool
    den: bool
    unmanaged: bool
    then: bool
    shown: bool
    after: bool


def asked(which: Which, page: PageRequest) -> tuple[Shape, Mapping[str, Any]]:
    """A question, as its shape and the parameters of a statement with `held`."""
    after = page.after(_KEY_PARTS)
    shape = Shape(
        user=bool(which.user_id),
        app=bool(which.app_id),
        entitlement=bool(which.entitlement_id),
        den=bool(which.directory_entitlement_id),
        unmanaged=which.unmanaged,
        then=which.at_time is not None,
        shown=which.shown is not None,
        after=after is not None,
    )
    given = {
        "asked_user": which.user_id,
        "asked_app": which.app_id,
        "asked_entitlement": which.entitlement_id,
        "asked_den": which.directory_entitlement_id,
        "asked_time": which.at_time,
        "shown": sorted(which.shown or ()),
        "most": page.size + 2,
        "behind_most": page.size + 1,
        **{each.key: part for each, part in zip(AFTER, after or ("",) * _KEY_PARTS, strict=True)},
    }
    return shape, given


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


def _members(then: bool) -> Iterator[_Rows]:
    """Memberships. Those of the past that have no group went before anybody noted which it was."""
    table = directory_memberships.alias()
    yield _Rows(
        table.c.directory_entitlement_id,
        table.c.user_id,
        table.c.since_time,
        group_id=table.c.group_id,
        where=_since(table.c.since_time, then),
    )
    if then:
        past = past_grants.alias()
        yield _past(past, past.c.principal_kind == PrincipalKind.USER.value, past.c.app_id == "")


def _assigned(then: bool, kind: PrincipalKind) -> Iterator[_Rows]:
    """Assignments of people or of groups."""
    table = directory_assignments.alias()
    yield _Rows(
        table.c.directory_entitlement_id,
        table.c.principal_id,
        table.c.since_time,
        app_id=table.c.app_id,
        role_id=table.c.entra_app_role_id,
        where=(table.c.principal_kind == kind.value, *_since(table.c.since_time, then)),
    )
    if then:
        past = past_grants.alias()
        of_kind = past.c.principal_kind == kind.value
        # Of a group each is one; of a person those without an app are memberships, above.
        which = () if kind is PrincipalKind.GROUP else (past.c.app_id != "",)
        yield _past(past, of_kind, *which)


def _past(past: Any, *which: ColumnElement[bool]) -> _Rows:
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
        (past.c.end_time > _AT, *_since(past.c.since_time, then=True), *which),
    )


def _since(since: ColumnElement[Any], then: bool) -> tuple[ColumnElement[bool], ...]:
    return (or_(since.is_(None), since <= _AT),) if then else ()


def held(shape: Shape) -> Subquery:
    """All that is asked for, from where the page begins, with what a page has room for at least.

    Columns: `den`, `user_id`, the `group_id` through which it is held, the `of_app_id` and
    `role_id` of an assignment, `since_time`, `end_time`, and what of the past was called when it
    went: `past_holder`, `past_held`, `past_group`.
    """
    then = shape.then
    own = [*_members(then), *_assigned(then, PrincipalKind.USER)]
    parts = [_few(_own(rows, shape)) for rows in own]
    if not shape.unmanaged:  # what comes through a group is never called so
        parts += (
            _through(group, member, shape)
            for group in _assigned(then, PrincipalKind.GROUP)
            for member in _members(then)
        )
    return union_all(*parts).subquery()


def _few(rows: Select[Any]) -> Select[Any]:
    """As many as a page can take: every row of these is one of the answer."""
    columns = rows.selected_columns
    return select(rows.order_by(columns.den, columns.user_id).limit(_MOST).subquery())


def _own(rows: _Rows, shape: Shape) -> Select[Any]:
    """What is people's own."""
    query = _of(shape, rows.den, rows.holder).add_columns(
        _NONE.label("group_id"),
        rows.app_id.label("of_app_id"),
        rows.role_id.label("role_id"),
        rows.since.label("since_time"),
        rows.end.label("end_time"),
        rows.holder_name.label("past_holder"),
        rows.held_name.label("past_held"),
        _NONE.label("past_group"),
    )
    if shape.unmanaged:
        part = entitlement_targets.alias()
        query = query.where(
            exists().where(part.c.directory_entitlement_id == rows.den),
            ~is_leased(rows.den, rows.holder),
        )
    return query.where(*rows.where)


def _through(group: _Rows, member: _Rows, shape: Shape) -> Select[Any]:
    """What is held by being in a group that is assigned: for as long as both are so."""
    began, ended = (group.since, member.since), (group.end, member.end)
    query = (
        _of(shape, group.den, member.holder)
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
    if shape.user or shape.then:
        return query
    # Of each group only as many as a page can take: a range of it, whose end is looked up.
    first: ColumnElement[str] = _NONE
    if shape.after:
        first = case((group.den > AFTER[0], ""), else_=AFTER[1])
    others = directory_memberships.alias()
    last = (
        select(others.c.user_id)
        .where(others.c.group_id == group.holder, others.c.user_id >= first)
        .order_by(others.c.user_id)
        .offset(_BEHIND_MOST)
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


def _of(shape: Shape, den: ColumnElement[str], user_id: ColumnElement[str]) -> Select[Any]:
    """What is asked for of one table, from where the page begins."""
    query = Select[Any](den.label("den"), user_id.label("user_id"))
    if shape.user:
        query = query.where(user_id == _USER)
    if shape.den:
        query = query.where(den == _DEN)
    part = entitlement_targets.c
    parts = select(part.directory_entitlement_id)
    if shape.entitlement:
        query = query.where(den.in_(parts.where(part.entitlement_id == ENTITLEMENT)))
    elif shape.app:
        query = query.where(den.in_(parts.where(part.app_id == APP)))
    if shape.after:
        query = query.where(tuple_(den, user_id) >= tuple_(*AFTER[:2]))
    return query
