"""Names as they are searched and sorted, and pages of what is sorted so."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, tuple_

from libs.domain.paging import PageRequest

MAX_SEARCH_NAME = 256


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
