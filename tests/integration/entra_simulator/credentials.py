"""Certificates and issuers of the tests' own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

AUDIENCE = "api://AzureADTokenExchange"


class Certificate:
    """A self-signed certificate of an application, as an administrator would upload it."""

    def __init__(self, valid: timedelta = timedelta(days=1)) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "latchkey")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + valid)
            .sign(key, hashes.SHA256())
        )
        self.public = certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.sha1_thumbprint = certificate.fingerprint(hashes.SHA1()).hex()
        self.private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()


class Issuer:
    """An identity provider that an app registration trusts, such as a Kubernetes cluster."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def credential(self, subject: str, audience: str = AUDIENCE) -> dict[str, Any]:
        """The federated identity credential of an app registration that trusts this issuer."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {
            "name": "of-a-test",
            "issuer": self.url,
            "subject": subject,
            "audiences": [audience],
            "jwks": {"keys": [{**public, "kid": "the-key", "use": "sig"}]},
        }

    def token(self, subject: str, now: datetime, **claims: Any) -> str:
        """Good for ten minutes, unless the claims say otherwise."""
        seconds = int(now.timestamp())
        all_claims = {
            "iss": self.url,
            "sub": subject,
            "aud": [AUDIENCE],
            "iat": seconds,
            "nbf": seconds,
            "exp": seconds + 600,
            **claims,
        }
        return jwt.encode(all_claims, self._key, algorithm="RS256", headers={"kid": "the-key"})
