"""How an application proves who it is: a secret, or an assertion signed by its certificate or by
an issuer that it trusts.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import jwt
import jwt.types
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from tools.entra_simulator.changes import GraphObject
from tools.entra_simulator.login_errors import LoginError, LoginRefusal

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

# Times are compared against the simulator's clock, each with a refusal of its own.
_NO_TIMES: jwt.types.Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}


def check_credentials(
    registration: GraphObject, form: Mapping[str, str], token_endpoint: str, now: datetime
) -> None:
    """Refuses the login unless the form proves to come from the registered application."""
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise LoginError(LoginRefusal.MISSING_PARAMETER, parameter="client_assertion_type")
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
    """An assertion that the application issued itself is signed by its certificate."""
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False, **_NO_TIMES})
    except jwt.InvalidTokenError:
        raise LoginError(LoginRefusal.MALFORMED_ASSERTION) from None
    if claims.get("iss") == registration["appId"]:
        _check_certificate(registration, header, assertion, token_endpoint, now)
    else:
        _check_federation(registration, header, claims, assertion, now)


def _check_certificate(
    registration: GraphObject,
    header: Mapping[str, Any],
    assertion: str,
    token_endpoint: str,
    now: datetime,
) -> None:
    app_id = registration["appId"]
    thumbprint = str(header.get("x5t#S256") or header.get("x5t") or "")
    certificate = _signing_certificate(registration, header)
    if certificate is None:
        raise LoginError(
            LoginRefusal.UNREGISTERED_CERTIFICATE, app_id=app_id, thumbprint=thumbprint
        )
    try:
        claims = jwt.decode(
            assertion,
            cast(rsa.RSAPublicKey, certificate.public_key()),
            algorithms=["PS256", "RS256"],
            audience=token_endpoint,
            options={"require": ["exp", "sub"], **_NO_TIMES},
        )
    except jwt.InvalidAudienceError:
        raise LoginError(LoginRefusal.WRONG_ASSERTION_AUDIENCE) from None
    except jwt.InvalidTokenError:
        raise LoginError(LoginRefusal.WRONG_SIGNATURE, thumbprint=thumbprint) from None
    if claims["sub"] != app_id:
        raise LoginError(LoginRefusal.WRONG_SIGNATURE, thumbprint=thumbprint)
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not starts <= now < ends:
        raise LoginError(
            LoginRefusal.EXPIRED_CERTIFICATE,
            thumbprint=thumbprint,
            start=f"{starts:%m/%d/%Y %H:%M:%S}",
            end=f"{ends:%m/%d/%Y %H:%M:%S}",
        )
    _check_times(claims, now)


def _check_federation(
    registration: GraphObject,
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    assertion: str,
    now: datetime,
) -> None:
    """A token of somebody whom the registration trusts: issuer, subject and audience are those
    of one federated credential, and a key of its issuer has signed.

    Source: Microsoft Learn, "Workload identity federation"; comparisons heed case.
    """
    issuer, subject = str(claims.get("iss", "")), str(claims.get("sub", ""))
    audience = claims.get("aud", "")
    audiences = audience if isinstance(audience, list) else [audience]
    facts = {"issuer": issuer, "subject": subject, "audience": ", ".join(map(str, audiences))}
    trusted = registration.get("federatedIdentityCredentials", ())
    if not trusted:
        raise LoginError(LoginRefusal.NO_FEDERATION, **facts)
    of_issuer = [each for each in trusted if each["issuer"] == issuer]
    if not of_issuer:
        raise LoginError(LoginRefusal.UNKNOWN_ISSUER, **facts)
    of_subject = [each for each in of_issuer if each["subject"] == subject]
    if not of_subject:
        other_case = any(each["subject"].lower() == subject.lower() for each in of_issuer)
        raise LoginError(
            LoginRefusal.SUBJECT_IN_OTHER_CASE if other_case else LoginRefusal.UNKNOWN_SUBJECT,
            **facts,
        )
    credential = next(
        (each for each in of_subject if set(each["audiences"]) & set(audiences)), None
    )
    if credential is None:
        raise LoginError(LoginRefusal.UNKNOWN_AUDIENCE, **facts)
    _check_issuers_key(credential, header, assertion)
    _check_times(claims, now)


def _check_issuers_key(credential: GraphObject, header: Mapping[str, Any], assertion: str) -> None:
    key_id = str(header.get("kid", ""))
    for key in credential["jwks"]["keys"]:
        if key.get("kid", "") != key_id:
            continue
        try:
            jwt.decode(
                assertion,
                jwt.PyJWK(key, algorithm="RS256").key,
                algorithms=["RS256"],
                options={"verify_aud": False, **_NO_TIMES},
            )
            return
        except jwt.InvalidTokenError:
            break
    raise LoginError(LoginRefusal.WRONG_SIGNATURE, thumbprint=key_id)


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    # MSAL for Python writes its times as JSON floats, so they are compared as numbers.
    start, end = float(claims.get("nbf", 0)), float(claims.get("exp", 0))
    if not start <= now.timestamp() < end:
        raise LoginError(
            LoginRefusal.EXPIRED_ASSERTION,
            now=_moment(now.timestamp()),
            start=_moment(start),
            end=_moment(end),
        )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
