"""No secret, key, assertion or token is ever told, whatever becomes of a sign-in."""

import logging
from collections.abc import Callable

import pytest
import structlog

from libs.domain.errors import LatchkeyError
from services.connector.domain.connection import CredentialKind
from services.connector.entra.credentials.access_token import Token
from services.connector.translate.checks import test_response as response_of
from tests.integration.connector.credentials import KINDS, SECRET, CredentialHouse, projected_token
from tests.integration.entra_simulator import cast
from tests.support import pem

Spoil = Callable[[CredentialHouse, pytest.MonkeyPatch], None]


def _fault(kind: str, **fields: object) -> Spoil:
    def spoil(house: CredentialHouse, _: pytest.MonkeyPatch) -> None:
        house.simulator.faults.add(kind, service="login", **fields)

    return spoil


def _holds(kind: CredentialKind, text: str) -> Spoil:
    return lambda house, _: house.write(kind, text)


_FAILURES: dict[str, tuple[CredentialKind, Spoil, str]] = {
    "wrong secret": (
        CredentialKind.CLIENT_SECRET,
        _holds(CredentialKind.CLIENT_SECRET, SECRET + "wrong"),
        "AADSTS7000215",
    ),
    "unknown tenant": (
        CredentialKind.CLIENT_SECRET,
        _fault("error", status=400, method="GET", code="invalid_tenant", message=SECRET),
        f"there is no tenant {cast.TENANT}",
    ),
    "expired secret": (
        CredentialKind.CLIENT_SECRET,
        _holds(CredentialKind.CLIENT_SECRET, cast.EXPIRED_SECRET),
        "AADSTS7000222",
    ),
    "key as secret": (
        CredentialKind.CLIENT_SECRET,
        _holds(CredentialKind.CLIENT_SECRET, pem.key_pair().file),
        "no client secret",
    ),
    "secret echoed": (
        CredentialKind.CLIENT_SECRET,
        _fault(
            "error",
            status=400,
            method="POST",
            code="invalid_client",
            message=f"AADSTS1: {SECRET} is bad",
        ),
        "AADSTS1: … is bad",
    ),
    "unregistered certificate": (
        CredentialKind.CERTIFICATE,
        _holds(CredentialKind.CERTIFICATE, pem.key_pair(2).file),
        "AADSTS700027",
    ),
    "key without certificate": (
        CredentialKind.CERTIFICATE,
        _holds(CredentialKind.CERTIFICATE, pem.key_pair().key),
        "a private key and no certificate",
    ),
    "encrypted key": (
        CredentialKind.CERTIFICATE,
        _holds(
            CredentialKind.CERTIFICATE,
            pem.private_key(pem.rsa_key(), password=b"x") + pem.key_pair().certificate,
        ),
        "encrypted",
    ),
    "certificate half written": (
        CredentialKind.CERTIFICATE,
        _holds(CredentialKind.CERTIFICATE, pem.key_pair().file[:900]),
        "neither a private key nor a certificate",
    ),
    "token of another subject": (
        CredentialKind.FEDERATED_TOKEN,
        _holds(CredentialKind.FEDERATED_TOKEN, projected_token(sub="system:other")),
        "No matching federated identity record",
    ),
    "token with a foreign key": (
        CredentialKind.FEDERATED_TOKEN,
        _holds(CredentialKind.FEDERATED_TOKEN, projected_token(key=2)),
        "AADSTS700027",
    ),
    "expired token": (
        CredentialKind.FEDERATED_TOKEN,
        _holds(CredentialKind.FEDERATED_TOKEN, projected_token(seconds=-60)),
        "AADSTS700024",
    ),
    "secret as token": (
        CredentialKind.FEDERATED_TOKEN,
        _holds(CredentialKind.FEDERATED_TOKEN, SECRET),
        "does not hold a token",
    ),
    "wrong machine": (
        CredentialKind.MANAGED_IDENTITY,
        lambda house, environment: house.in_app_service(environment, header=SECRET),
        "signing in",
    ),
    "no machine": (
        CredentialKind.MANAGED_IDENTITY,
        lambda _, environment: environment.setenv(
            "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9"
        ),
        "no answer",
    ),
    "throttled": (CredentialKind.CERTIFICATE, _fault("throttle", retryAfter=30), "429"),
    "unavailable": (CredentialKind.FEDERATED_TOKEN, _fault("unavailable"), "503"),
    "reset": (CredentialKind.CLIENT_SECRET, _fault("reset"), "no answer"),
    "reset when done": (CredentialKind.CERTIFICATE, _fault("reset-done"), "no answer"),
}


@pytest.mark.parametrize("case", ["works", *_FAILURES])
async def test_nothing_secret_is_ever_told(
    credential_house: CredentialHouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    """Neither in a log of ours or a library's, nor in a report, an error or a representation.

    Signing in works or fails in each way, and everything that came of it is searched for the
    secret, the key, the assertion and the token.
    """
    kinds, words = KINDS, ""
    if case != "works":
        kind, spoil, words = _FAILURES[case]
        kinds = [kind]
        spoil(credential_house, monkeypatch)
    told: list[object] = []
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        for kind in kinds:
            source = credential_house.source(kind)
            found = await source.token()
            assert isinstance(found, Token) == (case == "works"), found
            assert words in str(found)
            async with credential_house.tenants() as tenants:
                report = await tenants.check(credential_house.connection(kind))
            assert report.ok == (case == "works")
            told += [found, repr(found), source, report, response_of(report), vars(source)]
            try:
                await credential_house.secrets.check(credential_house.credential(kind))
            except LatchkeyError as error:
                told += [error, error.facts, repr(error.__cause__), repr(error.__context__)]
    text = "\n".join(str(part) for part in (*told, logs, caplog.text))
    header = (
        credential_house.simulator.managed_identity.header
        if credential_house.simulator.managed_identity
        else ""
    )
    files = [path.read_text() for path in credential_house.folder.iterdir()]
    hidden = {SECRET, cast.EXPIRED_SECRET, header, "eyJ", *files}
    hidden |= {line for file in files for line in file.splitlines() if "-----" not in line}
    assert not [secret for secret in hidden if secret and secret in text]
