"""Microsoft's login endpoint: discovery, keys and client-credential tokens.

Every address in an answer is built from the Host header, because clients use the token
endpoint exactly as discovery names it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tools.entra_simulator.connections import Reset
from tools.entra_simulator.credentials import check_credentials
from tools.entra_simulator.fault_kinds import Connection, Moment
from tools.entra_simulator.fault_rules import Strike
from tools.entra_simulator.faults import Faults
from tools.entra_simulator.journal import Call, Journal
from tools.entra_simulator.login_errors import LoginError, LoginRefusal
from tools.entra_simulator.signing_keys import SigningKeys
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tokens import RESOURCES, Tokens

_DEFAULT_SCOPE = "/.default"

Handler = Callable[[Request, Call], Awaitable[dict[str, Any]]]


class Login:
    """The login endpoint of one tenant."""

    def __init__(
        self,
        tenant: Tenant,
        tokens: Tokens,
        keys: SigningKeys,
        journal: Journal,
        faults: Faults,
    ) -> None:
        self._tenant = tenant
        self._tokens = tokens
        self._signing_keys = keys
        self._journal = journal
        self._faults = faults

    def routes(self) -> list[Route]:
        return [
            Route("/common/discovery/instance", self._answers(self._instance_discovery)),
            Route(
                "/{tenant}/v2.0/.well-known/openid-configuration",
                self._answers(self._openid_configuration),
            ),
            Route("/{tenant}/discovery/v2.0/keys", self._answers(self._keys)),
            Route("/{tenant}/oauth2/v2.0/token", self._answers(self._token), methods=["POST"]),
        ]

    def _answers(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            call = Call(
                source="login",
                method=request.method,
                path=request.url.path,
                request_id=str(uuid.uuid4()),
                client_request_id=request.headers.get("client-request-id"),
            )
            strike = self._faults.strike(
                request.method, request.url.path, in_batch=False, service="login"
            )
            if strike is not None:
                call.fault = strike.kind
            if strike is None or strike.moment is Moment.AFTER:
                response = await self._own_answer(handler, request, call)
            if strike is not None and strike.connection is Connection.ANSWER:
                response = self._struck(request, call, strike)
            broken = strike and strike.connection in (Connection.RESET, Connection.HANG)
            call.status = None if broken else response.status_code
            self._journal.append(call)
            if strike is not None and broken:
                return Reset(request, strike.seconds)
            response.headers["Cache-Control"] = "no-store, no-cache"
            response.headers["x-ms-request-id"] = call.request_id or ""
            if strike is not None and strike.seconds:
                await asyncio.sleep(strike.seconds)
            return response

        return answer

    async def _own_answer(self, handler: Handler, request: Request, call: Call) -> Response:
        try:
            return JSONResponse(await handler(request, call))
        except LoginError as error:
            return self._refusal(request, call, error)

    def _struck(self, request: Request, call: Call, strike: Strike) -> Response:
        """A fault, in the words of the login endpoint."""
        refusal = LoginRefusal.THROTTLED if strike.status == 429 else LoginRefusal.UNAVAILABLE
        error = LoginError(refusal)
        error.status = strike.status
        if strike.kind == "error":
            error.error, error.message = strike.code, strike.message
        response = self._refusal(request, call, error)
        response.headers.update(strike.headers)
        return response

    async def _instance_discovery(self, request: Request, call: Call) -> dict[str, Any]:
        tenant = f"https://{_host(request)}/{self._tenant.id}"
        return {
            "tenant_discovery_endpoint": f"{tenant}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": _host(request),
                    "preferred_cache": _host(request),
                    "aliases": [_host(request)],
                }
            ],
        }

    async def _openid_configuration(self, request: Request, call: Call) -> dict[str, Any]:
        self._check_tenant(request)
        host = _host(request)
        tenant = f"https://{host}/{self._tenant.id}"
        return {
            "token_endpoint": f"{tenant}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
            ],
            "jwks_uri": f"{tenant}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{tenant}/v2.0",
            "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
            "tenant_region_scope": "EU",
            "cloud_instance_name": host,
            "msgraph_host": host,
        }

    async def _keys(self, request: Request, call: Call) -> dict[str, Any]:
        self._check_tenant(request)
        return self._signing_keys.key_set()

    async def _token(self, request: Request, call: Call) -> dict[str, Any]:
        form = dict(parse_qsl((await request.body()).decode("utf-8", errors="replace")))
        call.client_app_id = form.get("client_id")
        self._check_tenant(request)
        for parameter in ("grant_type", "client_id", "scope"):
            if parameter not in form:
                raise LoginError(LoginRefusal.MISSING_PARAMETER, parameter=parameter)
        if form["grant_type"] != "client_credentials":
            raise LoginError(LoginRefusal.UNSUPPORTED_GRANT_TYPE, grant_type=form["grant_type"])
        resource = self._resource(form["scope"])
        registration = self._registration(form["client_id"])
        endpoint = f"https://{_host(request)}{request.url.path}"
        check_credentials(registration, form, endpoint, self._tenant.clock())
        seconds = int(self._tokens.lifetime.total_seconds())
        return {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._tokens.issue(registration, resource),
        }

    def _check_tenant(self, request: Request) -> None:
        name = request.path_params["tenant"]
        if not self._tenant.answers_to(name):
            raise LoginError(LoginRefusal.UNKNOWN_TENANT, tenant=name)

    def _resource(self, scope: str) -> str:
        if not scope.endswith(_DEFAULT_SCOPE):
            raise LoginError(LoginRefusal.INVALID_SCOPE, scope=scope)
        resource = scope.removesuffix(_DEFAULT_SCOPE)
        if resource not in RESOURCES:
            tenant = self._tenant.organization["displayName"]
            raise LoginError(LoginRefusal.UNKNOWN_RESOURCE, resource=resource, tenant=tenant)
        return resource

    def _registration(self, app_id: str) -> dict[str, Any]:
        for registration in self._tenant.app_registrations:
            if registration["appId"] == app_id:
                return registration
        tenant = self._tenant.organization["displayName"]
        raise LoginError(LoginRefusal.UNKNOWN_APP, app_id=app_id, tenant=tenant)

    def _refusal(self, request: Request, call: Call, error: LoginError) -> JSONResponse:
        call.error_code = f"AADSTS{error.number}"
        timestamp = self._tenant.clock().strftime("%Y-%m-%d %H:%M:%SZ")
        correlation_id = call.client_request_id or str(uuid.uuid4())
        return JSONResponse(
            {
                "error": error.error,
                "error_description": (
                    f"AADSTS{error.number}: {error.message} Trace ID: {call.request_id} "
                    f"Correlation ID: {correlation_id} Timestamp: {timestamp}"
                ),
                "error_codes": [error.number],
                "timestamp": timestamp,
                "trace_id": call.request_id,
                "correlation_id": correlation_id,
                "error_uri": f"https://{_host(request)}/error?code={error.number}",
            },
            error.status,
        )


def _host(request: Request) -> str:
    return request.headers["host"]
