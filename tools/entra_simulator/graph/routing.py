"""Which route a path means, in every spelling that Graph takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.routes import ROUTES, GraphRoute

_PARAMETER = re.compile(r"\\\{(\w+)\\\}")
# `users('id')` means `users/id`; `servicePrincipals(appId='…')` is a spelling of its own.
_KEY = re.compile(r"(?<=\w)\('([^']*)'\)")


class Routing:
    """The table of routes, asked by method and path."""

    def __init__(self) -> None:
        by_path: dict[str, dict[str, GraphRoute]] = {}
        for route in ROUTES:
            for path in route.spellings:
                by_path.setdefault(path, {})[route.method] = route
        self._table = [(_pattern(path), methods) for path, methods in by_path.items()]

    def choose(self, method: str, path: str) -> tuple[GraphRoute, Mapping[str, str]]:
        """The route, and the values that its path names. Raises what Graph refuses."""
        decoded = _KEY.sub(r"/\1", unquote(path).rstrip("/"))
        for pattern, methods in self._table:
            if matched := pattern.fullmatch(decoded):
                if method not in methods:
                    raise GraphError(Refusal.METHOD_NOT_ALLOWED)
                return methods[method], matched.groupdict()
        segment = decoded.strip("/").partition("/")[0]
        if segment.lower() == "approleassignments":
            raise GraphError(Refusal.NO_DIRECT_QUERIES)
        raise GraphError(Refusal.UNKNOWN_SEGMENT, segment=segment)


def _pattern(path: str) -> re.Pattern[str]:
    expression = _PARAMETER.sub(r"(?P<\1>[^/]+?)", re.escape(path))
    return re.compile(expression, re.IGNORECASE)
