"""The delta functions: what a call means, and the links that go on from its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from tools.entra_simulator.delta_order import RELATIONS, selection
from tools.entra_simulator.delta_tokens import Chain
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import Answer, GraphCall
from tools.entra_simulator.graph.shapes import PROPERTIES
from tools.entra_simulator.odata import link
from tools.entra_simulator.permissions import READ_BY_TYPE

_MOST_IDS = 50
_ISOF = re.compile(r"isof\(\s*'?microsoft\.graph\.(?P<type>\w+)'?\s*\)", re.IGNORECASE)
_ID = re.compile(r"id\s+eq\s+'?(?P<id>[0-9A-Fa-f-]{36})'?", re.IGNORECASE)
_OR = re.compile(r"\s+or\s+", re.IGNORECASE)
_TYPES = {type.lower(): type for type in READ_BY_TYPE}
_ALL_STREAMS = "all"


def users(call: GraphCall) -> Answer:
    return _answer(call, "users", ("user",))


def groups(call: GraphCall) -> Answer:
    return _answer(call, "groups", ("group",))


def service_principals(call: GraphCall) -> Answer:
    """Assignments are not properties of an app, and do not show here."""
    return _answer(call, "servicePrincipals", ("servicePrincipal",))


def directory_objects(call: GraphCall) -> Answer:
    return _answer(call, "directoryObjects", ())


def _answer(call: GraphCall, stream: str, types: tuple[str, ...]) -> Answer:
    options = call.options
    token = options.skiptoken or options.deltatoken
    is_new = not token or token == "latest"
    if is_new:
        chain = _chain(call, stream, types)
    else:
        chain = Chain.from_token(token or "")
        if chain.stream != stream:
            raise GraphError(Refusal.DELTA_TOKEN_INVALID)
        _check(call, chain)
    for type in chain.types:
        if stream == "directoryObjects" and not READ_BY_TYPE[type] & call.caller.granted:
            raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)
    queries = call.delta_queries
    if token == "latest":
        page = queries.latest(chain, call.directory)
    else:
        minimal = "return=minimal" in call.headers.get("prefer", "").replace(" ", "").lower()
        started = chain if options.skiptoken else queries.begin(chain)
        page = queries.page(started, call.directory, minimal=minimal)
    now = call.tenant.clock().timestamp()
    following = page.following.token(now, call.tenant.history.last)
    name, option = ("deltaLink", "$deltatoken") if page.is_last else ("nextLink", "$skiptoken")
    body = {
        "@odata.context": f"{call.root}/$metadata#{stream}{_selected(chain)}",
        f"@odata.{name}": link(call.root + call.path, [(option, following)]),
        "value": page.items,
    }
    return Answer(200, body)


def _chain(call: GraphCall, stream: str, types: tuple[str, ...]) -> Chain:
    """A new query, as its options ask for it."""
    filtered, ids = _filter(call.options.filter, stream)
    chain = Chain(stream, types or filtered, call.options.select, ids)
    for name in call.options.select or ():
        if not any(
            name.rpartition("/")[2] in (*PROPERTIES[type], *RELATIONS[type])
            for type in chain.types
            if name.rpartition("/")[2] in selection(chain, type)
        ):
            shown = chain.types[0] if len(chain.types) == 1 else "directoryObject"
            raise GraphError(Refusal.UNKNOWN_SELECT, property=name, type=shown)
    return chain


def _filter(expression: str | None, stream: str) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The types and ids that are tracked; no ids for all of them."""
    types: dict[str, None] = {}
    ids: dict[str, None] = {}
    for term in _OR.split(expression.strip()) if expression is not None else ():
        is_type, is_id = _ISOF.fullmatch(term.strip()), _ID.fullmatch(term.strip())
        if is_id is not None:
            ids[is_id["id"].lower()] = None
        elif is_type and stream == "directoryObjects" and is_type["type"].lower() in _TYPES:
            types[_TYPES[is_type["type"].lower()]] = None
        else:
            raise GraphError(Refusal.INVALID_FILTER, clause=expression)
    if len(ids) > _MOST_IDS:
        raise GraphError(Refusal.DELTA_FILTER_TOO_LONG)
    if "appRoleAssignment" in types and (ids or "user" not in types):
        raise GraphError(Refusal.DELTA_FILTER_ASSIGNMENTS)
    return tuple(types) or ("user", "group", "servicePrincipal"), tuple(ids) or None


def _check(call: GraphCall, chain: Chain) -> None:
    """Refuses a token that came too late, or that was ended before its time."""
    history = call.tenant.history
    if chain.number < _ended(history.ended.get("reset", {}), chain.stream):
        error = GraphError(Refusal.RESYNC_REQUIRED)
        error.headers["Location"] = link(call.root + call.path, _restart(chain))
        raise error
    age = call.tenant.clock() - datetime.fromtimestamp(chain.issued, call.tenant.clock().tzinfo)
    if (
        age.total_seconds() > call.behaviour.delta_token_lifetime
        or chain.number < _ended(history.ended.get("expired", {}), chain.stream)
        # Of another tenant, or of a time that this one has not come to.
        or chain.number > history.last
    ):
        raise GraphError(Refusal.DELTA_TOKEN_EXPIRED)


def _ended(marks: Mapping[str, int], stream: str) -> int:
    return max(marks.get(stream, 0), marks.get(_ALL_STREAMS, 0))


def _restart(chain: Chain) -> Sequence[tuple[str, str]]:
    """The options of a round from the beginning: those of the old one, and an empty token."""
    query = [("$select", ",".join(chain.select))] if chain.select else []
    terms = []
    if chain.stream == "directoryObjects":
        terms += [f"isof('microsoft.graph.{type}')" for type in chain.types]
    terms += [f"id eq '{id}'" for id in chain.ids or ()]
    if terms:
        query.append(("$filter", " or ".join(terms)))
    return [*query, ("$deltatoken", "")]


def _selected(chain: Chain) -> str:
    return f"({','.join(chain.select)})" if chain.select else ""
