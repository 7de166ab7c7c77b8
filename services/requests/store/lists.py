"""What a list of access requests holds: in parts, of which each goes by an index in its order.

One condition with an "or" in it would read all that is on either side of it, or the whole table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, not_, select, union_all

from services.requests.domain.access_request import AccessRequestState
from services.requests.domain.states import EmergencyReview
from services.requests.store.inbox import DECIDE, REVIEW
from services.requests.store.tables import access_requests as table
from services.requests.store.tables import inbox

# SQLite takes 500 in one statement.
_MOST_PARTS = 100
Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Which filters a list has; their values are the parameters of its statements: `user_id`,
    `state`, `app_id`, `after`, `most`, and `inbox_0`, … of so many as `inbox_of`."""

    user_id: bool
    state: bool
    app_id: bool
    after: bool
    inbox_of: int = 0
    review_open: bool = False


@lru_cache(maxsize=512)
def newest(shape: Shape) -> tuple[Select[Any], ...]:
    """Statements for the newest `most` ids of all parts, behind the id `after`; each finds so many
    or more. Made once for each shape: to make them costs more than to run them."""
    parts, found = _parts(shape), []
    for start in range(0, len(parts), _MOST_PARTS):
        limited = []
        for part in parts[start : start + _MOST_PARTS]:
            (column,) = part.selected_columns
            query = part.where(column < bindparam("after")) if shape.after else part
            limited.append(query.order_by(column.desc()).limit(bindparam("most")).subquery())
        every = union_all(*(select(each.c.access_request_id) for each in limited)).subquery()
        found.append(select(every))
    return tuple(found)


def parameters(
    *,
    user_id: str | None,
    state: AccessRequestState | None,
    app_id: str,
    after: str | None,
    most: int,
    inbox_of: Sequence[str],
    review_open: bool,
) -> tuple[Shape, dict[str, Any]]:
    """The shape of a list, and what its statements are run with."""
    values: dict[str, Any] = {f"inbox_{number}": each for number, each in enumerate(inbox_of)}
    values |= {"user_id": user_id, "app_id": app_id, "after": after, "most": most}
    values["state"] = None if state is None else state.value
    return (
        Shape(
            user_id=user_id is not None,
            state=state is not None,
            app_id=bool(app_id),
            after=after is not None,
            inbox_of=len(inbox_of),
            review_open=review_open,
        ),
        values,
    )


def _parts(shape: Shape) -> list[Select[Any]]:
    """The parts of a list, of the ids. One of them may hold what another does."""
    more: Conditions = []
    if shape.state:
        more.append(table.c.state == bindparam("state"))
    if shape.app_id:
        more.append(table.c.app_id == bindparam("app_id"))
    if shape.review_open:
        if shape.user_id:
            return [_in_inbox("user_id", REVIEW, more)]
        return [_all([*more, table.c.review == EmergencyReview.OPEN.value])]
    if shape.inbox_of:
        others = (f"inbox_{number}" for number in range(1, shape.inbox_of))
        return [
            _in_inbox("inbox_0", DECIDE, more),
            *(_in_inbox(each, DECIDE, more, instead="inbox_0") for each in others),
        ]
    if shape.user_id:
        return [
            _all([column == bindparam("user_id"), *more])
            for column in (table.c.requester_user_id, table.c.subject_user_id)
        ]
    if shape.app_id and not shape.state:
        return [_all([*more, table.c.state == each.value]) for each in AccessRequestState]
    return [_all(more)]


def _all(conditions: Conditions) -> Select[Any]:
    return select(table.c.access_request_id).where(*conditions)


def _in_inbox(user_id: str, why: str, more: Conditions, instead: str = "") -> Select[Any]:
    """What is in the inbox of the person of a parameter; with `instead` what that one may decide in
    their place."""
    conditions = [inbox.c.user_id == bindparam(user_id), inbox.c.why == why]
    same = table.c.access_request_id == inbox.c.access_request_id
    if more:
        conditions.append(exists().where(same, *more))
    if instead:
        own = inbox.alias()
        there = (
            own.c.user_id == bindparam(instead),
            own.c.access_request_id == inbox.c.access_request_id,
        )
        conditions += (inbox.c.delegable.is_(True), not_(exists().where(*there)))
    return select(inbox.c.access_request_id).where(*conditions)
