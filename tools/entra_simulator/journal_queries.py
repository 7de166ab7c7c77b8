"""Questions to the journal: which calls, and how many of each kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.entra_simulator.fields import FieldError
from tools.entra_simulator.path_patterns import below_version, path_pattern

Entry = Mapping[str, Any]

_NAMES = ("since", "limit", "last", "source", "method", "path", "status", "clientAppId", "fault")
_SOURCES = ("graph", "login", "hand", "entra")
_IDS = re.compile(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    # An assignment's id, and a user principal name where an id may stand as well.
    r"|(?<=/)[A-Za-z0-9_-]{43}(?=/|$)|(?<=/users/)[^/]*@[^/]*"
)


@dataclass(frozen=True)
class JournalQuery:
    """Entries after number `since` that pass every test: the oldest `limit` or newest `last`."""

    since: int = 0
    limit: int | None = None
    last: int | None = None
    tests: tuple[Callable[[Entry], bool], ...] = field(default=())

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> JournalQuery:
        """Reads a query string. Raises `FieldError`.

        `status` is a number, or a class as in `4xx`; `fault` a kind, or `any`.
        """
        for name in parameters:
            if name not in _NAMES:
                raise FieldError(name, f"is not a filter; there are {', '.join(_NAMES)}")
        tests: list[Callable[[Entry], bool]] = []
        if (source := parameters.get("source")) is not None:
            if source not in _SOURCES:
                raise FieldError("source", f"must be one of {', '.join(_SOURCES)}")
            tests.append(lambda entry: bool(entry["source"] == source))
        if (method := parameters.get("method")) is not None:
            tests.append(lambda entry: bool(entry["method"] == method.upper()))
        if (pattern := parameters.get("path")) is not None:
            fits = path_pattern(pattern)
            tests.append(lambda entry: fits(below_version(entry["path"] or "")))
        if (status := parameters.get("status")) is not None:
            tests.append(_status_test(status))
        if (app_id := parameters.get("clientAppId")) is not None:
            tests.append(lambda entry: bool(entry["clientAppId"] == app_id.lower()))
        if (fault := parameters.get("fault")) is not None:
            tests.append(lambda entry: _has_fault(entry, fault))
        return cls(
            since=_number(parameters, "since") or 0,
            limit=_number(parameters, "limit"),
            last=_number(parameters, "last"),
            tests=tuple(tests),
        )

    def select(self, entries: Iterable[Entry]) -> list[Entry]:
        """`entries` are those after `since` already."""
        found = [entry for entry in entries if all(test(entry) for test in self.tests)]
        if self.limit is not None:
            found = found[: self.limit]
        if self.last is not None:
            found = found[len(found) - min(self.last, len(found)) :]
        return found


def counts(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """How often each route was called with which status, the commonest first."""
    counted = Counter(
        (entry["source"], entry["method"], route_of(entry["path"]), entry["status"])
        for entry in entries
        if entry["method"] is not None
    )
    return [
        {"source": source, "method": method, "route": route, "status": status, "count": count}
        for (source, method, route, status), count in counted.most_common()
    ]


def route_of(path: str) -> str:
    """A path without version and query, its ids replaced by `{id}`."""
    return _IDS.sub("{id}", below_version(path).partition("?")[0])


def _number(parameters: Mapping[str, str], name: str) -> int | None:
    value = parameters.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise FieldError(name, "must be a whole number of at least 0")
    return int(value)


def _status_test(status: str) -> Callable[[Entry], bool]:
    if re.fullmatch("[1-5]xx", status):
        return lambda entry: (
            entry["status"] is not None and entry["status"] // 100 == int(status[0])
        )
    if re.fullmatch("[1-5][0-9][0-9]", status):
        return lambda entry: bool(entry["status"] == int(status))
    raise FieldError("status", "must be a status such as 429, or a class such as 4xx")


def _has_fault(entry: Entry, fault: str) -> bool:
    struck = entry.get("fault")
    return struck is not None and fault in ("any", struck)
