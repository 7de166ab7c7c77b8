"""What a list of access requests holds: in parts, of which each goes by an index in its order.

One condition with an "or" in it would read all that is on either side of it, or the whole table.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, not_, select, union_all

from services.requests.domain.access_request import AccessRequestState
from services.requests.domain.states import EmergencyReview
from services.requests.store.inbox import DECIDE, REVIEW
from services.requests.store.tables import access_requests as table
from services.requests.store.tables import inbox

# SQLite takes 500 in one statement.
_MOST_PARTS = 100
Conditions = list[ColumnElement[bool]]


def parts_of(
    *,
    user_id: str | None,
    state: AccessRequestState | None,
    app_id: str,
    inbox_of: Sequence[str] = (),
    review_open: bool = False,
) -> list[Select[Any]]:
    """The parts of a list, of the ids. One of them may hold what another does."""
    more: Conditions = []
    if state is not None:
        more.append(table.c.state == state.value)
    if app_id:
        more.append(table.c.app_id == app_id)
    if review_open:
        if user_id is not None:
            return [_in_inbox(user_id, REVIEW, more)]
        return [_all([*more, table.c.review == EmergencyReview.OPEN.value])]
    if inbox_of:
        first, *others = inbox_of
        return [
            _in_inbox(first, DECIDE, more),
            *(_in_inbox(each, DECIDE, more, instead=first) for each in others),
        ]
    if user_id is not None:
        return [
            _all([column == user_id, *more])
            for column in (table.c.requester_user_id, table.c.subject_user_id)
        ]
    if app_id and state is None:
        return [_all([*more, table.c.state == each.value]) for each in AccessRequestState]
    return [_all(more)]


def newest(parts: Sequence[Select[Any]], after: str | None, most: int) -> Iterator[Select[Any]]:
    """Statements for the newest ids of all parts, behind an id; each finds so many or more."""
    for start in range(0, len(parts), _MOST_PARTS):
        limited = []
        for part in parts[start : start + _MOST_PARTS]:
            (column,) = part.selected_columns
            query = part if after is None else part.where(column < after)
            limited.append(query.order_by(column.desc()).limit(most).subquery())
        yield select(union_all(*(select(each.c.access_request_id) for each in limited)).subquery())


def _all(conditions: Conditions) -> Select[Any]:
    return select(table.c.access_request_id).where(*conditions)


def _in_inbox(user_id: str, why: str, more: Conditions, instead: str = "") -> Select[Any]:
    """What is in somebody's inbox; with `instead` what that one may decide in their place."""
    conditions = [inbox.c.user_id == user_id, inbox.c.why == why]
    same = table.c.access_request_id == inbox.c.access_request_id
    if more:
        conditions.append(exists().where(same, *more))
    if instead:
        own = inbox.alias()
        there = (own.c.user_id == instead, own.c.access_request_id == inbox.c.access_request_id)
        conditions += (inbox.c.delegable.is_(True), not_(exists().where(*there)))
    return select(inbox.c.access_request_id).where(*conditions)
