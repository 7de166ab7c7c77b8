"""The simulator's own surface under /_simulator/: what it was asked, what it holds, how it behaves.

For tests, the demo and operators. It asks for no token: the server listens on loopback only.
A wrong request is answered 400 with `{"error": {"field": …, "message": …}}`, what is not there 404.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.changes_by_hand import ChangesByHand
from tools.entra_simulator.fault_kinds import KINDS
from tools.entra_simulator.faults import Faults
from tools.entra_simulator.fields import FieldError, Fields
from tools.entra_simulator.journal import Journal
from tools.entra_simulator.journal_queries import JournalQuery, counts
from tools.entra_simulator.limits import Limits
from tools.entra_simulator.quota import Quota
from tools.entra_simulator.signing_keys import SigningKeys
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.user_tokens import UserTokens

Answer = Awaitable[Any]

# Of delta queries, by the collection that is asked.
STREAMS = ("users", "groups", "servicePrincipals", "directoryObjects")

_STATE = ("users", "groups", "servicePrincipals", "appRoleAssignments")


class Revocable(Protocol):
    """The tokens in circulation."""

    def revoke(self, app_id: str | None = None) -> None:
        """Ends those of one application, or of all."""


class Control:
    """The surface of one simulator."""

    def __init__(
        self,
        tenant: Tenant,
        journal: Journal,
        behaviour: Behaviour,
        faults: Faults,
        quota: Quota,
        tokens: Revocable,
        keys: SigningKeys,
        user_tokens: UserTokens,
    ) -> None:
        self._tenant = tenant
        self._journal = journal
        self._behaviour = behaviour
        self._faults = faults
        self._quota = quota
        self._tokens = tokens
        self._keys = keys
        self._user_tokens = user_tokens

    def mount(self) -> Mount:
        return Mount(
            "/_simulator",
            routes=[
                _route("GET", "/", self._index),
                _route("GET", "/journal", self._journal_entries),
                _route("GET", "/journal/counts", self._journal_counts),
                _route("GET", "/state", self._state),
                _route("GET", "/state/counts", self._state_counts),
                _route("GET", "/behaviour", self._read_behaviour),
                _route("PUT", "/behaviour", self._replace_behaviour),
                _route("PATCH", "/behaviour", self._change_behaviour),
                _route("GET", "/faults", self._list_faults),
                _route("POST", "/faults", self._add_fault),
                _route("DELETE", "/faults", self._clear_faults),
                _route("GET", "/faults/{id:int}", self._read_fault),
                _route("DELETE", "/faults/{id:int}", self._remove_fault),
                _route("GET", "/fault-kinds", self._fault_kinds),
                _route("GET", "/quotas", self._read_quotas),
                _route("PUT", "/quotas", self._replace_limits),
                _route("PATCH", "/quotas", self._change_limits),
                _route("POST", "/quotas/reset", self._reset_quotas),
                _route("POST", "/tokens/revoke", self._revoke_tokens),
                _route("POST", "/tokens/issue", self._issue_token),
                _route("POST", "/keys/rotate", self._rotate_keys),
                _route("POST", "/delta/reset", self._reset_delta),
                _route("POST", "/delta/expire", self._expire_delta),
                *(
                    _route(method, path, handler)
                    for method, path, handler in ChangesByHand(self._tenant).routes()
                ),
                Route("/{path:path}", _unknown, methods=_METHODS),
            ],
        )

    async def _index(self, request: Request) -> Any:
        return {
            "about": "The control surface of an Entra simulator; see docs/entra-simulator.md.",
            "tenant": self._tenant.id,
            "routes": [
                f"{'/'.join(sorted((route.methods or set()) - {'HEAD'}))} /_simulator{route.path}"
                for route in self.mount().routes
                if isinstance(route, Route) and route.endpoint is not _unknown
            ],
        }

    async def _journal_entries(self, request: Request) -> Any:
        entries = self._selected(request)
        return {"entries": entries, "lastNumber": self._journal.last_number}

    async def _journal_counts(self, request: Request) -> Any:
        return {"counts": counts(self._selected(request)), "lastNumber": self._journal.last_number}

    def _selected(self, request: Request) -> list[Any]:
        query = JournalQuery.from_parameters(request.query_params)
        return list(query.select(self._journal.entries(query.since)))

    async def _state(self, request: Request) -> Any:
        """`?only=users,groups` leaves out the rest."""
        state = self._tenant.directory()
        only = request.query_params.get("only")
        if only is None:
            return state
        for name in only.split(","):
            if name not in _STATE:
                raise FieldError("only", f"{name!r} is none of {', '.join(_STATE)}")
        return {name: state[name] for name in only.split(",")}

    async def _state_counts(self, request: Request) -> Any:
        tenant = self._tenant
        return {
            "users": len(tenant.users),
            "groups": len(tenant.groups),
            "memberships": sum(len(tenant.members_of(group_id)) for group_id in tenant.groups),
            "servicePrincipals": len(tenant.service_principals),
            "appRoleAssignments": len(tenant.assignments),
        }

    async def _read_behaviour(self, request: Request) -> Any:
        return self._behaviour.to_json()

    async def _replace_behaviour(self, request: Request) -> Any:
        self._behaviour.change(await _body(request), keep=False)
        return self._behaviour.to_json()

    async def _change_behaviour(self, request: Request) -> Any:
        self._behaviour.change(await _body(request), keep=True)
        return self._behaviour.to_json()

    async def _list_faults(self, request: Request) -> Any:
        return {"faults": [rule.to_json() for rule in self._faults.rules]}

    async def _add_fault(self, request: Request) -> Any:
        return 201, self._faults.add_json(await _body(request)).to_json()

    async def _clear_faults(self, request: Request) -> Any:
        self._faults.clear()

    async def _read_fault(self, request: Request) -> Any:
        rule = self._faults.find(request.path_params["id"])
        if rule is None:
            raise KeyError(f"fault {request.path_params['id']}")
        return rule.to_json()

    async def _remove_fault(self, request: Request) -> Any:
        self._faults.remove(request.path_params["id"])

    async def _fault_kinds(self, request: Request) -> Any:
        return {"kinds": {kind.name: kind.summary for kind in KINDS.values()}}

    async def _read_quotas(self, request: Request) -> Any:
        return self._quota.to_json()

    async def _replace_limits(self, request: Request) -> Any:
        self._quota.set_limits(Limits().changed(await _body(request)))
        return self._quota.to_json()

    async def _change_limits(self, request: Request) -> Any:
        self._quota.set_limits(self._quota.limits.changed(await _body(request)))
        return self._quota.to_json()

    async def _reset_quotas(self, request: Request) -> Any:
        self._quota.reset()

    async def _revoke_tokens(self, request: Request) -> Any:
        """Of `clientAppId`, or of every application when the body names none."""
        fields = Fields(await _body(request))
        app_id = fields.id("clientAppId") if "clientAppId" in fields else None
        fields.close()
        self._tokens.revoke(app_id)

    async def _issue_token(self, request: Request) -> Any:
        """For a person; see `user_tokens`."""
        token = self._user_tokens.issue(await _body(request), request.headers["host"])
        return {"accessToken": token}

    async def _rotate_keys(self, request: Request) -> Any:
        """The keys of before stay published unless the body says `"keep": false`."""
        fields = Fields(await _body(request))
        keep = fields.flag("keep", True)
        fields.close()
        return {"kid": self._keys.rotate(keep=keep).id}

    async def _reset_delta(self, request: Request) -> Any:
        self._end_delta(await _body(request), expired=False)

    async def _expire_delta(self, request: Request) -> Any:
        self._end_delta(await _body(request), expired=True)

    def _end_delta(self, document: Any, *, expired: bool) -> None:
        """Of `stream`, or of every one when the body names none."""
        fields = Fields(document)
        named = fields.choice("stream", STREAMS) if "stream" in fields else None
        fields.close()
        for stream in STREAMS if named is None else (named,):
            self._tenant.end_delta_tokens(stream, expired=expired)


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def _route(method: str, path: str, handler: Callable[[Request], Awaitable[Any]]) -> Route:
    """A handler answers with a body, a status and a body, or nothing."""

    async def answer(request: Request) -> Response:
        try:
            answered = await handler(request)
        except FieldError as error:
            return _error(400, error.field, error.message)
        except KeyError as error:
            return _error(404, "id", f"there is no {error.args[0]}")
        if answered is None:
            return Response(status_code=204)
        status, body = answered if isinstance(answered, tuple) else (200, answered)
        return JSONResponse(body, status)

    return Route(path, answer, methods=[method])


async def _unknown(request: Request) -> Response:
    return _error(404, "path", "is no route of the control surface; GET /_simulator/ lists them")


def _error(status: int, field: str, message: str) -> Response:
    return JSONResponse({"error": {"field": field, "message": message}}, status)


async def _body(request: Request) -> Any:
    content = await request.body()
    if not content:
        return {}
    try:
        return json.loads(content)
    except ValueError:
        raise FieldError("body", "is not JSON") from None
