"""The keys that tokens are signed with, and those that are published, which need not be the same.

token-key.pem   the present one
token-key-1.pem, token-key-2.pem …   those before it, for as long as they are published
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tools.entra_simulator.certificates import token_signing_key, write_private_key


class SigningKey:
    """One key, with the id that its public half is published under."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.private = key
        self.public = key.public_key()
        self.id = hashlib.sha256(
            self.public.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).hexdigest()[:27]

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """A token; a field of the header that is None is left out."""
        wanted = {"typ": "JWT", "kid": self.id, **(header or {})}
        return jwt.encode(claims, self.private, algorithm="RS256", headers=wanted)

    def published(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.public))
        published = {"kty": "RSA", "use": "sig", "kid": self.id, "x5t": self.id}
        return {**published, "n": key["n"], "e": key["e"]}


class SigningKeys:
    """The keys of one simulator, in its state directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.current = SigningKey(token_signing_key(directory))
        self._before = [
            SigningKey(_read(path)) for path in sorted(directory.glob("token-key-*.pem"))
        ]
        # Withdrawn since the start: still good for signing what nobody should believe.
        self.withdrawn: list[SigningKey] = []

    def rotate(self, *, keep: bool) -> SigningKey:
        """Signs with a new key from now on. `keep`: those of before stay published."""
        before = [*self._before, self.current]
        for path in self._directory.glob("token-key-*.pem"):
            path.unlink()
        if keep:
            for number, key in enumerate(before, 1):
                write_private_key(self._directory / f"token-key-{number}.pem", key.private)
        else:
            self.withdrawn += before
        self._before = before if keep else []
        (self._directory / "token-key.pem").unlink()
        self.current = SigningKey(token_signing_key(self._directory))
        return self.current

    def key_set(self) -> dict[str, Any]:
        return {"keys": [key.published() for key in (self.current, *self._before)]}

    def public(self, key_id: str | None) -> rsa.RSAPublicKey:
        """The published key of that id; without one, the present key."""
        for key in self._before:
            if key.id == key_id:
                return key.public
        return self.current.public


def _read(path: Path) -> rsa.RSAPrivateKey:
    # Our own, as in `certificates`: not proved again.
    key = serialization.load_pem_private_key(
        path.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
