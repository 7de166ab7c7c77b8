"""The dev house's tokens: checked on the way in, read from a file on the way out.

A token is a JWT, signed with RS256 by a local issuer, whose keys are in a file. A person's has
`tid`, `oid` and `roles`, as Entra's have; a service's has `latchkey_service`. Who has that issuer's
folder is whoever they say: outside the dev house none of this is believed.
"""

import json
import time
from pathlib import Path
from typing import Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWTError

from libs.domain.callers import Caller, Person, Service
from libs.domain.errors import Unauthenticated, Unavailable
from libs.rpc.jwts import Checked, Jwt, Remembered, legible

# How long a key that was withdrawn may still let somebody in.
_KEYS_SECONDS = 60.0
_UNKNOWN_KEY_SECONDS = 5.0
# What reading keys fails with, whatever somebody has put into the file.
_NO_KEY_SET = (ValueError, LookupError, TypeError, AttributeError, PyJWTError)
_log = structlog.get_logger(__name__)


class Verifier(Protocol):
    """Says whom tokens name."""

    async def verify(self, token: str) -> Caller:
        """Who the token names.

        Raises:
            Unauthenticated: the token is not one that is accepted.
            Unavailable: whether it is can't be told at the moment.
        """
        ...

    def ends(self, token: str) -> float:
        """When a token that was just verified ends, in seconds since 1970."""
        ...


class TokenVerifier:
    """Checks tokens of one local issuer for one audience."""

    def __init__(self, *, issuer: str, audience: str, jwks_file: Path) -> None:
        """Reads the keys.

        Raises:
            OSError: the file can't be read.
            ValueError: it is no key set, or one without keys to check RS256 with.
        """
        self._issuer = issuer
        self._audience = audience
        self._jwks_file = jwks_file
        self._keys: dict[str, RSAPublicKey] = {}
        self._text = ""
        self._read_at = 0.0
        self._remembered = Remembered()
        try:
            self._read_keys()
        except _NO_KEY_SET as error:
            raise ValueError(f"it is no JSON key set: {error!r}") from error
        if not self._keys:
            raise ValueError("there is no RSA key in it")

    async def verify(self, token: str) -> Caller:
        """Who the token names.

        Raises:
            Unauthenticated: the token is not one that this service accepts.
        """
        self._refresh(_KEYS_SECONDS)
        if (known := self._remembered.get(token)) is not None:
            return known.caller
        jwt = Jwt.read(token)
        key = self._key(jwt.key_id)
        jwt.check_signature(key)
        until = jwt.check_times()
        if jwt.claims.get("iss") != self._issuer:
            raise Unauthenticated("the token is from another issuer")
        audience = jwt.claims.get("aud")
        if audience != self._audience and audience != [self._audience]:
            raise Unauthenticated("the token is for another audience")
        caller = _caller(jwt)
        self._remembered.put(token, Checked(until, jwt.key_id, key, caller))
        return caller

    def ends(self, token: str) -> float:
        """When a token that was just verified ends, in seconds since 1970."""
        return self._remembered.ends(token)

    def _key(self, key_id: str) -> RSAPublicKey:
        if key_id not in self._keys:
            self._refresh(_UNKNOWN_KEY_SECONDS)
        if key_id not in self._keys:
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
        self._remembered = Remembered()


def _caller(jwt: Jwt) -> Caller:
    service = jwt.claims.get("latchkey_service")
    if isinstance(service, str) and service:
        return Service(service)
    tenant, person = jwt.claims.get("tid"), jwt.claims.get("oid")
    if not (_names(tenant) and _names(person)):
        raise Unauthenticated("the token names neither a person nor a service")
    return Person(
        entra_tenant_id=str(tenant).lower(),
        entra_object_id=str(person).lower(),
        display_name=jwt.name,
        roles=jwt.roles,
    )


def _names(claim: object) -> bool:
    """Whether a claim can be an id."""
    return isinstance(claim, str) and claim != "" and legible(claim) == claim


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
