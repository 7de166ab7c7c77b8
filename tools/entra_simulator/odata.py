"""Query options and paging of Graph's directory collections.

Source: Microsoft Learn, "Use query parameters" and "Paging Microsoft Graph data".
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal

_DEFAULT_PAGE = 100
_LARGEST_PAGE = 999
# With $expand a page holds no more than this, whatever $top asks for.
# Source: Microsoft Learn, known issues of $expand on directory objects.
_LARGEST_EXPANDED_PAGE = 100

LISTING = frozenset({"$select", "$filter", "$top", "$count", "$expand", "$skiptoken"})
# Those that a delta query takes, and those it refuses in words of its own.
DELTA = frozenset({"$select", "$filter", "$deltatoken", "$skiptoken"})
NOT_OF_DELTA = frozenset({"$expand", "$top", "$orderby", "$count", "$search", "$skip"})
_EXPANSION = re.compile(r"(?P<relation>\w+)(?:\(\$select=(?P<select>[\w,]+)\))?")


@dataclass(frozen=True)
class Expansion:
    """One related property asked for; `select` is None for the related objects' default ones."""

    relation: str
    select: tuple[str, ...] | None


@dataclass(frozen=True)
class QueryOptions:
    """The query options of one call, checked."""

    select: tuple[str, ...] | None = None
    filter: str | None = None
    top: int | None = None
    expand: Expansion | None = None
    skiptoken: str | None = None
    deltatoken: str | None = None
    # ConsistencyLevel: eventual together with $count=true: Microsoft's advanced queries.
    advanced: bool = False

    @property
    def page_size(self) -> int:
        size = self.top or _DEFAULT_PAGE
        return size if self.expand is None else min(size, _LARGEST_EXPANDED_PAGE)


def parse_options(
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    known: frozenset[str] = LISTING,
) -> QueryOptions:
    options = {name: value for name, value in query if name.startswith("$")}
    for name in sorted(options.keys() - known):
        if known is DELTA and name in NOT_OF_DELTA:
            raise GraphError(Refusal.NOT_OF_DELTA, option=name)
        raise GraphError(Refusal.NOT_SIMULATED, option=name)
    eventual = headers.get("consistencylevel", "").lower() == "eventual"
    advanced = eventual and options.get("$count", "").lower() == "true"
    if advanced and "$expand" in options:
        raise GraphError(Refusal.EXPAND_ADVANCED)
    return QueryOptions(
        select=_names(options["$select"]) if options.get("$select") else None,
        filter=options.get("$filter"),
        top=_top(options["$top"]) if "$top" in options else None,
        expand=_expansion(options["$expand"]) if "$expand" in options else None,
        skiptoken=options.get("$skiptoken"),
        deltatoken=options.get("$deltatoken"),
        advanced=advanced,
    )


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(","))


def _top(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= _LARGEST_PAGE):
        raise GraphError(Refusal.PAGE_SIZE, top=value)
    return int(value)


def _expansion(value: str) -> Expansion:
    matched = _EXPANSION.fullmatch(value)
    if matched is None:
        raise GraphError(Refusal.NOT_SIMULATED, option=f"$expand={value}")
    return Expansion(matched["relation"], _names(matched["select"]) if matched["select"] else None)


@dataclass(frozen=True)
class Page:
    items: Sequence[GraphObject]
    next_link: str | None
    # Of the whole collection, on the first page only.
    count: int | None


@dataclass(frozen=True)
class Listing:
    """A collection as pages are cut from it: sorted ids, and what each id stands for.

    `find` answers with nothing for an id that is not part of the collection after all.
    """

    ids: Sequence[str]
    find: Callable[[str], GraphObject | None]


def page_of(
    listing: Listing,
    options: QueryOptions,
    address: str,
    query: Sequence[tuple[str, str]],
    now: datetime,
    lifetime: float,
) -> Page:
    """The page that the options ask for, in the order of ids.

    The token names the last id given out, not a position, so that objects which come or go
    between two pages neither hide nor double others. It is good for `lifetime` seconds.
    """
    ids, size = listing.ids, options.page_size
    start = 0
    if options.skiptoken is not None:
        start = bisect_right(ids, _last_id(options.skiptoken, now, lifetime))
    items: list[GraphObject] = []
    for index in range(start, len(ids)):
        found = listing.find(ids[index])
        if found is not None:
            items.append(found)
            # One more than the page holds tells that there is another page.
            if len(items) > size:
                break
    count = None
    if options.advanced and options.skiptoken is None:
        count = sum(listing.find(id) is not None for id in ids)
    if len(items) <= size:
        return Page(items, None, count)
    del items[size:]
    token = _token(items[-1]["id"], now)
    kept = [(name, value) for name, value in query if name != "$skiptoken"]
    return Page(items, link(address, [*kept, ("$skiptoken", token)]), count)


def link(address: str, query: Iterable[tuple[str, str]]) -> str:
    pairs = (quote(name, safe="$") + "=" + quote(value, safe="$,()':/") for name, value in query)
    return f"{address}?{'&'.join(pairs)}"


def _token(last_id: str, now: datetime) -> str:
    document: dict[str, Any] = {"after": last_id, "issued": now.timestamp()}
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode("ascii")


def _last_id(token: str, now: datetime, lifetime: float) -> str:
    expired = GraphError(Refusal.PAGE_TOKEN_EXPIRED)
    try:
        document = json.loads(base64.urlsafe_b64decode(token))
        last_id, issued = str(document["after"]), float(document["issued"])
    except (ValueError, KeyError, TypeError):
        raise expired from None
    if now.timestamp() - issued > lifetime:
        raise expired
    return last_id
