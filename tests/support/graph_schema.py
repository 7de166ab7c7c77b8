"""Exchanges with Microsoft Graph against Microsoft's own metadata.

The schemas are data of another project and lie beside this repository where they are present.
Without them the envelopes are still checked (errors, pages, batches), and no object is.

    recorder = Recorder()
    async with Simulator(state_dir, on_exchange=recorder): ...
    recorder.check()
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.json_schema import violations

SCHEMAS = Path(__file__).parents[3] / "shared" / "graph" / "v1.0-schemas.json"

_GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_REFERENCE = re.compile(
    rf"https://[^/]+/(?:v1\.0|beta)/(?:directoryObjects|users|groups|servicePrincipals)"
    rf"(?:/{_GUID}|\('{_GUID}'\))"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_DELTA = re.compile(r"/(?:microsoft\.graph\.)?delta(?:\(\))?$", re.IGNORECASE)
# What the last segment of a path holds, or the one before an id; Graph reads paths in any case.
_COLLECTIONS = {
    "organization": "organization",
    "users": "user",
    "groups": "group",
    "serviceprincipals": "servicePrincipal",
    "approleassignments": "appRoleAssignment",
    "approleassignedto": "appRoleAssignment",
    "assignmentschedulerequests": "privilegedAccessGroupAssignmentScheduleRequest",
}
# These hold objects of several types, each of which says its own.
_MIXED = ("members", "transitivemembers", "owners", "manager", "directoryobjects", "getbyids")
# Properties without which a created object cannot be meant.
_REQUIRED = {
    "appRoleAssignment": ("principalId", "resourceId", "appRoleId"),
    "privilegedAccessGroupAssignmentScheduleRequest": ("principalId", "groupId", "accessId"),
}


class Recorder:
    """Checks exchanges as they happen, and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.checked = 0
        self.violations: list[str] = []

    def __call__(
        self, method: str, path: str, request_body: bytes, status: int, response_body: Any
    ) -> None:
        asked = json.loads(request_body) if _is_json(request_body) else None
        self.checked += 1
        found = check_exchange(method, path, asked, status, response_body)
        self.violations += [f"{method} {path}: {violation}" for violation in found]

    def check(self) -> None:
        """Fails the test that made a wrong exchange."""
        assert not self.violations, "\n".join(self.violations)


def check_exchange(
    method: str, path: str, request_body: Any, status: int, response_body: Any
) -> list[str]:
    """What Microsoft's metadata says against this exchange; nothing, if all is well.

    `path` is below the version, or a whole address. The request's body is checked only if the
    call was successful: what Graph refuses need not be right.
    """
    bare = _below_version(path).partition("?")[0].rstrip("/")
    if bare == "/$batch":
        return list(_batch(request_body, status, response_body))
    found = list(_response(bare, status, response_body))
    if 200 <= status < 300:
        found += _request(method, bare, request_body)
    return found


@cache
def schemas() -> dict[str, Any] | None:
    """The schemas by type's name, None where they are not present."""
    if not SCHEMAS.exists():
        return None
    definitions: dict[str, Any] = json.loads(SCHEMAS.read_text(encoding="utf-8"))["$defs"]
    return definitions


def object_violations(value: Any, type: str, where: str = "object") -> Iterator[str]:
    """What is wrong with an object of a type such as `user`."""
    known = schemas()
    if known is not None:
        yield from violations(value, known[f"microsoft.graph.{type}"], known, where)


# Requests


def _request(method: str, path: str, body: Any) -> Iterator[str]:
    if method in ("GET", "DELETE"):
        if body is not None:
            yield f"{method} has a body"
    elif path.endswith("/$ref"):
        if not _is_reference(body):
            yield f"request is no reference to an object: {body!r}"
    elif not isinstance(body, dict):
        yield f"request is no object: {body!r}"
    elif path.endswith("/getByIds") or path.endswith("/checkMemberGroups"):
        for name, value in body.items():
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                yield f"request.{name} is no list of texts"
    elif (type := _type_of(path)) is not None:
        yield from object_violations(body, type, "request")
        for name in _REQUIRED.get(type, ()) if method == "POST" else ():
            if name not in body:
                yield f"request.{name} is missing"
        for name, value in body.items():
            if name.endswith("@odata.bind"):
                bound = value if isinstance(value, list) else [value]
                yield from (
                    f"request.{name} holds {each!r}"
                    for each in bound
                    if not (isinstance(each, str) and _REFERENCE.fullmatch(each))
                )
    else:
        yield f"nothing is known of a {method} of {path}"


def _is_reference(body: Any) -> bool:
    target = body.get("@odata.id") if isinstance(body, dict) else None
    return isinstance(target, str) and bool(_REFERENCE.fullmatch(target))


# Responses


def _response(path: str, status: int, body: Any) -> Iterator[str]:
    if status >= 400:
        yield from _error(body)
    elif status == 204:
        if body is not None:
            yield "204 has a body"
    elif not isinstance(body, dict):
        yield f"response is no object: {body!r}"
    elif not str(body.get("@odata.context", "")).startswith("https://"):
        yield "@odata.context is missing"
    elif "value" in body:
        yield from _page(path, body)
    elif path.endswith("/$ref"):
        if not _is_reference(body):
            yield "response is no reference to an object"
    else:
        yield from _item(path, body, "response")


