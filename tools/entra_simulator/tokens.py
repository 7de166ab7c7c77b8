"""Access tokens for Microsoft Graph: what the login endpoint signs and Graph checks."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import GraphError, Refusal

GRAPH = "https://graph.microsoft.com"

# One second short of an hour, as the real endpoint answers.
LIFETIME = timedelta(seconds=3599)


@dataclass(frozen=True)
class Caller:
    """The application that a token speaks for, and the permissions granted to it."""

    app_id: str
    granted: frozenset[str]


class Tokens:
    """Signs access tokens with one RSA key and checks them again."""

    def __init__(
        self, key: rsa.RSAPrivateKey, tenant_id: str, clock: Callable[[], datetime]
    ) -> None:
        self._key = key
        self._public_key = key.public_key()
        self._tenant_id = tenant_id
        self._clock = clock
        self._key_id = hashlib.sha256(
            self._public_key.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).hexdigest()[:27]

    def key_set(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._public_key))
        published = {"kty": "RSA", "use": "sig", "kid": self._key_id, "x5t": self._key_id}
        return {"keys": [{**published, "n": key["n"], "e": key["e"]}]}

    def issue(self, registration: GraphObject) -> str:
        """A version 1.0 token, the version Graph takes. Claims as in Microsoft's own."""
        now = self._clock()
        claims = {
            "aud": GRAPH,
            "iss": f"https://sts.windows.net/{self._tenant_id}/",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "app_displayname": registration["displayName"],
            "appid": registration["appId"],
            "idtyp": "app",
            "roles": registration["permissions"],
            "tid": self._tenant_id,
            "uti": uuid.uuid4().hex[:22],
            "ver": "1.0",
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

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
                self._public_key,
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
        if claims["aud"] != GRAPH:
            raise GraphError(Refusal.TOKEN_AUDIENCE)
        return Caller(claims["appid"], frozenset(claims["roles"]))
