"""The token endpoints that a managed identity asks on its own machine, over plain http.

Two of them: a virtual machine's metadata service (IMDS), and App Service's, which is told to its
programs by IDENTITY_ENDPOINT and IDENTITY_HEADER. Registrations of the tenant file that say
`"managedIdentity": true` may sign in here; the first of them is the machine's own.
Source: Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to
acquire an access token" and "App Service: REST endpoint reference".
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.journal import Call, Journal
from tools.entra_simulator.tenant import Tenant
from tools.entra_simulator.tokens import RESOURCES, Tokens

METADATA_PATH = "/metadata/identity/oauth2/token"
APP_SERVICE_PATH = "/msi/token"


class _Refused(Exception):
    """The error and its description."""


class ManagedIdentity:
    """Both endpoints of one machine. `header` is what IDENTITY_HEADER is set to."""

    # `http://localhost:PORT`, as AZURE_POD_IDENTITY_AUTHORITY_HOST wants it.
    url: str

    def __init__(self, tenant: Tenant, tokens: Tokens, journal: Journal) -> None:
        self._tenant = tenant
        self._tokens = tokens
        self._journal = journal
        self.header = secrets.token_hex(16)

    @property
    def endpoint(self) -> str:
        """What IDENTITY_ENDPOINT is set to."""
        return self.url + APP_SERVICE_PATH

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route(METADATA_PATH, self._metadata),
                Route(APP_SERVICE_PATH, self._app_service),
            ]
        )

    async def _metadata(self, request: Request) -> JSONResponse:
        known = request.headers.get("metadata", "").lower() == "true"
        return self._answer(request, None if known else "Required metadata header not specified")

    async def _app_service(self, request: Request) -> JSONResponse:
        known = secrets.compare_digest(request.headers.get("x-identity-header", ""), self.header)
        return self._answer(request, None if known else "The X-IDENTITY-HEADER is not this site's")

    def _answer(self, request: Request, refusal: str | None) -> JSONResponse:
        call = Call(
            source="login",
            method=request.method,
            path=request.url.path,
            request_id=str(uuid.uuid4()),
            client_request_id=request.headers.get("client-request-id"),
        )
        try:
            if refusal is not None:
                raise _Refused("invalid_request", refusal)
            response = JSONResponse(self._token(request, call))
        except _Refused as refused:
            error, description = refused.args
            call.error_code = error
            response = JSONResponse({"error": error, "error_description": description}, 400)
        call.status = response.status_code
        self._journal.append(call)
        return response

    def _token(self, request: Request, call: Call) -> dict[str, Any]:
        resource = request.query_params.get("resource", "").removesuffix("/")
        if "api-version" not in request.query_params:
            raise _Refused("invalid_request", "api-version is missing")
        if resource not in RESOURCES:
            raise _Refused(
                "invalid_resource",
                f"AADSTS500011: The resource principal named {resource} was not found in the "
                f"tenant named {self._tenant.organization['displayName']}.",
            )
        registration = self._identity(request.query_params.get("client_id"))
        call.client_app_id = registration["appId"]
        now = int(self._tenant.clock().timestamp())
        lifetime = int(self._tokens.lifetime.total_seconds())
        # Numbers are texts here, unlike at the login endpoint.
        return {
            "access_token": self._tokens.issue(registration, resource),
            "client_id": registration["appId"],
            "expires_in": str(lifetime),
            "expires_on": str(now + lifetime),
            "ext_expires_in": str(lifetime),
            "not_before": str(now),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _identity(self, client_id: str | None) -> GraphObject:
        for registration in self._tenant.app_registrations:
            if registration.get("managedIdentity") and client_id in (None, registration["appId"]):
                return registration
        raise _Refused("invalid_request", "Identity not found")
