"""Patterns of paths, as fault rules and questions to the journal write them."""

from __future__ import annotations

import re
from collections.abc import Callable

_VERSION = re.compile(r"/(?:v1\.0|beta)(?=/)")
_STARS = {"*": "[^/]*", "**": ".*"}


def path_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether a path with its query fits: `*` is anything in a segment, `**` anything at all.

    The query is looked at only where the pattern has a `?`; behind it `*` is anything.
    """
    path, question, query = pattern.partition("?")
    expression = "".join(_STARS.get(part, re.escape(part)) for part in re.split(r"(\*+)", path))
    if question:
        expression += re.escape("?") + ".*".join(re.escape(part) for part in query.split("*"))
    compiled = re.compile(expression, re.IGNORECASE | re.DOTALL)

    def fits(shown: str) -> bool:
        return bool(compiled.fullmatch(shown if question else shown.partition("?")[0]))

    return fits


def below_version(path: str) -> str:
    """A Graph path without `/v1.0` or `/beta`; any other path as it is."""
    return _VERSION.sub("", path, count=1)
