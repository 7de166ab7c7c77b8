"""Keys that services sign the heads of their audit chains with."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from tools.dev.secret_files import pem, write_secret


def make(file: Path) -> Path:
    """Makes a key, once, with the public half beside it, `.pub`; the file."""
    if not file.exists():
        key = ed25519.Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        file.with_suffix(".pub").write_bytes(public)
        write_secret(file, pem(key))
    return file
