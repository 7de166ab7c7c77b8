"""Graph over a model of the tenant, with faults that a test hands out."""

import re
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from typing import Any
from urllib.parse import unquote

from services.connector.entra.answer import Answer, Call
from services.connector.entra.problems import Problem

Found = Answer | Problem
Handled = re.Match[str]


class Fault(Enum):
    """What becomes of a request."""

    LOST_BEFORE = "lost before it had its effect"
    LOST_AFTER = "lost after it had its effect"
    NEVER_SENT = "never sent"
    THROTTLED = "answered with 429, and not done"
    THROTTLED_AND_DONE = "answered with 429, and done"
    UNAVAILABLE = "answered with 503"


_HAPPENS = (Fault.LOST_AFTER, Fault.THROTTLED_AND_DONE)
_ID = "([^/?]+)"


class GraphModel:
    """One tenant. `requests` are the calls that came, together as they came.

    `faults` are taken one a request; of a batch they strike the whole, or the first item only when
    they are in `on_item`. `not_taken` are people whom no group takes, `denied` groups and apps
    that can't be written, `unread` groups whose members can't be seen.
    """

    base_url = "https://graph.test/v1.0"

    def __init__(self) -> None:
        self.members: set[tuple[str, str]] = set()
        self.assignments: dict[str, tuple[str, str, str]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.not_taken: set[str] = set()
        self.denied: set[str] = set()
        self.unread: set[str] = set()
        self.requests: list[list[Call]] = []
        self.faults: deque[Fault | None] = deque()
        self.on_item: set[Fault] = set()
        self._last_id = 0

    async def call(self, call: Call) -> Found:
        self.requests.append([call])
        return self._struck(call, self.faults.popleft() if self.faults else None)

    async def batch(self, calls: Sequence[Call]) -> list[Found]:
        assert 1 <= len(calls) <= 20
        self.requests.append(list(calls))
        fault = self.faults.popleft() if self.faults else None
        if fault in self.on_item:
            return [
                self._struck(calls[0], fault),
                *(self._struck(call, None) for call in calls[1:]),
            ]
        return [self._struck(call, fault) for call in calls]

    def assign(self, user: str, app: str, role: str) -> str:
        """Assigns somebody; returns the assignment's id."""
        self._last_id += 1
        self.assignments[f"id-{self._last_id}"] = (user, app, role)
        return f"id-{self._last_id}"

    def assigned(self, user: str, app: str, role: str) -> bool:
        return (user, app, role) in self.assignments.values()

    @property
    def writes(self) -> list[str]:
        """The writing calls, in the order they came: "POST /groups/…"."""
        return [
            f"{call.method} {call.path}"
            for calls in self.requests
            for call in calls
            if call.is_write
        ]

    def _struck(self, call: Call, fault: Fault | None) -> Found:
        if fault is None:
            return self._done(call)
        if fault in _HAPPENS:
            self._done(call)
        if fault is Fault.NEVER_SENT:
            return Problem(0, "ConnectError", "no answer from Graph", sent=False)
        if fault in (Fault.LOST_BEFORE, Fault.LOST_AFTER):
            return Problem(0, "ReadTimeout", "no answer from Graph")
        if fault is Fault.UNAVAILABLE:
            return Problem(503, "ServiceUnavailable", "later")
        return Problem(429, "TooManyRequests", "later", timedelta(seconds=1))

    def _done(self, call: Call) -> Found:
        for method, pattern, handle in (
            ("POST", rf"/groups/{_ID}/members/\$ref", self._join),
            ("PATCH", rf"/groups/{_ID}", self._join_many),
            ("GET", rf"/groups/{_ID}/members/{_ID}/\$ref", self._is_member),
            ("DELETE", rf"/groups/{_ID}/members/{_ID}/\$ref", self._leave),
            ("GET", rf"/groups/{_ID}\?\$select=.*", self._group),
            ("POST", rf"/servicePrincipals/{_ID}/appRoleAssignedTo", self._assign),
            ("GET", rf"/servicePrincipals/{_ID}/appRoleAssignedTo/{_ID}", self._show),
            ("DELETE", rf"/servicePrincipals/{_ID}/appRoleAssignedTo/{_ID}", self._unassign),
            ("GET", rf"/users/{_ID}/appRoleAssignments\?(.*)", self._held),
        ):
            matched = re.fullmatch(pattern, call.path)
            if call.method == method and matched is not None:
                return handle(call, *matched.groups())
        raise AssertionError(f"nobody may call {call.method} {call.path}")

    def _refusal(self, group: str, users: list[str]) -> Problem | None:
        if group in self.denied:
            return Problem(403, "Authorization_RequestDenied", "Insufficient privileges")
        if any((group, user) in self.members for user in users):
            return Problem(
                400,
                "Request_BadRequest",
                "One or more added object references already exist for the following modified "
                "properties: 'members'.",
            )
        if any(user in self.not_taken for user in users):
            return Problem(400, "Request_BadRequest", "Some reason that nobody has met yet.")
        return None

    def _join(self, call: Call, group: str) -> Found:
        return self._joined(group, [_user(call.body["@odata.id"])] if call.body else [])

    def _join_many(self, call: Call, group: str) -> Found:
        users = [_user(each) for each in (call.body or {})["members@odata.bind"]]
        assert 2 <= len(users) <= 20
        return self._joined(group, users)

    def _joined(self, group: str, users: list[str]) -> Found:
        if (refusal := self._refusal(group, users)) is not None:
            return refusal
        self.members |= {(group, user) for user in users}
        return Answer(204, {}, "")

    def _is_member(self, call: Call, group: str, user: str) -> Found:
        if group in self.unread:
            return Problem(403, "Authorization_RequestDenied", "Insufficient privileges")
        return Answer(200, {}, "") if (group, user) in self.members else _absent(user)

    def _leave(self, call: Call, group: str, user: str) -> Found:
        if (refusal := self._refusal(group, [])) is not None:
            return refusal
        if (group, user) not in self.members:
            return _absent(user)
        self.members.remove((group, user))
        return Answer(204, {}, "")

    def _group(self, call: Call, group: str) -> Found:
        return Answer(200, self.groups.get(group, {}), "")

    def _assign(self, call: Call, app: str) -> Found:
        body = call.body or {}
        if (refusal := self._refusal(app, [])) is not None:
            return refusal
        wanted = (body["principalId"], body["resourceId"], body["appRoleId"])
        assert wanted[1] == app
        if wanted in self.assignments.values():
            message = "Permission being assigned already exists on the object"
            return Problem(400, "Request_BadRequest", message)
        return Answer(201, self._entity(self.assign(*wanted)), "")

    def _show(self, call: Call, app: str, id: str) -> Found:
        found = self.assignments.get(unquote(id))
        if found is None:
            return _absent(id)
        return Answer(200, self._entity(unquote(id)), "")

    def _unassign(self, call: Call, app: str, id: str) -> Found:
        if (refusal := self._refusal(app, [])) is not None:
            return refusal
        if self.assignments.pop(unquote(id), None) is None:
            return _absent(id)
        return Answer(204, {}, "")

    def _held(self, call: Call, user: str, query: str) -> Found:
        held = [
            self._entity(id)
            for id, (principal, app, _) in self.assignments.items()
            if principal == user and f"resourceId eq {app}&" in f"{unquote(query)}&"
        ]
        return Answer(200, {"value": held}, "")

    def _entity(self, id: str) -> dict[str, Any]:
        user, app, role = self.assignments[id]
        return {"id": id, "principalId": user, "resourceId": app, "appRoleId": role}


def _user(reference: str) -> str:
    matched = re.fullmatch(rf"{GraphModel.base_url}/directoryObjects/{_ID}", reference)
    assert matched is not None
    return matched[1]


def _absent(id: str) -> Problem:
    return Problem(404, "Request_ResourceNotFound", f"Resource '{id}' does not exist")
