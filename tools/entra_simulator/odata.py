"""Query options and paging of Graph's directory collections.

Source: Microsoft Learn, "Use query parameters" and "Paging Microsoft Graph data".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal

_DEFAULT_PAGE = 100
_LARGEST_PAGE = 999
# With $expand a page holds no more than this, whatever $top asks for.
# Source: Microsoft Learn, known issues of $expand on directory objects.
_LARGEST_EXPANDED_PAGE = 100

# Microsoft names no lifetime; page tokens are known to die within minutes to hours.
PAGE_TOKEN_LIFETIME = timedelta(hours=1)

_KNOWN_OPTIONS = frozenset({"$select", "$filter", "$top", "$count", "$expand", "$skiptoken"})
_EXPAND_MANAGER = re.compile(r"manager(?:\(\$select=(?P<select>[\w,]+)\))?")


@dataclass(frozen=True)
class QueryOptions:
    """The query options of one call, checked."""

    select: tuple[str, ...] | None
    filter: str | None
    top: int | None
    # The properties of the manager asked for with $expand; empty for the default ones.
    expand_manager: tuple[str, ...] | None
    skiptoken: str | None
    # ConsistencyLevel: eventual together with $count=true: Microsoft's advanced queries.
    advanced: bool

    @property
    def page_size(self) -> int:
        size = self.top or _DEFAULT_PAGE
        return size if self.expand_manager is None else min(size, _LARGEST_EXPANDED_PAGE)


def parse_options(query: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> QueryOptions:
    options = {name: value for name, value in query if name.startswith("$")}
    for name in options.keys() - _KNOWN_OPTIONS:
        raise GraphError(Refusal.NOT_SIMULATED, option=name)
    eventual = headers.get("consistencylevel", "").lower() == "eventual"
    return QueryOptions(
        select=_names(options["$select"]) if options.get("$select") else None,
        filter=options.get("$filter"),
        top=_top(options["$top"]) if "$top" in options else None,
        expand_manager=_expansion(options["$expand"]) if "$expand" in options else None,
        skiptoken=options.get("$skiptoken"),
        advanced=eventual and options.get("$count", "").lower() == "true",
    )


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(","))


def _top(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= _LARGEST_PAGE):
        raise GraphError(Refusal.PAGE_SIZE, top=value)
    return int(value)


def _expansion(value: str) -> tuple[str, ...]:
    matched = _EXPAND_MANAGER.fullmatch(value)
    if matched is None:
        raise GraphError(Refusal.NOT_SIMULATED, option=f"$expand={value}")
    return _names(matched["select"]) if matched["select"] else ()


@dataclass(frozen=True)
class Page:
    items: Sequence[GraphObject]
    next_link: str | None
    # Of the whole collection, on the first page only.
    count: int | None


def page_of(
    objects: Iterable[GraphObject],
    options: QueryOptions,
    address: str,
    query: Sequence[tuple[str, str]],
    now: datetime,
) -> Page:
    """The page that the options ask for, in the order of ids.

    The token names the last id given out, not a position, so that objects which come or go
    between two pages neither hide nor double others.
    """
    ordered = sorted(objects, key=lambda found: str(found["id"]))
    count = len(ordered) if options.advanced and options.skiptoken is None else None
    if options.skiptoken is not None:
        after = _last_id(options.skiptoken, now)
        ordered = [found for found in ordered if found["id"] > after]
    items = ordered[: options.page_size]
    if len(items) == len(ordered):
        return Page(items, None, count)
    token = _token(items[-1]["id"], now)
    kept = [(name, value) for name, value in query if name != "$skiptoken"]
    return Page(items, _link(address, [*kept, ("$skiptoken", token)]), count)


def _link(address: str, query: Iterable[tuple[str, str]]) -> str:
    pairs = (quote(name, safe="$") + "=" + quote(value, safe="$,()':/") for name, value in query)
    return f"{address}?{'&'.join(pairs)}"


def _token(last_id: str, now: datetime) -> str:
    document: dict[str, Any] = {"after": last_id, "issued": now.timestamp()}
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode("ascii")


def _last_id(token: str, now: datetime) -> str:
    expired = GraphError(Refusal.PAGE_TOKEN_EXPIRED)
    try:
        document = json.loads(base64.urlsafe_b64decode(token))
        last_id, issued = str(document["after"]), float(document["issued"])
    except (ValueError, KeyError, TypeError):
        raise expired from None
    if now.timestamp() - issued > PAGE_TOKEN_LIFETIME.total_seconds():
        raise expired
    return last_id
