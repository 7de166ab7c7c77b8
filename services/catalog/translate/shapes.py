"""Shapes that several of the contract's files share."""

from enum import StrEnum
from typing import Protocol, TypeVar

from libs.domain.fields import Fields
from libs.domain.paging import PageRequest

E = TypeVar("E", bound=StrEnum)
MAX_QUERY = 200


class PageFields(Protocol):
    """A request for a page."""

    @property
    def page_size(self) -> int: ...
    @property
    def page_token(self) -> str: ...


def page_request(fields: Fields, request: PageFields, *scope: str) -> PageRequest:
    """The page that a request asks for, of the list that `scope` names with its filters."""
    return PageRequest(
        size=fields.page_size(request.page_size),
        token=fields.page_token(request.page_token),
        scope=scope,
    )


def query(fields: Fields, value: str) -> str:
    """Part of a name to search for, or nothing."""
    return fields.text("query", value, least=0, most=MAX_QUERY)


def enum_value(
    fields: Fields, field: str, number: int, kind: type[E], *, unspecified: E | None = None
) -> E | None:
    """The domain's value for a number of an enum of the contract, whose values it lists in order.

    `unspecified` stands for 0; without it 0 is none.
    """
    values = [value for value in kind if value is not unspecified]
    if number == 0:
        return unspecified
    if not 0 < number <= len(values):
        fields.wrong(field, f"must not be {number}, which is no value of it")
        return unspecified
    return values[number - 1]
