"""Access tokens of one connection, by client credentials.

MSAL is synchronous, so it runs in a thread; it takes httpx as its HTTP client, so that one way of
trusting certificates serves login and Graph. It would follow wherever the login endpoint's
discovery document points: the client refuses every host but the cloud's own.
"""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import msal

from services.connector.entra.clouds import Cloud
from services.connector.entra.problems import Problem, tidy
from services.connector.entra.secrets import SecretMissing

# Renewed this long before it ends.
_MARGIN_SECONDS = 300
_TIMEOUT = httpx.Timeout(10.0)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Its text is in no representation of it."""

    _text: str
    _until: float

    @property
    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"Bearer {self._text}"

    @property
    def is_fresh(self) -> bool:
        """Whether it can still be used for a while."""
        return time.monotonic() < self._until - _MARGIN_SECONDS

    def permissions(self) -> frozenset[str]:
        """The application permissions that it carries. Nothing is verified: it is ours."""
        payload = self._text.split(".")[1] if self._text.count(".") == 2 else ""
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (binascii.Error, ValueError):
            return frozenset()
        roles = claims.get("roles", []) if isinstance(claims, dict) else []
        return frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset()

    def __repr__(self) -> str:
        return "Token(…)"


class TokenSource:
    """The tokens of one application in one tenant of one cloud."""

    def __init__(
        self,
        cloud: Cloud,
        entra_tenant_id: str,
        entra_client_id: str,
        secret: Callable[[], str],
    ) -> None:
        """`secret` reads the client secret; it may block, and raises SecretMissing."""
        self._cloud = cloud
        self._authority = f"{cloud.login_url}/{entra_tenant_id}"
        self._client_id = entra_client_id
        self._secret = secret
        self._token: Token | None = None
        self._refreshing: asyncio.Task[Token | Problem] | None = None

    async def token(self, *, anew: bool = False) -> Token | Problem:
        """A token that can be used for a while. Asked for by many, it is fetched once.

        What a token permits was settled when it was issued; one that is fetched `anew` tells how
        it is now.
        """
        if anew:
            self._token = None
        if self._token is not None and self._token.is_fresh:
            return self._token
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh(), name="token")
            self._refreshing.add_done_callback(self._refreshed)
        # Who waits may be cancelled; the others still want it.
        return await asyncio.shield(self._refreshing)

    def drop(self, token: Token) -> None:
        """Forgets a token that Graph does not accept, or that may carry too few permissions."""
        if self._token is token:
            self._token = None

    def _refreshed(self, task: "asyncio.Task[Token | Problem]") -> None:
        self._refreshing = None

    async def _refresh(self) -> Token | Problem:
        found = await asyncio.to_thread(self._fetch)
        self._token = found if isinstance(found, Token) else None
        return found

    def _fetch(self) -> Token | Problem:
        """Signs in. Runs in a thread."""
        try:
            # Read each time: a rotated secret is used from the next sign-in on.
            secret = self._secret()
        except SecretMissing as error:
            return Problem(400, "secret_missing", str(error), sent=False, signing_in=True)
        began = time.monotonic()
        try:
            with httpx.Client(
                verify=self._cloud.trust(),
                timeout=_TIMEOUT,
                trust_env=self._cloud.ca_file is None,
                event_hooks={"request": [self._only_own_host]},
            ) as client:
                # Discovery of instances would ask the global cloud about the others; the hosts
                # are known here.
                application = msal.ConfidentialClientApplication(
                    self._client_id,
                    client_credential=secret,
                    authority=self._authority,
                    instance_discovery=False,
                    http_client=client,
                )
                result: dict[str, Any] = application.acquire_token_for_client([self._cloud.scope])
        except (httpx.HTTPError, OSError) as error:
            return self._problem(0, type(error).__name__, "no answer", secret)
        except (ValueError, KeyError, RuntimeError, TypeError) as error:
            # MSAL: the authority has no such tenant, or answered what it does not understand.
            return self._problem(400, "authority_refused", str(error), secret)
        if "access_token" in result:
            return Token(str(result["access_token"]), began + float(result.get("expires_in", 3599)))
        code = str(result.get("error", "unknown"))
        # OAuth's own words for "not now".
        passing = code in ("temporarily_unavailable", "server_error")
        description = str(result.get("error_description", ""))
        return self._problem(503 if passing else 401, code, description, secret)

    def _only_own_host(self, request: httpx.Request) -> None:
        own = httpx.URL(self._cloud.login_url)
        if (request.url.scheme, request.url.netloc) != (own.scheme, own.netloc):
            raise ValueError(f"it points to the host {request.url.host}, which is not the cloud's")

    def _problem(self, status: int, code: str, text: str, secret: str) -> Problem:
        return Problem(status, code, tidy(text, secret), sent=False, signing_in=True)
