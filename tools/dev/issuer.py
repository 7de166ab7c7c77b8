"""The local issuer: signs tokens for people and services on one machine.

It stands in for Entra's own login where there is none. Whoever has its folder is whoever they
say, so it is for development only. Its tokens look like Entra's version 2 access tokens: `tid`,
`oid` and `roles` for a person.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tools.dev import audit_keys
from tools.dev.secret_files import pem, write_secret

ISSUER = "https://localhost/latchkey-dev"
AUDIENCE = "latchkey"
SERVICES = ("catalog", "connector", "policy", "requests")
_KEY_ID = "dev-1"
_DAY = 24 * 3600


class Issuer:
    """An issuer whose keys live in a folder, and stay the same while the folder does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jwks_file = folder / "jwks.json"
        folder.mkdir(parents=True, exist_ok=True)
        key_file = folder / "issuer.pem"
        if not key_file.exists():
            write_secret(key_file, pem(rsa.generate_private_key(65537, 2048)))
        # Our own: to prove its primes again would take a tenth of a second.
        key = serialization.load_pem_private_key(
            key_file.read_bytes(), None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key = key
        jwk = json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": _KEY_ID, "alg": "RS256"}
        self.jwks_file.write_text(json.dumps({"keys": [jwk]}, indent=2))

    def person(
        self,
        entra_tenant_id: str,
        entra_object_id: str,
        name: str,
        *,
        roles: Iterable[str] = (),
        seconds: float = 30 * _DAY,
    ) -> str:
        """A token for a person."""
        return self.sign(
            {
                "tid": entra_tenant_id,
                "oid": entra_object_id,
                "name": name,
                "roles": sorted(roles),
            },
            seconds=seconds,
        )

    def service(self, name: str, *, seconds: float = 365 * _DAY) -> str:
        """A token for one of our services."""
        return self.sign({"latchkey_service": name}, seconds=seconds)

    def service_token_file(self, name: str) -> Path:
        """A file with a fresh token for a service."""
        file = self.folder / f"{name}.token"
        write_secret(file, self.service(name).encode())
        return file

    def audit_key_file(self, name: str) -> Path:
        """The file of the key that a service signs the heads of its audit chain with, made once;
        the public half is beside it, `….audit.pub`."""
        return audit_keys.make(self.folder / f"{name}.audit.pem")

    def sign(self, claims: dict[str, Any], *, seconds: float) -> str:
        """A token with any claims; they may replace the usual ones."""
        now = time.time()
        usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": int(now), "exp": int(now + seconds)}
        return jwt.encode(usual | claims, self._key, algorithm="RS256", headers={"kid": _KEY_ID})
