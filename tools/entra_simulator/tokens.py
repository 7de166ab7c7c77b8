"""Access tokens for Microsoft Graph: what the login endpoint signs and Graph checks."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from tools.entra_simulator.behaviour import Behaviour
from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal
from tools.entra_simulator.signing_keys import SigningKeys

GRAPH = "https://graph.microsoft.com"
# Microsoft Graph in each cloud; this tenant is in whichever its callers think.
# Source: Microsoft Learn, "National cloud deployments".
RESOURCES = frozenset(
    {
        GRAPH,
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    }
)


@dataclass(frozen=True)
class Caller:
    """The application that a token speaks for, and the permissions granted to it."""

    app_id: str
    granted: frozenset[str]


class Tokens:
    """Signs access tokens and checks them again."""

    def __init__(
        self,
        keys: SigningKeys,
        tenant_id: str,
        clock: Callable[[], datetime],
        behaviour: Behaviour | None = None,
    ) -> None:
        self._keys = keys
        self._tenant_id = tenant_id
        self._clock = clock
        self._behaviour = behaviour or Behaviour()
        # The ids of tokens that were revoked, and of those that may yet be. Both are forgotten
        # at a restart.
        self._issued: dict[str, set[str]] = {}
        self._revoked: set[str] = set()

    @property
    def lifetime(self) -> timedelta:
        """Of the tokens issued now. By default one second short of an hour, as Microsoft's."""
        return timedelta(seconds=self._behaviour.token_lifetime)

    def issue(self, registration: GraphObject, resource: str = GRAPH) -> str:
        """A version 1.0 token, the version Graph takes. Claims as in Microsoft's own."""
        now = self._clock()
        token_id = uuid.uuid4().hex[:22]
        self._issued.setdefault(registration["appId"], set()).add(token_id)
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "app_displayname": registration["displayName"],
            "appid": registration["appId"],
            "idtyp": "app",
            "roles": registration["permissions"],
            "tid": self._tenant_id,
            "uti": token_id,
            "ver": "1.0",
        }
        return self._keys.current.sign(claims)

    def revoke(self, app_id: str | None = None) -> None:
        """Ends the tokens issued since the start, of one application or of all."""
        for issued_to, token_ids in self._issued.items():
            if app_id in (None, issued_to):
                self._revoked |= token_ids
                token_ids.clear()

    def check(self, authorization: str) -> Caller:
        """The caller named by an Authorization header. Refuses as Graph refuses."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise GraphError(Refusal.TOKEN_EMPTY)
        if "." not in token:
            raise GraphError(Refusal.TOKEN_NO_JWT)
        try:
            # Time and audience are compared here and not by the library: against the
            # simulator's clock, and each with a refusal of its own.
            claims = jwt.decode(
                token,
                self._keys.public(jwt.get_unverified_header(token).get("kid")),
                algorithms=["RS256"],
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
        except jwt.InvalidTokenError:
            raise GraphError(Refusal.TOKEN_INVALID) from None
        if claims["exp"] <= self._clock().timestamp():
            raise GraphError(Refusal.TOKEN_EXPIRED)
        if claims["aud"] not in RESOURCES:
            raise GraphError(Refusal.TOKEN_AUDIENCE)
        if claims.get("uti") in self._revoked:
            raise GraphError(Refusal.TOKEN_REVOKED)
        return Caller(claims["appid"], frozenset(claims["roles"]))
