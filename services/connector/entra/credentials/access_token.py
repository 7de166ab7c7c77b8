"""An access token."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

# One is renewed this long before it ends, and used until shortly before; but within that share of
# the time that was left when it came. A machine gives out what it has, which may end soon.
_RENEWED_SECONDS, _RENEWED_SHARE = 300, 0.2
_UNUSED_SECONDS, _UNUSED_SHARE = 30, 0.1


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Its text is in no representation of it.

    `digest` is that of the file that it was got with; until when it is valid is a time of
    `time.monotonic`.
    """

    _text: str
    _until: float
    digest: bytes = b""

    @property
    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"Bearer {self._text}"

    def is_usable(self, now: float, since: float) -> bool:
        """Whether it is valid for a while, when it came at `since`, of the same clock."""
        return now < self._until - min(_UNUSED_SECONDS, _UNUSED_SHARE * (self._until - since))

    def is_due(self, now: float, since: float) -> bool:
        """Whether it is time for the next one."""
        return now >= self._until - min(_RENEWED_SECONDS, _RENEWED_SHARE * (self._until - since))

    def permissions(self) -> frozenset[str] | None:
        """The application permissions that it carries, None where it can't be read.

        Nothing is verified: it is ours.
        """
        claims = self._claims()
        if claims is None:
            return None
        roles = claims.get("roles", [])
        return frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset()

    def entra_tenant_id(self) -> str:
        """The tenant that it is for; empty when it does not say."""
        return str((self._claims() or {}).get("tid", "")).lower()

    def _claims(self) -> dict[str, Any] | None:
        payload = self._text.split(".")[1] if self._text.count(".") == 2 else ""
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (binascii.Error, ValueError):
            return None
        return claims if isinstance(claims, dict) else None

    def __repr__(self) -> str:
        return "Token(…)"
