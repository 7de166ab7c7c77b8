"""Tokens for tests, from the same local issuer that the dev house has."""

from collections.abc import Iterable

from libs.domain.ids import derived_id
from tools.dev.issuer import AUDIENCE, ISSUER, Issuer

TENANT = "11111111-2222-3333-4444-555555555555"


def object_id(name: str) -> str:
    """The object id that a person of this name has in tests: a GUID made of the name."""
    digits = f"{int.from_bytes(derived_id('x', name).encode()) & (1 << 128) - 1:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class TestIssuer(Issuer):
    """An issuer that knows people by name."""

    __test__ = False

    issuer = ISSUER
    audience = AUDIENCE

    def named(self, name: str, roles: Iterable[str] = (), tenant: str = TENANT) -> str:
        """A token for the person of this name."""
        return self.person(tenant, object_id(name), name, roles=roles)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)
