"""From what a file holds to what MSAL signs in with.

A file is looked at before anything of it is sent: a private key that was named as a client secret
would otherwise be handed to the login endpoint as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.connector.domain.connection import Credential, CredentialKind
from services.connector.entra.credentials.certificates import SecretUnusable, certificate_of

__all__ = ["Material", "SecretUnusable", "material_of"]

# Three parts of base64url, as every token is that a login endpoint takes for an assertion.
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """What is signed in with; in no representation, log or text.

    `credential` is MSAL's own form of it, None for a managed identity. `hidden` are the texts that
    must not be shown. `digest` is that of the file's content.
    """

    kind: CredentialKind
    credential: str | Mapping[str, Any] | None
    hidden: tuple[str, ...]
    digest: bytes


def material_of(credential: Credential, text: str, digest: bytes) -> Material:
    """The material that a file's text is, for one kind of credential.

    Raises:
        SecretUnusable: it is something else.
    """
    match credential.kind:
        case CredentialKind.MANAGED_IDENTITY:
            return Material(credential.kind, None, (), digest)
        case CredentialKind.CERTIFICATE:
            certificate = certificate_of(text)
            return Material(credential.kind, certificate, (text,), digest)
        case CredentialKind.FEDERATED_TOKEN:
            if not _TOKEN.fullmatch(text):
                raise SecretUnusable("it does not hold a token, three parts with dots between them")
            # MSAL warns of one that is given as it is; this one is read anew for each sign-in.
            return Material(credential.kind, {"client_assertion": lambda: text}, (text,), digest)
        case CredentialKind.CLIENT_SECRET:
            if "-----BEGIN" in text:
                raise SecretUnusable("it holds a key or a certificate and no client secret")
            if not text.isprintable():
                raise SecretUnusable("it holds more than one line, or what can't be printed")
            return Material(credential.kind, text, (text,), digest)
