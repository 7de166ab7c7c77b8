"""Signed tokens, read strictly and checked with the one algorithm that is taken.

Whatever two readers could understand differently is no token here: a key that stands twice in the
JSON, base64 that isn't canonical, numbers that are none. What a header says of where to find keys
(`jku`, `jwk`, `x5u`, `x5c`) is not looked at.
"""

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from libs.domain.callers import ROLES, Caller
from libs.domain.errors import Unauthenticated

MAX_LENGTH = 8192
LEEWAY_SECONDS = 30
_KEY_ID_LENGTH = 128
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Jwt:
    """A token's parts. Nothing in them is true before `check_signature`."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @classmethod
    def read(cls, token: str) -> "Jwt":
        """Takes a token apart.

        Raises:
            Unauthenticated: it is longer than any honest one, or no token of three parts.
        """
        if len(token) > MAX_LENGTH:
            raise Unauthenticated("the token is too long")
        parts = token.split(".")
        if len(parts) != 3:
            raise Unauthenticated("the token is not valid")
        header, claims, signature = map(_decoded, parts)
        signed = token.rpartition(".")[0].encode()
        return cls(_object(header), _object(claims), signed, signature)

    @property
    def key_id(self) -> str:
        """Which key is said to have signed it.

        Raises:
            Unauthenticated: by its header this is no token that anybody here would sign.
        """
        if self.header.get("alg") != "RS256":
            raise Unauthenticated("the token is not signed with RS256")
        # RFC 7515: who does not know what is critical must not go on. Nothing is known here.
        if "crit" in self.header:
            raise Unauthenticated("the token says that something unknown is critical")
        if str(self.header.get("typ", "JWT")).upper() != "JWT":
            raise Unauthenticated("the token is of another type")
        key_id = self.header.get("kid")
        if not isinstance(key_id, str) or not 0 < len(key_id) <= _KEY_ID_LENGTH:
            raise Unauthenticated("the token is signed with an unknown key")
        return key_id

    def check_signature(self, key: RSAPublicKey) -> None:
        """Does nothing when the key's owner has signed the token.

        Raises:
            Unauthenticated: somebody else has, or nobody.
        """
        if not _RS256.verify(self.signed, key, self.signature):
            raise Unauthenticated("the token is not valid")

    def check_times(self) -> float:
        """Until when the token is good, in seconds since 1970.

        Raises:
            Unauthenticated: it isn't good now.
        """
        now = time.time()
        ends = self.seconds("exp")
        if ends is None:
            raise Unauthenticated("the token is not valid")
        if ends + LEEWAY_SECONDS <= now:
            raise Unauthenticated("the token has expired")
        if any((self.seconds(name) or 0) - LEEWAY_SECONDS > now for name in ("nbf", "iat")):
            raise Unauthenticated("the token is not valid yet")
        return ends

    def seconds(self, claim: str) -> int | None:
        """A time that the token tells; None for none.

        Raises:
            Unauthenticated: what stands there is no time.
        """
        found = self.claims.get(claim)
        if found is None:
            return None
        if not isinstance(found, int) or isinstance(found, bool):
            raise Unauthenticated("the token is not valid")
        return found

    @property
    def roles(self) -> frozenset[str]:
        """The roles that mean something to us.

        Raises:
            Unauthenticated: what stands there is no list.
        """
        found = self.claims.get("roles", [])
        if not isinstance(found, list):
            raise Unauthenticated("the token's roles are not a list")
        return frozenset(role for role in found if isinstance(role, str)) & ROLES

    @property
    def name(self) -> str:
        """A name for reading, never for deciding."""
        found = self.claims.get("name")
        return legible(found) if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A token that was good: until when, by which key, and whom it names."""

    until: float
    key_id: str
    key: RSAPublicKey
    caller: Caller


class Remembered:
    """Tokens that were checked, until they end. A signature costs more than all else of a call."""

    def __init__(self) -> None:
        self._found: dict[str, Checked] = {}

    def get(self, token: str) -> Checked | None:
        """What was found out about the token, while it has not ended."""
        found = self._found.get(token)
        if found is not None and found.until <= time.time():
            del self._found[token]
            return None
        return found

    def ends(self, token: str) -> float:
        """When a token ends, in seconds since 1970; that it has ended when it is not remembered."""
        found = self._found.get(token)
        return 0.0 if found is None else found.until

    def put(self, token: str, checked: Checked) -> None:
        """Remembers a token that is good."""
        if len(self._found) >= _MOST_REMEMBERED:
            self._found.clear()
        self._found[token] = checked


def legible(text: str) -> str:
    """A text that everything behind us takes: JSON can spell what UTF-8 or PostgreSQL can't."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _decoded(part: str) -> bytes:
    if not _PART.fullmatch(part):
        raise Unauthenticated("the token is not valid")
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise Unauthenticated("the token is not valid") from error
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != part:
        raise Unauthenticated("the token is not valid")
    return data


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(
            data.decode(), object_pairs_hook=_without_repetition, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise Unauthenticated("the token is not valid") from error
    if not isinstance(found, dict):
        raise Unauthenticated("the token is not valid")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")
