"""How an application proves who it is: a client secret, or an assertion signed by its key."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.errors import LoginError, LoginRefusal


def check_credentials(
    registration: GraphObject, form: Mapping[str, str], token_endpoint: str, now: datetime
) -> None:
    """Refuses the login unless the form proves to come from the registered application."""
    if "client_assertion" in form:
        _check_assertion(registration, form["client_assertion"], token_endpoint, now)
    elif "client_secret" in form:
        _check_secret(registration, form["client_secret"], now)
    else:
        raise LoginError(LoginRefusal.NO_CREDENTIAL)


def _check_secret(registration: GraphObject, secret: str, now: datetime) -> None:
    for registered in registration.get("secrets", ()):
        if registered["value"] == secret:
            if datetime.fromisoformat(registered["endDateTime"]) <= now:
                raise LoginError(LoginRefusal.EXPIRED_SECRET, app_id=registration["appId"])
            return
    raise LoginError(LoginRefusal.WRONG_SECRET, app_id=registration["appId"])


def _check_assertion(
    registration: GraphObject, assertion: str, token_endpoint: str, now: datetime
) -> None:
    app_id = registration["appId"]
    unregistered = LoginError(LoginRefusal.UNREGISTERED_CERTIFICATE, app_id=app_id)
    try:
        certificate = _signing_certificate(registration, jwt.get_unverified_header(assertion))
        if certificate is None:
            raise unregistered
        claims = jwt.decode(
            assertion,
            cast(rsa.RSAPublicKey, certificate.public_key()),
            algorithms=["PS256", "RS256"],
            audience=token_endpoint,
            issuer=app_id,
            options={
                "require": ["exp", "sub"],
                # Against the simulator's clock, below.
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except jwt.InvalidTokenError:
        raise unregistered from None
    if claims["sub"] != app_id:
        raise unregistered
    # MSAL for Python writes its times as JSON floats, so they are compared as numbers.
    if not claims.get("nbf", 0) <= now.timestamp() < claims["exp"]:
        raise LoginError(LoginRefusal.EXPIRED_ASSERTION)


def _signing_certificate(
    registration: GraphObject, header: Mapping[str, Any]
) -> x509.Certificate | None:
    """The registered certificate the assertion names: by SHA-256, or by SHA-1 as of old.

    MSAL for Python pads the thumbprint, against RFC 7515, and Microsoft's endpoint takes it.
    """
    for pem in registration.get("certificates", ()):
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        if "x5t#S256" in header:
            named = header["x5t#S256"].rstrip("=") == _thumbprint(certificate, hashes.SHA256())
        else:
            # Microsoft's endpoint still takes x5t, so the weak digest is only a name here.
            named = header.get("x5t", "").rstrip("=") == _thumbprint(certificate, hashes.SHA1())
        if named:
            return certificate
    return None


def _thumbprint(certificate: x509.Certificate, digest: hashes.HashAlgorithm) -> str:
    return base64.urlsafe_b64encode(certificate.fingerprint(digest)).decode("ascii").rstrip("=")
