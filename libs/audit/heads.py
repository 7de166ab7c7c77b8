"""Signed heads: how far a chain reached, with the hash it had there.

A chain alone does not stop somebody who can rewrite all of it. A head names a record, its hash, and
the head before, and is signed with a key that is not in the database.
"""

from dataclasses import dataclass, replace
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# What is signed with the key for this can't be taken for anything else that it signs.
_PURPOSE = b"latchkey audit head 1\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one service's chain at one moment."""

    service: str
    sequence: int
    """The last record at that moment."""
    hash: str
    """Its hash."""
    previous_sequence: int
    """Where the head before it is; 0 for the first. A head that is gone leaves a gap."""
    head_time: str
    """As `records.time_text` writes it."""
    key_id: str
    signature: str = ""
    """Ed25519, in hex."""

    def statement(self) -> bytes:
        """What is signed: the purpose, and everything but the signature as canonical JSON.

        Raises:
            rfc8785.CanonicalizationError: no head could hold that.
        """
        fields = head_fields(self)
        del fields["signature"]
        return _PURPOSE + rfc8785.dumps(fields)

    def signed(self, key: Ed25519PrivateKey) -> "Head":
        """The same with its signature."""
        return replace(self, signature=key.sign(self.statement()).hex())

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is that of this key over this head."""
        try:
            key.verify(bytes.fromhex(self.signature), self.statement())
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True


def head_fields(head: Head) -> dict[str, Any]:
    """A head as JSON has it."""
    return {name: getattr(head, name) for name in Head.__dataclass_fields__}
