"""Certificates: one PEM file with the private key and its certificate.

What is wrong with a file is said in our own words. Those of the library that reads keys are left
out, for they may quote what it could not read.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.DOTALL)
# Shorter ones are not taken by Entra.
_LEAST_BITS = 2048


class SecretUnusable(Exception):
    """A file does not hold what the connection says. The text quotes nothing of it."""


def certificate_of(text: str) -> Mapping[str, str]:
    """The key with its certificate, and any others behind it, in MSAL's form.

    Given so, MSAL signs with PS256 and names the certificate by its SHA-256 thumbprint, `x5t#S256`.

    Raises:
        SecretUnusable: it is not a pair that can be signed in with now.
    """
    blocks = [(found[1], found[0]) for found in _BLOCK.finditer(text)]
    keys = [block for kind, block in blocks if kind.endswith("PRIVATE KEY")]
    found = [block for kind, block in blocks if kind == "CERTIFICATE"]
    if not keys and not found:
        raise SecretUnusable("it holds neither a private key nor a certificate as PEM")
    if not keys:
        raise SecretUnusable("it holds a certificate and no private key")
    if len(keys) > 1:
        raise SecretUnusable("it holds more than one private key")
    key = _key(keys[0])
    if not found:
        raise SecretUnusable("it holds a private key and no certificate")
    certificates = [(block, _certificate(block)) for block in found]
    own = [pair for pair in certificates if pair[1].public_key() == key.public_key()]
    if not own:
        raise SecretUnusable("none of its certificates belongs to its private key")
    # While one replaces another, both may be in the file: the one that lasts longest of those that
    # are valid.
    now = datetime.now(UTC)
    block, newest = max(
        own, key=lambda pair: (pair[1].not_valid_before_utc <= now, pair[1].not_valid_after_utc)
    )
    _check_dates(newest, now)
    others = [pair[0] for pair in certificates if pair not in own]
    return {"private_key": keys[0], "public_certificate": "\n".join([block, *others])}


def _key(block: str) -> rsa.RSAPrivateKey:
    if "BEGIN ENCRYPTED" in block or "Proc-Type: 4,ENCRYPTED" in block:
        raise SecretUnusable("its private key is encrypted; it must be readable without a password")
    try:
        key = load_pem_private_key(block.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SecretUnusable("its private key can't be read") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SecretUnusable("its private key is not an RSA key, and Entra takes no other")
    if key.key_size < _LEAST_BITS:
        raise SecretUnusable(f"its key has {key.key_size} bits, {_LEAST_BITS} are the least")
    return key


def _certificate(block: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(block.encode())
        certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SecretUnusable("its certificate can't be read") from None
    return certificate


def _check_dates(certificate: x509.Certificate, now: datetime) -> None:
    if certificate.not_valid_after_utc < now:
        raise SecretUnusable(
            f"its certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        )
    if certificate.not_valid_before_utc > now:
        raise SecretUnusable(
            f"its certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
        )
