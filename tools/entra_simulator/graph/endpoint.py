"""From HTTP to a Graph call and back: authentication, permission, envelope, headers, journal."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.graph.call import GraphCall
from tools.entra_simulator.graph.routes import ROUTES, GraphRoute, spellings
from tools.entra_simulator.journal import Call, Journal
from tools.entra_simulator.odata import QueryOptions, parse_options
from tools.entra_simulator.permissions import REQUIRED, allows
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tokens import Caller, Tokens

_LOG = logging.getLogger(__name__)

_CONTENT_TYPE = (
    "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8"
)
_DIAGNOSTIC = json.dumps(
    {
        "ServerInfo": {
            "DataCenter": "Simulator",
            "Slice": "E",
            "Ring": "1",
            "ScaleUnit": "000",
            "RoleInstance": "SIMULATOR0",
        }
    },
    separators=(",", ":"),
)
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]

Endpoint = Callable[[Request], Awaitable[Response]]


class GraphEndpoint:
    """Microsoft Graph for one tenant, in both of its versions."""

    def __init__(self, tenant: Tenant, tokens: Tokens, journal: Journal) -> None:
        self._tenant = tenant
        self._tokens = tokens
        self._journal = journal

    def mounts(self) -> list[Mount]:
        by_path: dict[str, dict[str, GraphRoute]] = {}
        for route in ROUTES:
            for path in spellings(route.template):
                by_path.setdefault(path, {})[route.method] = route
        routes = [
            Route(path, self._answers(_of_methods(methods)), methods=_METHODS)
            for path, methods in by_path.items()
        ]
        routes.append(
            Route("/appRoleAssignments", self._answers(_no_direct_queries), methods=_METHODS)
        )
        routes.append(Route("/{path:path}", self._answers(_unknown), methods=_METHODS))
        return [Mount("/v1.0", routes=routes), Mount("/beta", routes=routes)]

    def _answers(self, choose: Callable[[Request], GraphRoute]) -> Endpoint:
        async def answer(request: Request) -> Response:
            call = Call(
                source="graph",
                method=request.method,
                path=_path_and_query(request),
                request_id=str(uuid.uuid4()),
                client_request_id=request.headers.get("client-request-id"),
            )
            raw_body = await request.body()
            # From here to the journal nothing is awaited: calls do not interleave.
            try:
                response = self._answer(request, raw_body, choose, call)
            except GraphError as error:
                call.error_code = error.code
                response = self._refusal(request, call, error)
            except Exception:
                _LOG.exception("%s %s failed", call.method, call.path)
                call.error_code = "InternalServerError"
                response = self._response(call, 500, {"error": {"code": call.error_code}}, 0)
            call.status = response.status_code
            self._journal.append(call)
            return response

        return answer

    def _answer(
        self,
        request: Request,
        raw_body: bytes,
        choose: Callable[[Request], GraphRoute],
        call: Call,
    ) -> Response:
        caller = self._tokens.check(request.headers.get("authorization", ""))
        call.client_app_id = caller.app_id
        route = choose(request)
        _authorize(route, caller)
        options = parse_options(request.query_params.multi_items(), request.headers)
        if route.method == "POST":
            call.body = _json(raw_body)
        answered = route.handler(
            GraphCall(
                tenant=self._tenant,
                caller=caller,
                root=f"https://{request.headers['host']}{request.scope['root_path']}",
                path=_path(request).removeprefix(request.scope["root_path"]),
                parameters=request.path_params,
                query=request.query_params.multi_items(),
                options=options,
                body=call.body,
                changes=call.changes,
            )
        )
        return self._response(call, answered.status, answered.body, _units(route, options))

    def _refusal(self, request: Request, call: Call, error: GraphError) -> Response:
        body = {
            "error": {
                "code": error.code,
                "message": error.message,
                "innerError": {
                    "date": self._tenant.clock().strftime("%Y-%m-%dT%H:%M:%S"),
                    "request-id": call.request_id,
                    "client-request-id": call.client_request_id or call.request_id,
                },
            }
        }
        response = self._response(call, error.status, body, units=0)
        if error.status == 401:
            authorize = f"https://{request.headers['host']}/common/oauth2/authorize"
            response.headers["WWW-Authenticate"] = (
                f'Bearer realm="", authorization_uri="{authorize}", '
                'client_id="00000003-0000-0000-c000-000000000000"'
            )
        return response

    def _response(
        self, call: Call, status: int, body: Mapping[str, Any] | None, units: int
    ) -> Response:
        headers = {
            "Cache-Control": "no-cache",
            "OData-Version": "4.0",
            "request-id": call.request_id or "",
            "client-request-id": call.client_request_id or call.request_id or "",
            "x-ms-ags-diagnostic": _DIAGNOSTIC,
            "x-ms-resource-unit": str(units),
        }
        if body is None:
            return Response(status_code=status, headers=headers)
        headers["Content-Type"] = _CONTENT_TYPE
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return Response(content, status, headers)


def _of_methods(routes: Mapping[str, GraphRoute]) -> Callable[[Request], GraphRoute]:
    def choose(request: Request) -> GraphRoute:
        if request.method not in routes:
            raise GraphError(Refusal.METHOD_NOT_ALLOWED)
        return routes[request.method]

    return choose


def _no_direct_queries(request: Request) -> GraphRoute:
    raise GraphError(Refusal.NO_DIRECT_QUERIES)


def _unknown(request: Request) -> GraphRoute:
    segment = request.path_params["path"].partition("/")[0]
    raise GraphError(Refusal.UNKNOWN_SEGMENT, segment=segment)


def _authorize(route: GraphRoute, caller: Caller) -> None:
    if not allows(REQUIRED[route.method, route.template], caller.granted):
        raise GraphError(Refusal.INSUFFICIENT_PRIVILEGES)


def _units(route: GraphRoute, options: QueryOptions) -> int:
    """What the call costs. Refused calls cost nothing, as measured by others in the field."""
    units = route.resource_units
    units -= options.select is not None
    units -= options.top is not None and options.top < 20
    units += options.expand_manager is not None
    return max(units, 1)


def _json(raw_body: bytes) -> Any:
    try:
        return json.loads(raw_body)
    except ValueError:
        raise GraphError(Refusal.INVALID_JSON) from None


def _path(request: Request) -> str:
    """The path as it was sent: a guest's user principal name holds an encoded `#`."""
    raw_path: bytes = request.scope["raw_path"]
    return raw_path.decode("latin-1")


def _path_and_query(request: Request) -> str:
    query: bytes = request.scope["query_string"]
    return f"{_path(request)}?{query.decode('latin-1')}" if query else _path(request)
