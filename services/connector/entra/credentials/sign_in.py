"""Signing in, with each kind of credential. It blocks: it is for a thread of its own.

MSAL is made anew for each sign-in, so that it keeps neither a secret nor a token, nor remembers a
`Retry-After` that the next one, with another secret, would be held back by.
"""

import os
import time
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from services.connector.domain.connection import Credential, CredentialKind
from services.connector.entra.clouds import Cloud
from services.connector.entra.credentials.access_token import Token
from services.connector.entra.credentials.http import ForeignHost, Heard, LoginHttp
from services.connector.entra.credentials.materials import Material, SecretUnusable
from services.connector.entra.problems import Problem, tidy
from services.connector.entra.secrets import SecretMissing

SIGN_IN_SECONDS = 30.0
_IMDS = "http://169.254.169.254"
# Where other machines than Azure's own keep their identity; MSAL would go there.
_OTHER_MACHINES = ("IDENTITY_SERVER_THUMBPRINT", "MSI_ENDPOINT", "IMDS_ENDPOINT")


class Materials(Protocol):
    """Where the secrets are."""

    def material(self, credential: Credential) -> Material:
        """What a credential is proved with, as it is now. Reads the disk.

        Raises:
            SecretMissing: there is no such file.
            SecretUnusable: it holds something else.
        """
        ...

    def digest(self, credential: Credential) -> bytes | None:
        """That of the file as it is now; None where there is none. Reads the disk."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs in to which tenant."""

    cloud: Cloud
    entra_tenant_id: str
    entra_client_id: str
    credential: Credential


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What came of it. `digest` is that of the file it was tried with, empty without one."""

    found: Token | Problem
    digest: bytes


def sign_in(identity: Identity, materials: Materials) -> SignedIn:
    """Signs in, with what the secrets folder holds now."""
    try:
        material = materials.material(identity.credential)
    except SecretMissing as error:
        return SignedIn(_refusal("secret_missing", str(error)), b"")
    except SecretUnusable as error:
        text = f"{identity.credential.name} in the secrets folder can't be used: {error}"
        return SignedIn(
            _refusal("secret_unusable", text), materials.digest(identity.credential) or b""
        )
    try:
        trust = identity.cloud.trust()
    except OSError as error:
        text = f"the certificate authority of the cloud can't be read: {type(error).__name__}"
        return SignedIn(_refusal("authority_unreadable", text), b"")
    managed = material.kind is CredentialKind.MANAGED_IDENTITY
    if managed and (other := next((name for name in _OTHER_MACHINES if os.getenv(name)), None)):
        text = f"{other} is set: managed identities are those of Azure's machines and App Service"
        return SignedIn(_refusal("machine_unknown", text), b"")
    began = time.monotonic()
    with LoginHttp(
        trust,
        [_machine()] if managed else identity.cloud.login_urls,
        # No proxy stands between a machine and its own identity.
        trust_env=identity.cloud.ca_file is None and not managed,
        seconds=SIGN_IN_SECONDS,
    ) as http:
        hidden = (*material.hidden, os.getenv("IDENTITY_HEADER", ""))
        found = _sign_in(identity, material, http, hidden, began)
    return SignedIn(found, material.digest)


def _sign_in(
    identity: Identity,
    material: Material,
    http: LoginHttp,
    hidden: tuple[str, ...],
    began: float,
) -> Token | Problem:
    try:
        if material.credential is None:
            result = _machines_token(identity, http)
        else:
            result = _applications_token(identity, material, http)
        if "access_token" in result:
            return _token(identity, material, result, began)
        code = str(result.get("error") or "unknown")
        text = str(result.get("error_description") or "")
    except (httpx.HTTPError, OSError) as error:
        code, text = type(error).__name__, "no answer"
    except ForeignHost as error:
        return _refusal("foreign_host", str(error))
    except Exception as error:
        # MSAL: the authority has no such tenant, or answered what it does not understand.
        code, text = "authority_refused", str(error)
        if http.heard.discovering and http.heard.status in (400, 404):
            text = f"there is no tenant {identity.entra_tenant_id} at {identity.cloud.login_url}"
    shown = tidy(text, *_spellings(hidden), *_spellings(http.heard.hidden))
    return _problem(http.heard, code, shown, managed=material.credential is None)


def _spellings(secrets: Iterable[str]) -> list[str]:
    """Secrets as they could stand in a text: as they are, and as they are in a form."""
    return [
        spelling
        for secret in secrets
        if secret
        for spelling in {secret, urllib.parse.quote(secret, ""), urllib.parse.quote_plus(secret)}
    ]


def _applications_token(identity: Identity, material: Material, http: LoginHttp) -> dict[str, Any]:
    # Loaded when it is needed, in this thread: with all that it brings MSAL is nine megabytes and a
    # tenth of the connector's start, and nobody waits for it there.
    import msal

    # Discovery of instances would ask the global cloud about the others; the hosts are known here.
    application = msal.ConfidentialClientApplication(
        identity.entra_client_id,
        client_credential=material.credential,
        authority=f"{identity.cloud.login_url}/{identity.entra_tenant_id}",
        instance_discovery=False,
        http_client=http,
    )
    result: dict[str, Any] = application.acquire_token_for_client([identity.cloud.scope])
    return result


def _machines_token(identity: Identity, http: LoginHttp) -> dict[str, Any]:
    import msal

    client = msal.ManagedIdentityClient(
        msal.UserAssignedManagedIdentity(client_id=identity.entra_client_id), http_client=http
    )
    resource = identity.cloud.scope.removesuffix("/.default")
    result: dict[str, Any] = client.acquire_token_for_client(resource=resource)
    return result


def _machine() -> str:
    """Where the machine's identity is: what App Service sets, or the address of every machine."""
    if os.getenv("IDENTITY_ENDPOINT") and os.getenv("IDENTITY_HEADER"):
        return os.environ["IDENTITY_ENDPOINT"]
    return os.getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", _IMDS)


def _token(
    identity: Identity, material: Material, result: dict[str, Any], began: float
) -> Token | Problem:
    seconds = float(result.get("expires_in", 3599))
    token = Token(str(result["access_token"]), began + seconds, material.digest)
    tenant = token.entra_tenant_id()
    if tenant and tenant != identity.entra_tenant_id:
        # A machine's identity belongs to one tenant, and nobody asks it for which.
        return _refusal("tenant_differs", f"the identity is one of the tenant {tenant}")
    return token


def _problem(heard: Heard, code: str, text: str, *, managed: bool) -> Problem:
    status = heard.status
    # OAuth's own words for "not now", and how a machine says that its identity is being changed.
    not_now = code in ("temporarily_unavailable", "server_error") or (
        managed and status in (404, 410)
    )
    if not_now and status < 500:
        status = 503
    elif status and status not in (408, 429) and status < 500:
        # Also what says no in an answer that says yes.
        status = 401
    elif not status and code == "authority_refused":
        status = 400
    return Problem(status, code, text, heard.retry_after, sent=False, signing_in=True)


def _refusal(code: str, text: str) -> Problem:
    return Problem(400, code, text, sent=False, signing_in=True)