def _error(body: Any) -> Iterator[str]:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or set(body) != {"error"}:
        yield f"error has no envelope: {body!r}"
        return
    if not isinstance(error.get("code"), str) or not error["code"]:
        yield f"error.code is no text: {error.get('code')!r}"
    if not isinstance(error.get("message"), str):
        yield f"error.message is no text: {error.get('message')!r}"
    for name in error.keys() - {"code", "message", "innerError", "details", "target"}:
        yield f"error.{name} is unknown"
    inner = error.get("innerError", {})
    if "date" in inner and not _DATE.fullmatch(inner["date"]):
        yield f"error.innerError.date is {inner['date']!r}"
    for name in ("request-id", "client-request-id"):
        if name in inner and not isinstance(inner[name], str):
            yield f"error.innerError.{name} is {inner[name]!r}"


def _page(path: str, body: dict[str, Any]) -> Iterator[str]:
    is_delta = bool(_DELTA.search(path))
    links = [name for name in ("@odata.nextLink", "@odata.deltaLink") if name in body]
    for name in body:
        if name != "value" and not name.startswith("@odata."):
            yield f"response.{name} does not belong to a page"
    for name in links:
        if not str(body[name]).startswith("https://"):
            yield f"{name} is no address: {body[name]!r}"
    if is_delta and len(links) != 1:
        yield f"a page of delta ends in {links}"
    if not is_delta and "@odata.deltaLink" in links:
        yield "a page of a list has a delta link"
    if "@odata.count" in body and not isinstance(body["@odata.count"], int):
        yield f"@odata.count is {body['@odata.count']!r}"
    if not isinstance(body["value"], list):
        yield "response.value is no list"
        return
    for index, item in enumerate(body["value"]):
        where = f"value[{index}]"
        if path.endswith("/checkMemberGroups"):
            if not isinstance(item, str):
                yield f"{where} is no text"
        elif is_delta:
            yield from _delta_item(_DELTA.sub("", path), item, where)
        else:
            yield from _item(path, item, where)


def _delta_item(path: str, item: dict[str, Any], where: str) -> Iterator[str]:
    """An object, its removal, or an object with changes of what is linked to it."""
    if not isinstance(item.get("id"), str):
        yield f"{where}.id is missing"
    if "@removed" in item and item["@removed"].get("reason") not in ("changed", "deleted"):
        yield f"{where}.@removed is {item['@removed']!r}"
    for name, linked in item.items():
        if not name.endswith("@delta"):
            continue
        if not linked:
            yield f"{where}.{name} is empty, and Graph leaves it out then"
        for other in linked:
            if not str(other.get("@odata.type", "")).startswith("#microsoft.graph."):
                yield f"{where}.{name} holds an object without a type"
            if set(other) - {"@odata.type", "id", "@removed"}:
                yield f"{where}.{name} holds more than an id: {sorted(other)}"
            if "@removed" in other and other["@removed"] != {"reason": "deleted"}:
                yield f"{where}.{name} holds {other['@removed']!r}"
    yield from _item(path, item, where)


def _item(path: str, item: Any, where: str) -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"{where} is no object: {item!r}"
        return
    declared = item.get("@odata.type")
    type = declared.removeprefix("#microsoft.graph.") if declared else _type_of(path)
    if type is None:
        yield f"{where} does not say its type"
    elif schemas() is not None and f"microsoft.graph.{type}" not in (schemas() or {}):
        yield f"{where} is of the unknown type {type}"
    else:
        yield from object_violations(item, type, where)


# Batches


def _batch(request: Any, status: int, response: Any) -> Iterator[str]:
    if status >= 400:
        yield from _error(response)
        return
    asked = {item["id"]: item for item in request["requests"]}
    answered = response.get("responses") if isinstance(response, dict) else None
    if not isinstance(answered, list):
        yield "a batch is answered without responses"
        return
    if sorted(str(item.get("id")) for item in answered) != sorted(asked):
        yield "the responses are not those of the requests"
        return
    for item in answered:
        call = asked[item["id"]]
        for name in item.keys() - {"id", "status", "headers", "body"}:
            yield f"responses[{item['id']}].{name} is unknown"
        body, of = item.get("body"), call.get("body")
        inner = check_exchange(call["method"], call["url"], of, item["status"], body)
        yield from (f"responses[{item['id']}]: {violation}" for violation in inner)


# Types


def _type_of(path: str) -> str | None:
    """The type of what a path holds: by its last collection, ids left out."""
    lowered = unquote(path).strip("/").lower()
    segments = [re.sub(r"\(.*\)$", "", part) for part in lowered.split("/")]
    if segments[-1] in _MIXED:
        return None
    for segment in reversed(segments):
        if segment in _COLLECTIONS:
            return _COLLECTIONS[segment]
    return None


def _below_version(path: str) -> str:
    below = re.sub(r"^https://[^/]+", "", path).removeprefix("/")
    return "/" + re.sub(r"^(?:v1\.0|beta)/", "", below)


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True
