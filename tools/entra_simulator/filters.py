"""The `$filter` expressions Graph's directory collections take, as far as they are used.

Comparisons with `eq` and `ne` and the lambda `tags/any(t:t eq '…')`, joined by `and` and `or`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal

Predicate = Callable[[GraphObject], bool]

# By type, the properties that may be filtered on. Microsoft indexes more of them; what is
# not here is refused as Microsoft refuses a property that it does not index.
_FILTERABLE: dict[str, frozenset[str]] = {
    "user": frozenset({"id", "accountEnabled", "onPremisesSyncEnabled"}),
    "group": frozenset({"id", "onPremisesSyncEnabled"}),
    "servicePrincipal": frozenset(
        {"id", "appId", "accountEnabled", "servicePrincipalType", "tags"}
    ),
    "appRoleAssignment": frozenset({"resourceId"}),
}

_LITERAL = r"(?P<literal>'(?:[^']|'')*'|[0-9A-Za-z-]+)"
_COMPARISON = re.compile(rf"(?P<property>\w+)\s+(?P<operator>eq|ne)\s+{_LITERAL}", re.IGNORECASE)
_ANY = re.compile(
    rf"(?P<property>\w+)/any\(\s*(?P<item>\w+)\s*:\s*(?P=item)\s+eq\s+{_LITERAL}\s*\)",
    re.IGNORECASE,
)
_CONJUNCTION = re.compile(r"\s+(and|or)\s+", re.IGNORECASE)


def parse_filter(expression: str, type: str, advanced: bool) -> Predicate:
    """What the expression asks of an object of this type.

    `advanced` says whether the call asked for Microsoft's advanced queries, which `ne` needs.
    Source: Microsoft Learn, "Advanced query capabilities on Microsoft Entra ID objects".
    """
    rest = expression.strip()
    # `and` binds closer than `or`: a filter is any of several alls.
    alternatives: list[list[Predicate]] = [[]]
    while True:
        matched = _ANY.match(rest) or _COMPARISON.match(rest)
        if matched is None:
            raise GraphError(Refusal.INVALID_FILTER, clause=expression)
        alternatives[-1].append(_clause(matched, type, advanced))
        rest = rest[matched.end() :]
        if not rest:
            return lambda found: any(all(ask(found) for ask in asks) for asks in alternatives)
        conjunction = _CONJUNCTION.match(rest)
        if conjunction is None:
            raise GraphError(Refusal.INVALID_FILTER, clause=expression)
        if conjunction[1].lower() == "or":
            alternatives.append([])
        rest = rest[conjunction.end() :]


def _clause(matched: re.Match[str], type: str, advanced: bool) -> Predicate:
    property = matched["property"]
    is_any = matched.re is _ANY
    refused = GraphError(
        Refusal.UNSUPPORTED_FILTER, property=property, type=type[0].upper() + type[1:]
    )
    if property not in _FILTERABLE[type] or is_any != (property == "tags"):
        raise refused
    wanted = _value(matched["literal"])
    if is_any:
        return lambda found: wanted in found.get(property, ())
    if matched["operator"].lower() == "eq":
        return lambda found: bool(found.get(property) == wanted)
    if not advanced:
        raise refused
    return lambda found: bool(found.get(property) != wanted)


def _value(literal: str) -> Any:
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    # A bare GUID stands for itself: assignments are filtered with one.
    return {"true": True, "false": False, "null": None}.get(literal.lower(), literal)
