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

from tests.integration.entra_simulator import cast
from tests.integration.entra_simulator.conftest import trust
from tests.integration.entra_simulator.credentials import Certificate, Issuer
from tools.entra_simulator import Simulator, built_in_tenant

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


@pytest.fixture(scope="module")
def older_certificate() -> Certificate:
    return Certificate()


@pytest.fixture(scope="module")
def expired_certificate() -> Certificate:
    return Certificate(valid=-timedelta(days=1))


@pytest.fixture(scope="module")
def cluster() -> Issuer:
    return Issuer("https://cluster.example")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def present_day(
    tmp_path_factory: pytest.TempPathFactory,
    certificate: Certificate,
    older_certificate: Certificate,
    expired_certificate: Certificate,
    cluster: Issuer,
) -> AsyncIterator[Simulator]:
    """A simulator on the real clock, because MSAL's assertions are, with every credential."""
    tenant = built_in_tenant()
    tenant["appRegistrations"][0] |= {
        "certificates": [older_certificate.public, expired_certificate.public, certificate.public],
        "federatedIdentityCredentials": [cluster.credential("system:serviceaccount:x:connector")],
    }
    async with Simulator(
        tmp_path_factory.mktemp("present"), tenant, managed_identity_port=0
    ) as running:
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


async def test_two_certificates(present_day: Simulator, older_certificate: Certificate) -> None:
    """While a certificate is being replaced both are good: the assertion names its own."""
    credential = {
        "private_key": older_certificate.private,
        "public_certificate": older_certificate.public,
    }
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, credential, oidc_authority=authority)
    assert "access_token" in answer


async def test_expired_certificate(
    present_day: Simulator, expired_certificate: Certificate
) -> None:
    """A registered certificate whose time is over is refused, and the reason says so."""
    credential = {
        "private_key": expired_certificate.private,
        "public_certificate": expired_certificate.public,
    }
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, credential, oidc_authority=authority)
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700027])
    assert "Reason - The key used is expired." in answer["error_description"]


async def test_federated_token(present_day: Simulator, cluster: Issuer) -> None:
    """A workload identity's token of a trusted issuer is taken in place of a secret."""
    credential = {
        "client_assertion": lambda: cluster.token(
            "system:serviceaccount:x:connector", datetime.now(UTC)
        )
    }
    authority = f"{present_day.url}/{cast.TENANT}/v2.0"
    answer = await acquire_token(present_day, credential, oidc_authority=authority)
    assert "access_token" in answer


@pytest.mark.parametrize("where", ["virtual machine", "app service"])
async def test_managed_identity(
    present_day: Simulator, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """MSAL's client of managed identities gets a token that Graph takes."""
    identity = present_day.managed_identity
    assert identity is not None
    if where == "app service":
        monkeypatch.setenv("IDENTITY_ENDPOINT", identity.endpoint)
        monkeypatch.setenv("IDENTITY_HEADER", identity.header)
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", identity.url)

    def acquire() -> dict[str, Any]:
        with httpx.Client() as client:
            application = msal.ManagedIdentityClient(
                msal.SystemAssignedManagedIdentity(), http_client=client
            )
            answer: dict[str, Any] = application.acquire_token_for_client(
                resource="https://graph.microsoft.com"
            )
            return answer

    answer = await asyncio.to_thread(acquire)
    async with httpx.AsyncClient(base_url=present_day.url, verify=trust(present_day)) as client:
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        assert (await client.get("/v1.0/users", headers=bearer)).status_code == 200
