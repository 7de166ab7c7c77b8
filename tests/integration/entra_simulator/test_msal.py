"""Microsoft's own client library logs in unmodified."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msal
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import trust
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Certificate:
    """A self-signed certificate of an application, as an administrator would upload it."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "latchkey")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        self.public = certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.sha1_thumbprint = certificate.fingerprint(hashes.SHA1()).hex()
        self.private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()


class AssertionAsText:
    """An httpx client as MSAL wants its HTTP client, which sends assertions as they are.

    MSAL hands its signed assertion over as bytes, and httpx writes bytes in a form field as
    Python shows them, `b'eyJ…'`, which Microsoft refuses as it refuses any damaged assertion.
    """

    def __init__(self, client: httpx.Client) -> None:
        self.get = client.get
        self.close = client.close
        self._post = client.post

    def post(self, url: str, *, data: dict[str, Any], **options: Any) -> httpx.Response:
        text = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in data.items()
        }
        return self._post(url, data=text, **options)


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def present_day(
    tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> AsyncIterator[Simulator]:
    """A simulator on the real clock, because MSAL's assertions are, with a certificate."""
    tenant = built_in_tenant()
    tenant["appRegistrations"][0]["certificates"] = [certificate.public]
    async with Simulator(tmp_path_factory.mktemp("present"), tenant) as running:
        yield running


async def acquire_token(simulator: Simulator, credential: Any, **authority: Any) -> dict[str, Any]:
    def acquire() -> dict[str, Any]:
        with httpx.Client(verify=trust(simulator)) as client:
            application = msal.ConfidentialClientApplication(
                cast.CONNECTOR,
                client_credential=credential,
                http_client=AssertionAsText(client),
                **authority,
            )
            answer: dict[str, Any] = application.acquire_token_for_client(
                ["https://graph.microsoft.com/.default"]
            )
            return answer

    # MSAL blocks, and the simulator runs in this very loop.
    return await asyncio.to_thread(acquire)


async def test_secret_by_authority(present_day: Simulator) -> None:
    """With `authority` and no instance discovery, a client secret yields a token."""
    authority = f"{present_day.url}/{cast.TENANT}"
    since = present_day.journal.last_number
    answer = await acquire_token(
        present_day, cast.CONNECTOR_SECRET, authority=authority, instance_discovery=False
    )
    assert answer["expires_in"] == 3599
    assert [entry["path"] for entry in present_day.journal.entries(since)] == [
        f"/{cast.TENANT}/v2.0/.well-known/openid-configuration",
        f"/{cast.TENANT}/oauth2/v2.0/token",
    ]


async def test_secret_by_oidc_authority(present_day: Simulator) -> None:
    """With `oidc_authority` MSAL checks the issuer too, and is content."""
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, cast.CONNECTOR_SECRET, oidc_authority=authority)
    assert "access_token" in answer


async def test_certificate(present_day: Simulator, certificate: Certificate) -> None:
    """A PS256 assertion with x5t#S256 and times as JSON floats is taken."""
    credential = {"private_key": certificate.private, "public_certificate": certificate.public}
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, credential, oidc_authority=authority)
    assert "access_token" in answer


async def test_certificate_named_by_sha1(present_day: Simulator, certificate: Certificate) -> None:
    """The older RS256 assertion with x5t is taken as well."""
    credential = {"private_key": certificate.private, "thumbprint": certificate.sha1_thumbprint}
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, credential, oidc_authority=authority)
    assert "access_token" in answer


async def test_foreign_certificate_is_refused(present_day: Simulator) -> None:
    """An assertion signed by a certificate that nobody registered is AADSTS700027."""
    foreign = Certificate()
    credential = {"private_key": foreign.private, "public_certificate": foreign.public}
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, credential, oidc_authority=authority)
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700027])


async def test_wrong_key_under_a_registered_name_is_refused(
    present_day: Simulator, certificate: Certificate
) -> None:
    """Naming a registered certificate is not enough: its key must have signed."""
    credential = {
        "private_key": Certificate().private,
        "thumbprint": certificate.sha1_thumbprint,
    }
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, credential, oidc_authority=authority)
    assert answer["error_codes"] == [700027]
