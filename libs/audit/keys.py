"""The keys that heads are signed with, as files.

A key file is PEM: one private Ed25519 key, unencrypted. The public keys of those before it may
follow, so that heads which they signed can still be checked.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.audit.heads import Head

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.S)
_log = structlog.get_logger(__name__)

PublicKeys = Mapping[str, Ed25519PublicKey]
"""By their ids."""


def key_id_of(key: Ed25519PublicKey) -> str:
    """The name of a key: the first half of the SHA-256 of its 32 bytes, in hex."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def public_keys(pem: bytes) -> dict[str, Ed25519PublicKey]:
    """The public keys in a PEM text, by id; that of a private key too.

    Raises:
        ValueError: it holds something else, or nothing.
    """
    _, found = _read(pem)
    if not found:
        raise ValueError("there is no Ed25519 key in it")
    return found


def _read(pem: bytes) -> tuple[list[Ed25519PrivateKey], dict[str, Ed25519PublicKey]]:
    private: list[Ed25519PrivateKey] = []
    public: dict[str, Ed25519PublicKey] = {}
    for block in _BLOCK.finditer(pem):
        try:
            if block[1] == b"PUBLIC KEY":
                key: object = serialization.load_pem_public_key(block[0])
            else:
                key = serialization.load_pem_private_key(block[0], None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            # Not the error's own words: they may be about the key.
            raise ValueError("it is not an unencrypted key as PEM") from error
        if isinstance(key, Ed25519PrivateKey):
            private.append(key)
            key = key.public_key()
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("it holds a key that is not Ed25519")
        public[key_id_of(key)] = key
    return private, public


class KeyFile:
    """A key file that is read again whenever it is used: replacing it needs no restart."""

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            OSError: it can't be read.
            ValueError: it does not hold exactly one private Ed25519 key.
        """
        self._path = path
        self._private, self._public = self._keys()

    @property
    def public_keys(self) -> PublicKeys:
        """The key's public half, and those of former keys."""
        self._refresh()
        return self._public

    def sign(self, service: str, sequence: int, hash: str, previous: int, time: str) -> Head:
        """A signed head of a service's chain; `previous` is where the head before it is."""
        self._refresh()
        private = self._private
        key_id = key_id_of(private.public_key())
        return Head(service, sequence, hash, previous, time, key_id).signed(private)

    def _keys(self) -> tuple[Ed25519PrivateKey, PublicKeys]:
        private, public = _read(self._path.read_bytes())
        if len(private) != 1:
            raise ValueError(f"it holds {len(private) or 'no'} private Ed25519 keys, not one")
        return private[0], public

    def _refresh(self) -> None:
        """A file that can't be read for a moment, as while it is replaced, changes nothing."""
        try:
            self._private, self._public = self._keys()
        except (OSError, ValueError) as error:
            _log.error("audit_key_unreadable", file=str(self._path), problem=str(error))
