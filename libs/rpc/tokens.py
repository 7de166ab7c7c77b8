"""Bearer tokens: checked on the way in, read from a file on the way out.

A token is a JWT, signed with RS256 by the configured issuer. A person's has `tid`, `oid` and
`roles`, as Entra's version 2 tokens do; a service's has `latchkey_service`.
"""

import json
import time
from pathlib import Path
from typing import Any

import jwt
import structlog
from jwt import PyJWK, PyJWTError

from libs.domain.callers import Caller, Person, Service
from libs.domain.errors import Unauthenticated, Unavailable

_LEEWAY_SECONDS = 30
_MAX_LENGTH = 8192
# How long a key that was withdrawn may still let somebody in.
_KEYS_SECONDS = 60.0
_UNKNOWN_KEY_SECONDS = 5.0
_MOST_REMEMBERED = 4096
# What reading keys fails with, whatever somebody has put into the file.
_NO_KEY_SET = (ValueError, LookupError, TypeError, AttributeError, PyJWTError)
_log = structlog.get_logger(__name__)


class TokenVerifier:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, *, issuer: str, audience: str, jwks_file: Path) -> None:
        """Reads the keys.

        Raises:
            OSError: the file can't be read.
            ValueError: it is no key set, or one without keys to check RS256 with.
        """
        self._issuer = issuer
        self._audience = audience
        self._jwks_file = jwks_file
        self._keys: dict[str, Any] = {}
        self._text = ""
        self._read_at = 0.0
        # Checking a signature costs more than everything else of a small call.
        self._remembered: dict[str, tuple[float, Caller]] = {}
        try:
            self._read_keys()
        except _NO_KEY_SET as error:
            raise ValueError(f"it is no JSON key set: {error!r}") from error
        if not self._keys:
            raise ValueError("there is no RSA key in it")

    def verify(self, token: str) -> Caller:
        """Who the token names.

        Raises:
            Unauthenticated: the token is not one that this service accepts.
        """
        self._refresh(_KEYS_SECONDS)
        known = self._remembered.get(token)
        if known is not None and known[0] > time.time():
            return known[1]
        if len(token) > _MAX_LENGTH:
            raise Unauthenticated("the token is too long")
        claims = self._claims(token)
        caller = _caller(claims)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[token] = (float(claims["exp"]), caller)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":
                raise Unauthenticated("the token is not signed with RS256")
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(header.get("kid", "")),
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the token has expired") from error
        except jwt.InvalidAudienceError as error:
            raise Unauthenticated("the token is for another audience") from error
        except jwt.InvalidIssuerError as error:
            raise Unauthenticated("the token is from another issuer") from error
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise Unauthenticated("the token is not valid") from error
        return claims

    def _key(self, key_id: object) -> Any:
        if key_id not in self._keys:
            self._refresh(_UNKNOWN_KEY_SECONDS)
        if not isinstance(key_id, str) or key_id not in self._keys:
            raise Unauthenticated("the token is signed with an unknown key")
        return self._keys[key_id]

    def _refresh(self, seconds: float) -> None:
        """Reads the keys again if that was last done longer ago.

        A file that can't be read for a moment, as while it is replaced, leaves them as they were.
        """
        if time.monotonic() - self._read_at <= seconds:
            return
        try:
            self._read_keys()
        except (OSError, *_NO_KEY_SET) as error:
            _log.error("keys_unreadable", file=str(self._jwks_file), problem=repr(error))

    def _read_keys(self) -> None:
        self._read_at = time.monotonic()
        text = self._jwks_file.read_text()
        if text == self._text:
            return
        jwks = json.loads(text)
        keys = {
            key["kid"]: PyJWK.from_dict(key, algorithm="RS256").key
            for key in jwks["keys"]
            if key.get("kty") == "RSA"
        }
        if not keys and self._keys:
            raise ValueError("there is no RSA key in it any more")
        self._keys = keys
        self._text = text
        # Who was let in by a key that is gone is not let in any more.
        self._remembered.clear()


def _caller(claims: dict[str, Any]) -> Caller:
    service = claims.get("latchkey_service")
    if isinstance(service, str) and service:
        return Service(service)
    tenant, person = claims.get("tid"), claims.get("oid")
    if not (_names(tenant) and _names(person)):
        raise Unauthenticated("the token names neither a person nor a service")
    roles = claims.get("roles", [])
    if not isinstance(roles, list):
        raise Unauthenticated("the token's roles are not a list")
    return Person(
        entra_tenant_id=str(tenant).lower(),
        entra_object_id=str(person).lower(),
        display_name=_legible(str(claims.get("name", ""))),
        roles=frozenset(str(role) for role in roles),
    )


def _names(claim: object) -> bool:
    """Whether a claim can be an id."""
    return isinstance(claim, str) and claim != "" and _legible(claim) == claim


def _legible(text: str) -> str:
    """A text that everything behind us takes: JSON can spell what UTF-8 or PostgreSQL can't."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


class TokenFile:
    """A service's own token, in a file that somebody else renews."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = 0.0
        self._token = ""

    def current(self) -> str:
        """The token, read again every minute.

        Raises:
            Unavailable: there has never been one in the file.
        """
        if time.monotonic() - self._read_at > 60 or not self._token:
            try:
                self._token = self._path.read_text().strip()
            except OSError as error:
                _log.error("token_unreadable", file=str(self._path), problem=repr(error))
                if not self._token:
                    raise Unavailable("our own token", type(error).__name__) from error
            self._read_at = time.monotonic()
        return self._token
