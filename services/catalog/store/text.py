"""Names as they are searched and sorted, and pages of what is sorted so."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, literal, tuple_

from libs.domain.paging import Page, PageRequest

MAX_SEARCH_NAME = 256
# How many rows a page goes through for those that are wanted.
SCANNED_MOST = 5_000


def search_name(name: str) -> str:
    """A name folded so that case makes no difference, whatever the database's own idea of it."""
    return name.casefold()[:MAX_SEARCH_NAME]


def containing(column: ColumnElement[str], query: str) -> ColumnElement[bool]:
    """Whether a search name contains what somebody typed, taken literally."""
    return column.contains(query.casefold(), autoescape=True)


def paged(query: Select[Any], key: Sequence[ColumnElement[str]], page: PageRequest) -> Select[Any]:
    """The rows of one page and one more, in the order of the key, which must be unique."""
    after = page.after(len(key))
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*(literal(part) for part in after)))
    return query.order_by(*key).limit(page.size + 1)


def read_wanted(
    connection: Connection,
    query: Select[Any],
    key: Sequence[ColumnElement[str]],
    page: PageRequest,
    wanted: Sequence[ColumnElement[bool]],
    told: Callable[[Row[Any]], Sequence[str]] = tuple,
    wanted_of_few: Sequence[ColumnElement[bool]] | None = None,
) -> Page[Row[Any]]:
    """A page of the rows of `query` that are `wanted`, however few of them are.

    No index finds a part of a name, or two conditions at once in order. So `query` asks, of the
    table of the key, what an index with it answers; and its rows are gone through in their order,
    `SCANNED_MOST` at most: a page that finds few by then, or none, says where to go on.
    That may be at a row that is not wanted: `told` is what the page token says of its key.

    `wanted_of_few`: says the same as `wanted`, in a way that may read the rows about all rows of
    `query`, which is cheaper than to look for those of each. It is asked where there are no more
    rows than are gone through.
    """
    end = None
    if wanted:
        # A key, not a count: whatever comes or goes meanwhile, all up to there is gone through.
        walked = Select[Any](*key)
        if query.whereclause is not None:
            walked = walked.where(query.whereclause)
        bounds = paged(walked, key, page).limit(2).offset(SCANNED_MOST - 1)
        last = connection.execute(bounds).all()
        # Behind which there is one more.
        end = last[0] if len(last) > 1 else None
    if wanted_of_few is not None and end is None and not page.token:
        wanted = wanted_of_few
    statement = paged(query.where(*wanted), key, page)
    if end is not None:
        statement = statement.where(tuple_(*key) <= tuple_(*map(literal, end)))
    rows = connection.execute(statement).all()
    found = page.page(rows, key=lambda row: [row._mapping[column] for column in key])
    return found if end is None or found.next_page_token else page.cut(rows, told(end))
