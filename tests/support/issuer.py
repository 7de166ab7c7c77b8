"""Tokens for tests, from the same local issuer that the dev house has."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from libs.domain.ids import derived_id
from tools.dev.issuer import AUDIENCE, ISSUER, Issuer
from tools.dev.secret_files import pem, write_secret

TENANT = "11111111-2222-3333-4444-555555555555"


def object_id(name: str) -> str:
    """The object id that a person of this name has in tests: a GUID made of the name."""
    digits = f"{int.from_bytes(derived_id('x', name).encode()) & (1 << 128) - 1:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@cache
def _shared_key() -> bytes:
    return pem(rsa.generate_private_key(65537, 2048))


class TestIssuer(Issuer):
    """An issuer that knows people by name."""

    __test__ = False

    issuer = ISSUER
    audience = AUDIENCE

    def __init__(self, folder: Path, *, stranger: bool = False) -> None:
        """All of a run have one key, since making one takes longer than most tests; a stranger has
        one of its own."""
        file = folder / "issuer.pem"
        if not stranger and not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_secret(file, _shared_key())
        super().__init__(folder)

    def named(self, name: str, roles: Iterable[str] = (), tenant: str = TENANT) -> str:
        """A token for the person of this name."""
        return self.person(tenant, object_id(name), name, roles=roles)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)
